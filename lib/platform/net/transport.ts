/**
 * The network as interfaces: connections, listeners, and what can go wrong with them.
 *
 * @module
 */

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
