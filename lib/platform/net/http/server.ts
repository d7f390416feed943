/**
 * Accepts connections, a bounded number of them, and serves each.
 *
 * @module
 */
import type { Timer } from "../../clock.ts";
import { TurnLimiter } from "../../turns.ts";
import { type Address, type Listener, type Transport, TransportError } from "../transport.ts";
import { HttpConnection, type HttpConnectionOptions } from "./connection.ts";

/** How many connections there may be: the longest idle one gives way to a new one, or that is closed at once. */
export const MAX_CONNECTIONS = 256;

/** How long, in milliseconds, nothing is accepted after that failed. */
const BACKOFF_MS = 100;

/** Options for {@linkcode HttpServer}. */
export interface HttpServerOptions extends HttpConnectionOptions {
  /** Where to listen. */
  readonly address: Address;
  /** What to listen with: TCP, or TLS on it. */
  readonly transport: Transport;
}

/** A server, from its start until it is closed. */
export class HttpServer {
  /** Where it listens. */
  readonly address: Address;
  readonly #options: HttpServerOptions;
  readonly #listener: Listener;
  readonly #connections = new Set<HttpConnection>();
  readonly #again: Timer;
  #isClosed = false;

  /**
   * Listens, and serves.
   *
   * @throws {TransportError} If it cannot listen.
   */
  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#listener = options.transport.listen(options.address);
    const { host, port } = this.#listener;
    this.address = { host, port };
    this.#again = options.clock.timer(() => void this.#accept());
    void this.#accept();
  }

  /** Stops listening, and closes all connections. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#again.clear();
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
  }

  async #accept(): Promise<void> {
    try {
      for (;;) {
        const connection = await this.#listener.accept();
        // Those that wait are accepted one after the other, without a turn for anything else.
        await TurnLimiter.ofReads(this.#options.clock).turn();
        if (this.#isClosed) return connection.close();
        const accepted = new HttpConnection(connection, this.#options);
        if (this.#makeRoom()) void this.#serve(accepted);
        else accepted.close();
      }
    } catch (error) {
      if (!(error instanceof TransportError)) return this.#options.onDefect(error);
      if (error.kind === "closed") return;
      // Of a client that is gone already, or for want of descriptors.
      this.#again.set(this.#options.clock.now() + (error.kind === "reset" ? 0 : BACKOFF_MS));
    }
  }

  /** Whether there is room for a connection, perhaps because another one gave way. */
  #makeRoom(): boolean {
    if (this.#connections.size < MAX_CONNECTIONS) return true;
    for (const connection of this.#connections) {
      if (!connection.isIdle) continue;
      this.#connections.delete(connection);
      connection.close();
      return true;
    }
    return false;
  }

  async #serve(connection: HttpConnection): Promise<void> {
    this.#connections.add(connection);
    try {
      await connection.run();
    } catch (error) {
      this.#options.onDefect(error);
    } finally {
      this.#connections.delete(connection);
    }
  }
}
