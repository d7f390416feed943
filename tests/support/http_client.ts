/**
 * HTTP requests as a test writes them, to a server on a network in memory.
 *
 * @module
 */
import type { End } from "./memory_connection.ts";
import type { MemoryNetwork } from "./memory_network.ts";
import { settle } from "./virtual_clock.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What was received, up to now. */
export class HttpExchange {
  /** The connection. */
  readonly end: End;
  /** All that came. */
  text = "";
  /** Whether the server has closed. */
  isClosed = false;

  /** Connects to the only server there is. */
  static async connect(network: MemoryNetwork): Promise<HttpExchange> {
    return new HttpExchange(
      await network.connect({ host: "", port: 0 }, {
        signal: new AbortController().signal,
      }) as End,
    );
  }

  private constructor(end: End) {
    this.end = end;
  }

  /** Reads from now on. */
  read(): this {
    void this.#read();
    return this;
  }

  /** Sends a text as it is. */
  async say(text: string): Promise<this> {
    await this.end.write(encoder.encode(text));
    await settle();
    return this;
  }

  /** The status of the last response. */
  get status(): number {
    return Number([...this.text.matchAll(/^HTTP\/1\.1 (\d+) /gm)].at(-1)?.[1]);
  }

  /** A field of the only response. */
  field(name: string): string | undefined {
    return new RegExp(`^${name}: (.*?)\r$`, "m").exec(this.text)?.[1];
  }

  /** The body of the only response. */
  get body(): string {
    return this.text.slice(this.text.indexOf("\r\n\r\n") + 4);
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await this.end.read(buffer);
        if (count === null) break;
        this.text += decoder.decode(buffer.subarray(0, count), { stream: true });
      }
    } catch {
      // Reset: that is a close, too.
    }
    this.isClosed = true;
  }
}

/** A request as a browser sends it; fields that are `undefined` are left out. */
export function requestText(
  target: string,
  { fields = {}, method = "GET" }: {
    readonly method?: string;
    readonly fields?: Readonly<Record<string, string | undefined>>;
  } = {},
): string {
  const lines = Object.entries({ host: "localhost:8080", ...fields })
    .map(([name, value]) => value === undefined ? "" : `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n`;
}
