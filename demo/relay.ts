/**
 * A relay on loopback that can stop forwarding, as a path that drops packets silently does.
 *
 * @module
 */

/** Forwards connections to a port of 127.0.0.1, as long as it is let. */
export class Relay implements Disposable {
  /** The port to connect to. */
  readonly port: number;
  readonly #target: number;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.Conn>();
  #open = Promise.withResolvers<void>();

  /** Opens a relay to a port. */
  constructor(target: number) {
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#open.resolve();
    this.#accept();
  }

  /** Forwards nothing more, and says nothing about it. */
  silence(): void {
    this.#open = Promise.withResolvers();
  }

  /** Forwards again, beginning with what was held back. */
  heal(): void {
    this.#open.resolve();
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
  }

  async #accept(): Promise<void> {
    for (;;) {
      const near = await this.#listener.accept().catch(() => undefined);
      if (near === undefined) return;
      const far = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      near.setNoDelay(true);
      far.setNoDelay(true);
      this.#connections.add(near).add(far);
      this.#forward(near, far);
      this.#forward(far, near);
    }
  }

  async #forward(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
        await this.#open.promise;
        let rest = buffer.subarray(0, count);
        while (rest.length > 0) rest = rest.subarray(await to.write(rest));
      }
      await this.#open.promise;
    } catch {
      // One side is gone; the other one shall see it go.
    }
    close(from);
    close(to);
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
