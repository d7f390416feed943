/**
 * A client that keeps to no rules: it says what the test says, on a real connection.
 *
 * @module
 */

/** How long, in milliseconds, the server may take to answer or to close. */
const WARN_AFTER_MS = 60_000;

/** One raw connection to a server on 127.0.0.1. */
export class RawClient implements Disposable {
  /** Its own address, by which the server knows it. */
  readonly address: string;
  readonly #connection: Deno.TcpConn;
  #heard = "";

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    const { hostname, port } = connection.localAddr;
    this.address = `${hostname}:${port}`;
  }

  /** Connects. */
  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Connects, and opens a session. */
  static async open(port: number, session: string): Promise<RawClient> {
    const client = await RawClient.connect(port);
    await client.say(`HELLO 1 ${session} {}\n`);
    await client.#readUntil(() => client.#heard.includes("\n"));
    if (!client.#heard.startsWith(`WELCOME 1 ${session} `)) throw new Error(client.#heard);
    return client;
  }

  /** Up to which data message the server has confirmed. */
  get confirmed(): number {
    return Number(/(?:[^]*\n)?CONFIRM (\d+)\n/.exec(this.#heard)?.[1] ?? 0);
  }

  /** Sends all of a text, or of bytes. */
  async say(what: string | Uint8Array): Promise<void> {
    let rest = typeof what === "string" ? new TextEncoder().encode(what) : what;
    while (rest.length > 0) rest = rest.subarray(await this.#connection.write(rest));
  }

  /** Sends the same bytes over and over, and reads nothing, until the server closes. */
  async flood(bytes: Uint8Array): Promise<void> {
    await this.#untilClosed(async () => {
      for (;;) await this.say(bytes);
    });
  }

  /** Sends a text, a character at a time with a pause behind each, until the server closes. */
  async drip(text: string, pause_ms: number): Promise<void> {
    await this.#untilClosed(async () => {
      for (const character of text) {
        await this.say(character);
        await new Promise((resolve) => setTimeout(resolve, pause_ms));
      }
    });
  }

  /** Reads until the server has said a text; fails if it closes before. */
  async hears(text: string): Promise<void> {
    await this.#readUntil(() => this.#heard.includes(text));
    if (!this.#heard.includes(text)) throw new Error(`no ${text} in ${this.#heard}`);
  }

  /** Reads until the server closes: gives the last line that it said. */
  async lastLine(): Promise<string> {
    await this.#readUntil(() => false);
    return this.#heard.trimEnd().split("\n").at(-1)!;
  }

  [Symbol.dispose](): void {
    try {
      this.#connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #readUntil(enough: () => boolean): Promise<void> {
    const buffer = new Uint8Array(4096);
    await this.#untilClosed(async () => {
      while (!enough()) {
        const count = await this.#connection.read(buffer);
        if (count === null) return;
        this.#heard += new TextDecoder().decode(buffer.subarray(0, count));
      }
    });
  }

  /** Does something that the server's close ends too; fails when neither comes to an end. */
  async #untilClosed(act: () => Promise<void>): Promise<void> {
    let isLate = false;
    const impatience = setTimeout(() => {
      isLate = true;
      this.#connection.close();
    }, WARN_AFTER_MS);
    try {
      await act();
    } catch (error) {
      if (isLate) throw new Error(`the server did not close; it said: ${this.#heard}`);
      if (!isClosed(error)) throw error;
    } finally {
      clearTimeout(impatience);
    }
  }
}

/** Whether the connection was closed, by the server or, at the end of a test that fails, here. */
function isClosed(error: unknown): boolean {
  const { BadResource, BrokenPipe, ConnectionReset, Interrupted } = Deno.errors;
  return [BadResource, BrokenPipe, ConnectionReset, Interrupted].some((each) =>
    error instanceof each
  );
}
