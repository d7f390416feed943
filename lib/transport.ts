/**
 * The seam to the network: connections, listeners and what can go wrong with them, and the real
 * implementation on TCP.
 *
 * @module
 */
import { formatAddress, isNumericHost } from "./address.ts";

/** What went wrong, told apart by the operating system's error code, never by a text. */
export type TransportErrorKind =
  | "refused"
  | "reset"
  | "unreachable"
  | "unanswered"
  | "name_not_found"
  | "address_in_use"
  | "address_not_here"
  | "not_permitted"
  | "too_many_open_files"
  | "closed"
  | "other";

/** A connection or a listener failed. The cause is the platform's error. */
export class TransportError extends Error {
  /** The name of this kind of error. */
  override readonly name = "TransportError";
  /** What went wrong. */
  readonly kind: TransportErrorKind;

  /** Makes an error of a kind, from the platform's error or from a text. */
  constructor(kind: TransportErrorKind, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.kind = kind;
  }
}

/** One connection. Every method but `close` rejects with {@linkcode TransportError}. */
export interface Connection {
  /** The peer's address and port, for people. */
  readonly peer: string;
  /** Reads some bytes: how many, or `null` when the peer has closed its side. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes: how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes this side for writing; the peer reads its end. Reading goes on. */
  closeWrite(): Promise<void>;
  /** Closes both sides. Pending reads and writes reject; closing again does nothing. */
  close(): void;
}

/** An open port. */
export interface Listener {
  /** The address it listens on. */
  readonly host: string;
  /** The port it listens on. */
  readonly port: number;
  /** The next connection; rejects with {@linkcode TransportError}, of kind `closed` after `close`. */
  accept(): Promise<Connection>;
  /**
   * The next connection, when this process has no file descriptor left but one that is kept for that;
   * and whether there is room for it by then. If not, it is to be closed before `accept` is called again.
   *
   * @throws {TransportError} If none is kept, or accepting fails.
   */
  acceptSpare(): Promise<{ connection: Connection; hasRoom: boolean }>;
  /** Listens no more; closing again does nothing. */
  close(): void;
}

/** Where to listen or whom to call. */
export interface Address {
  /** An IPv4 or IPv6 address, or a name. */
  host: string;
  /** The port. */
  port: number;
}

/** The network, as the rest of the program knows it. */
export interface Transport {
  /**
   * Opens a connection.
   *
   * @throws {TransportError} If that fails; of kind `unanswered` if the signal aborts first.
   */
  connect(address: Address, options: { signal: AbortSignal }): Promise<Connection>;
  /**
   * Opens a port; a shared one may be opened by several threads of this process, and each connection is
   * accepted by one of them.
   *
   * @throws {TransportError} If that fails.
   */
  listen(address: Address, options?: { isShared: boolean }): Listener;
}

/** TCP on this machine. */
export const tcpTransport: Transport = {
  async connect({ host, port }, { signal }) {
    try {
      const connection = await Deno.connect({ hostname: host, port, signal });
      if (!signal.aborted) return new TcpConnection(connection);
      connection.close();
    } catch (error) {
      if (!signal.aborted) throw lookupError(error, host);
    }
    throw new TransportError("unanswered", signal.reason);
  },

  listen({ host, port }, { isShared } = { isShared: false }) {
    try {
      // Deno makes `reusePort` do the same everywhere: on Linux the kernel spreads the connections over
      // the sockets; elsewhere the threads take them from one and the same socket.
      const shared = isShared && { reusePort: true };
      return new TcpListener(Deno.listen({ hostname: host, port, ...shared }));
    } catch (error) {
      throw lookupError(error, host);
    }
  },
};

class TcpConnection implements Connection {
  readonly peer: string;
  readonly #connection: Deno.TcpConn;
  #closed = false;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.peer = formatAddress(connection.remoteAddr.hostname, connection.remoteAddr.port);
    try {
      // A heartbeat must not wait for the acknowledgement of what went before it (RFC 896).
      connection.setNoDelay(true);
    } catch {
      // It has been reset already, as whoever reads will hear.
    }
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#connection.read(buffer).catch(rethrow);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#connection.write(bytes).catch(rethrow);
  }

  closeWrite(): Promise<void> {
    return this.#connection.closeWrite().catch(rethrow);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }
}

class TcpListener implements Listener {
  readonly host: string;
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  #spare = openSpare();
  #closed = false;

  constructor(listener: Deno.TcpListener) {
    this.#listener = listener;
    this.host = listener.addr.hostname;
    this.port = listener.addr.port;
  }

  async accept(): Promise<Connection> {
    this.#spare ??= openSpare();
    try {
      return new TcpConnection(await this.#listener.accept());
    } catch (error) {
      throw transportError(error);
    }
  }

  async acceptSpare(): Promise<{ connection: Connection; hasRoom: boolean }> {
    if (!this.#spare) throw new TransportError("too_many_open_files", "no spare descriptor");
    this.#spare.close();
    this.#spare = undefined;
    try {
      // Linux looks for a descriptor before it waits for a connection: there may be many by then.
      const connection = new TcpConnection(await this.#listener.accept());
      this.#spare = openSpare();
      return { connection, hasRoom: this.#spare !== undefined };
    } catch (error) {
      throw transportError(error);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#spare?.close();
    this.#listener.close();
  }
}

/** Whether this process may have so many more files open. */
export function hasDescriptors(count: number): boolean {
  const spares: Deno.FsFile[] = [];
  for (let spare = openSpare(); spare && spares.push(spare) < count; spare = openSpare());
  for (const spare of spares) spare.close();
  return spares.length === count;
}

/** Opens a file that is there on every platform; `undefined` if no more may be opened. */
function openSpare(): Deno.FsFile | undefined {
  try {
    return Deno.openSync(Deno.execPath());
  } catch {
    return undefined;
  }
}

const KIND_OF_CODE: Readonly<Record<string, TransportErrorKind>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  ENOTCONN: "reset",
  EPIPE: "reset",
  ENETUNREACH: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETDOWN: "unreachable",
  EHOSTDOWN: "unreachable",
  ETIMEDOUT: "unanswered",
  EADDRINUSE: "address_in_use",
  EADDRNOTAVAIL: "address_not_here",
  EACCES: "not_permitted",
  EPERM: "not_permitted",
  EMFILE: "too_many_open_files",
  ENFILE: "too_many_open_files",
};

function transportError(error: unknown): TransportError {
  // What was closed here, by our own call, while an operation was under way or before it.
  const closed = error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.BadResource;
  if (closed) return new TransportError("closed", error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return new TransportError(KIND_OF_CODE[code] ?? "other", error);
}

function rethrow(error: unknown): never {
  throw transportError(error);
}

/** Of all that can fail, only the look-up of a name gives an error without a code. */
function lookupError(error: unknown, host: string): TransportError {
  const isCoded = error instanceof Error && "code" in error && error.code !== undefined;
  const isName = !isNumericHost(host);
  return !isCoded && isName ? new TransportError("name_not_found", error) : transportError(error);
}
