/**
 * Both ends of connections with TLS on loopback, in this process.
 *
 * @module
 */
import { tcpTransport } from "../../lib/platform/net/tcp.ts";
import { type ClientPem, ClientTlsTransport, serverTls } from "../../lib/platform/net/tls/tls.ts";
import type { ServerPem } from "../../lib/platform/net/tls/server.ts";
import type { ServingTls } from "../../lib/platform/net/tls/tls.ts";
import {
  type Connection,
  type Listener,
  TransportError,
  transportError,
} from "../../lib/platform/net/transport.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A port of 127.0.0.1 with TLS. Dispose of it with `using`. */
export class TlsPort implements Disposable {
  readonly tls: ServingTls;
  readonly listener: Listener;
  readonly #accepted: Connection[] = [];

  private constructor(tls: ServingTls, listener: Listener) {
    this.tls = tls;
    this.listener = listener;
  }

  /** Opens one. */
  static async open(pem: ServerPem): Promise<TlsPort> {
    const tls = await serverTls(pem);
    return new TlsPort(tls, tls.on(tcpTransport).listen({ host: "127.0.0.1", port: 0 }));
  }

  /** Accepts a connection, which is closed with the port. */
  async accept(): Promise<Connection> {
    const connection = await this.listener.accept();
    this.#accepted.push(connection);
    return connection;
  }

  [Symbol.dispose](): void {
    this.#accepted.forEach((connection) => connection.close());
    this.listener.close();
  }
}

/** Connects as a client with TLS to a port of 127.0.0.1. */
export function connectTls(port: number, pem: ClientPem): Promise<Connection> {
  return new ClientTlsTransport(pem).on(tcpTransport)
    .connect({ host: "127.0.0.1", port }, { signal: new AbortController().signal });
}

/** Sends all of a text. */
export async function say(connection: Connection, text: string): Promise<void> {
  let rest = encoder.encode(text);
  while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
}

/** What the next read gives: a text, `null`, or the code or kind of an error. */
export async function hear(connection: Connection): Promise<string | null> {
  const buffer = new Uint8Array(4_096);
  try {
    const count = await connection.read(buffer);
    return count === null ? null : decoder.decode(buffer.subarray(0, count));
  } catch (error) {
    const failure = transportError(error);
    if (!(failure instanceof TransportError)) throw error;
    return `! ${failure.code ?? failure.kind}`;
  }
}
