/**
 * Servers that are no Pulsewire, or that turn a client away.
 *
 * @module
 */

/** What a stranger does with each connection, which is closed at the end of the test at the latest. */
export type Manner = (connection: Deno.TcpConn) => Promise<void>;

/** A server that is no Pulsewire, on a port of 127.0.0.1. */
export class Stranger implements AsyncDisposable {
  /** The port that it listens on. */
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #manner: Manner;
  readonly #connections: Deno.TcpConn[] = [];
  readonly #accepting: Promise<void>;
  readonly #served: Promise<void>[] = [];

  constructor(manner: Manner) {
    this.#manner = manner;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#accepting = this.#acceptAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    this.#connections.forEach(closeOnce);
    await Promise.all(this.#served);
  }

  async #acceptAll(): Promise<void> {
    for await (const connection of this.#listener) {
      this.#connections.push(connection);
      // However a connection ends, the test judges by what the client says of it.
      this.#served.push(this.#manner(connection).catch(() => {}));
    }
  }
}

function closeOnce(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Reads what comes and does nothing with it, until the connection ends. */
async function readOn(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  while (await connection.read(buffer) !== null);
}

/** Says a text at once, then nothing more. */
export function says(bytes: Uint8Array): Manner {
  return async (connection) => {
    await connection.write(bytes);
    await readOn(connection);
  };
}

/** Answers the first line with a text, then closes. */
export function answers(text: string): Manner {
  return async (connection) => {
    await connection.read(new Uint8Array(4096));
    await connection.write(new TextEncoder().encode(text));
    await connection.closeWrite();
    await readOn(connection);
    connection.close();
  };
}

/** Sends everything back. */
export const echoes: Manner = async (connection) => {
  const buffer = new Uint8Array(4096);
  for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
    await connection.write(buffer.slice(0, n));
  }
};

/** Accepts, and says nothing. */
export const saysNothing: Manner = readOn;

/** Closes at once; `read`: after it has read what the client says first. */
export function closes({ read }: { read: boolean }): Manner {
  return async (connection) => {
    if (read) await connection.read(new Uint8Array(4096));
    connection.close();
  };
}
