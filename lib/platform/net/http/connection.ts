/**
 * Serves the requests of one connection, one after the other. Every wait has a bound, after which the connection
 * is closed.
 *
 * @module
 */
import type { Clock, Timer } from "../../clock.ts";
import { TurnLimiter } from "../../turns.ts";
import { type Connection, TransportError, transportError } from "../transport.ts";
import {
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
  type HttpStream,
  STATUS_TEXTS,
  textResponse,
} from "./http.ts";
import { type HeadFault, MAX_HEAD_BYTES, parseHead } from "./request_head.ts";

/** How long, in milliseconds, the head of a request may take from its first byte on, and the handshake of TLS. */
export const HEAD_LIMIT_MS = 10_000;

/** How long, in milliseconds, a connection may wait for its next request. */
export const IDLE_LIMIT_MS = 60_000;

/** How long, in milliseconds, a peer may take to read a response, or one write of a stream. */
export const WRITE_LIMIT_MS = 30_000;

/** Options for {@linkcode HttpConnection}. */
export interface HttpConnectionOptions {
  /** Time. */
  readonly clock: Clock;
  /** Answers requests. */
  readonly handle: HttpHandler;
  /** Reports what the handler threw, which is a defect. */
  readonly onDefect: (error: unknown) => void;
}

/** One connection. */
export class HttpConnection {
  /** Whether it waits for a request, so that it may be closed to make room for others. */
  isIdle = true;
  readonly #connection: Connection;
  readonly #options: HttpConnectionOptions;
  readonly #timer: Timer;
  readonly #buffer = new Uint8Array(MAX_HEAD_BYTES);
  #filled = 0;
  readonly #closed = Promise.withResolvers<void>();
  #isClosed = false;
  /** Ends the write that is under way: in Deno 2.6 closing does not. */
  #abandonWrite?: () => void;

  /** Takes a connection over. */
  constructor(connection: Connection, options: HttpConnectionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#timer = options.clock.timer(() => this.close());
  }

  /** Serves until either side closes it. Never rejects for what the peer or the network does. */
  async run(): Promise<void> {
    try {
      this.#limit(HEAD_LIMIT_MS);
      while (await this.#serveOne()) this.#limit(IDLE_LIMIT_MS);
    } catch (error) {
      if (!(transportError(error) instanceof TransportError)) throw error;
    } finally {
      this.close();
    }
  }

  /** Closes it. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer.clear();
    this.#connection.close();
    this.#abandonWrite?.();
    this.#closed.resolve();
  }

  #limit(ms: number): void {
    if (!this.#isClosed) this.#timer.set(this.#options.clock.now() + ms);
  }

  /** Serves a request; resolves to whether there may be another one. */
  async #serveOne(): Promise<boolean> {
    this.isIdle = true;
    const head = await this.#readHead();
    if (!head) return false;
    this.isIdle = false;
    this.#limit(WRITE_LIMIT_MS);
    if ("status" in head) {
      await this.#respond(textResponse(head.status, head.text), { isLast: true });
      return false;
    }
    await TurnLimiter.ofReads(this.#options.clock).turn();
    const response = await this.#answer(head);
    const isHead = head.method === "HEAD";
    const isLast = !head.keepsAlive || response.stream !== undefined;
    await this.#respond(response, { isLast, isHead });
    if (response.stream && !isHead) await this.#stream(response.stream);
    return !isLast;
  }

  async #readHead(): Promise<HttpRequest | HeadFault | undefined> {
    for (;;) {
      const parsed = parseHead(this.#buffer.subarray(0, this.#filled));
      if (parsed && "status" in parsed) return parsed;
      if (parsed) {
        this.#buffer.copyWithin(0, parsed.length, this.#filled);
        this.#filled -= parsed.length;
        return parsed.request;
      }
      const count = await this.#connection.read(this.#buffer.subarray(this.#filled));
      if (count === null) return undefined;
      if (this.#filled === 0) this.#limit(HEAD_LIMIT_MS);
      this.#filled += count;
    }
  }

  async #answer(request: HttpRequest): Promise<HttpResponse> {
    try {
      return await this.#options.handle(request);
    } catch (error) {
      this.#options.onDefect(error);
      return textResponse(500, "a defect of this program, which its log describes");
    }
  }

  async #respond(
    { body = "", fields, status, stream }: HttpResponse,
    { isHead = false, isLast = false },
  ): Promise<void> {
    const bytes = typeof body === "string" ? encoder.encode(body) : body;
    const all = {
      ...fields,
      ...stream ? {} : { "content-length": `${bytes.length}` },
      connection: isLast ? "close" : "keep-alive",
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = encoder.encode(
      `HTTP/1.1 ${status} ${STATUS_TEXTS[status] ?? ""}\r\n${lines.join("")}\r\n`,
    );
    if (isHead || bytes.length === 0) return await this.#write(head);
    // In one write: two would leave the second to wait for an acknowledgement, or be two packets.
    const whole = new Uint8Array(head.length + bytes.length);
    whole.set(head);
    whole.set(bytes, head.length);
    await this.#write(whole);
  }

  /** Passes the stream on, and reads until the peer closes: there is nothing more for it to send. */
  async #stream(receive: (stream: HttpStream) => void): Promise<void> {
    this.#timer.clear();
    receive(this.#newStream());
    const rest = new Uint8Array(1);
    await this.#connection.read(rest);
  }

  #newStream(): HttpStream {
    let isReady = true;
    return {
      closed: this.#closed.promise,
      get isReady() {
        return isReady;
      },
      write: (bytes) => {
        if (!isReady || this.#isClosed) return;
        isReady = false;
        this.#limit(WRITE_LIMIT_MS);
        this.#write(bytes).then(() => {
          isReady = true;
          this.#timer.clear();
        }, () => this.close());
      },
    };
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const abandoned = new Promise<never>((_, reject) => {
      this.#abandonWrite = () => reject(new TransportError("closed", "closed here"));
    });
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await Promise.race([this.#connection.write(rest), abandoned]));
    }
    this.#abandonWrite = undefined;
  }
}

const encoder = new TextEncoder();
