/**
 * TLS 1.2 and 1.3 on TCP, for both sides.
 *
 * The room: `stream.ts` puts `node:tls` on any connection, by `encrypted_stream.ts`; `server.ts` is a server's use
 * of it, `client.ts` that of a client with a certificate; `runtime.ts` says whether it works here,
 * `certificates.ts` checks files and chains, `errors.ts` says what went wrong. Only the entry points and the
 * workers' threads call it, and only if TLS is on: `node:tls` takes time to load. It must never read a file, nor
 * know who uses a connection.
 *
 * What was found by experiment, with Deno 2.6.8, 2.7.14, 2.8.0 and 2.9.6:
 *
 * - A client uses Deno's own TLS (`Deno.startTls`): it verifies strictly, and starts on a TCP connection on which
 *   Nagle's algorithm is off already. It can show no certificate. `Deno.connectTls` can, but leaves Nagle's
 *   algorithm on, cannot be aborted, and takes no other name than the host's.
 * - `node:tls` of a client accepts a forged certificate of X.509 version 1, whose issuer it compares by name
 *   only, even with `rejectUnauthorized`. A client with a certificate, which has nothing else to use, verifies the
 *   chain of signatures itself besides; for which it takes a permission to have the platform's authorities.
 * - `Deno.listenTls` asks for no client certificates, cannot change its own, and leaves Nagle's algorithm on.
 *   `node:tls` can all of that on a stream from Deno 2.8 on: in 2.6 it does nothing there, and in 2.7.14 a write
 *   may never return. So a server uses it where it works, and `Deno.listenTls` elsewhere, without client
 *   certificates. It sends `close_notify` from Deno 2.9.1 on.
 * - On sockets of its own `node:tls` shows a reset as a close; on a stream over a `Deno.TcpConn` what the
 *   connection says is known: FIN, with `close_notify` or without, reset, and silence.
 * - A server of `node:tls` verifies a client's certificate only in a full handshake, and lets the handshake of
 *   a refused one come to its end: whoever reuses such a session would pass, so that reused ones are checked.
 * - Each accepted connection takes some 30 KB, about 10 more than with `Deno.listenTls`. `node:tls` takes all that
 *   its stream has, so that this reads only when somebody waits for more.
 *
 * @module
 */
import { UsageError, UserError } from "../../errors.ts";
import { connectTcp, listenOn, sendAtOnce, TcpConnection } from "../tcp.ts";
import {
  type Address,
  type Connection,
  type Listener,
  type TlsFacts,
  type Transport,
  TransportError,
} from "../transport.ts";
import { hasNodeTls } from "./runtime.ts";
import { rustlsError, tlsError } from "./errors.ts";
import type { ClientTls } from "./client.ts";
import type { ServerPem } from "./server.ts";

/** What a client verifies, and shows: the contents of PEM files. */
export interface ClientPem {
  /** Authorities besides the platform's; with a certificate of its own, the only ones. */
  readonly ca?: string;
  /** The name that the server's certificate must have, if it is not the host that is dialled. */
  readonly serverName?: string;
  /** Its own certificate, and those between it and the authority. */
  readonly cert?: string;
  /** The private key of that. */
  readonly key?: string;
}

/** TLS of a client, whose certificates can be changed. */
export class ClientTlsTransport {
  #pem: ClientPem = {};
  /** Made of a certificate of its own, if it has one. */
  #own?: Promise<ClientTls>;

  /** Makes it of files that have been checked. */
  constructor(pem: ClientPem) {
    this.use(pem);
  }

  /** Uses these for the connections that are opened from now on. */
  use(pem: ClientPem): void {
    const { ca, cert, key } = this.#pem = pem;
    this.#own = ca === undefined || cert === undefined || key === undefined
      ? undefined
      : import("./client.ts").then(({ ClientTls }) => new ClientTls({ ca, cert, key }));
  }

  /** Puts it on TCP. */
  on(transport: Transport): Transport {
    return { ...transport, connect: (address, { signal }) => this.#connect(address, signal) };
  }

  async #connect(address: Address, signal: AbortSignal): Promise<Connection> {
    const connection = await connectTcp(address, signal);
    const { ca, serverName } = this.#pem;
    const hostname = serverName ?? address.host.replace(/%.*/, "");
    if (this.#own) return (await this.#own).take(new TcpConnection(connection), hostname);
    sendAtOnce(connection);
    const caCerts = ca === undefined ? [] : [ca];
    try {
      return new DenoTlsConnection(await Deno.startTls(connection, { hostname, caCerts }));
    } catch (error) {
      // What is wrong with the certificates in `ca` was found before.
      connection.close();
      const why = `${hostname} is no name that a certificate can have`;
      throw tlsError("TLS_WRONG_NAME", error, why);
    }
  }
}

/** TLS of a server, whose certificates can be changed. */
export interface ServingTls {
  /** Puts it on a transport. */
  on(transport: Transport): Transport;
  /**
   * Uses other certificates for the connections that are accepted from now on.
   *
   * @throws {UserError} If this runtime cannot.
   */
  use(pem: ServerPem): void;
}

/** TLS for a server, by whatever this runtime has. */
export async function serverTls(pem: ServerPem): Promise<ServingTls> {
  if (!hasNodeTls()) return new DenoServerTls(pem);
  const { ServerTls } = await import("./server.ts");
  const tls = new ServerTls(pem);
  return {
    on: (transport) => ({
      ...transport,
      listen: (address, options) =>
        new TlsListener(transport.listen(address, options), (connection) => tls.take(connection)),
    }),
    use: (pem) => tls.use(pem),
  };
}

/** A port whose connections begin with a handshake. */
class TlsListener implements Listener {
  readonly #listener: Listener;
  readonly #take: (connection: Connection) => Connection;

  constructor(listener: Listener, take: (connection: Connection) => Connection) {
    this.#listener = listener;
    this.#take = take;
  }

  get host(): string {
    return this.#listener.host;
  }

  get port(): number {
    return this.#listener.port;
  }

  async accept(): Promise<Connection> {
    return this.#take(await this.#listener.accept());
  }

  async acceptSpare(): Promise<{ connection: Connection; hasRoom: boolean }> {
    const { connection, hasRoom } = await this.#listener.acceptSpare();
    return { connection: this.#take(connection), hasRoom };
  }

  close(): void {
    this.#listener.close();
  }
}

/** TLS of a server by Deno itself. */
class DenoServerTls implements ServingTls {
  readonly #pem: ServerPem;

  constructor(pem: ServerPem) {
    this.#pem = pem;
  }

  on(transport: Transport): Transport {
    const { cert, key } = this.#pem;
    const open = (options: Deno.TcpListenOptions) => {
      try {
        return Deno.listenTls({ ...options, cert, key });
      } catch (error) {
        // Errors of the certificate, unlike those of the port, have no code.
        if (!(error instanceof Error) || "code" in error) throw error;
        throw new UsageError(`tls_cert, tls_key: cannot be used: ${error.message}`);
      }
    };
    const take = (connection: Deno.TcpConn | Deno.TlsConn) => new DenoTlsConnection(connection);
    return {
      ...transport,
      listen: (address, { isShared } = { isShared: false }) =>
        listenOn(address, isShared, open, take),
    };
  }

  use(): void {
    throw new OldRuntime(
      `certificates are changed at the next start: Deno ${Deno.version.deno} cannot change them ` +
        "before (2.8 can)",
    );
  }
}

class OldRuntime extends UserError {}

/** A connection with Deno's own TLS. */
class DenoTlsConnection extends TcpConnection {
  #facts?: TlsFacts;

  /** Known to be complete once something was read; Deno tells nothing more of it. */
  get tls(): TlsFacts | undefined {
    return this.#facts;
  }

  get handshake(): Uint8Array | undefined {
    return this.#facts ? undefined : new Uint8Array(0);
  }

  override async read(buffer: Uint8Array): Promise<number | null> {
    try {
      const count = await super.read(buffer);
      this.#facts ??= {};
      return count;
    } catch (error) {
      // A FIN without `close_notify` is a close all the same: what ends a session in order is TERMINATE.
      if (error instanceof Deno.errors.UnexpectedEof) return null;
      throw rustlsError(error);
    }
  }

  override async write(bytes: Uint8Array): Promise<number> {
    try {
      return await super.write(bytes);
    } catch (error) {
      if (error instanceof Deno.errors.UnexpectedEof) {
        throw new TransportError("reset", error, { text: "closed (FIN) in the TLS handshake" });
      }
      throw rustlsError(error);
    }
  }
}
