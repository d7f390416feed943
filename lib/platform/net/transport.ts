/**
 * The network: this file has the interfaces (`Transport`, `Connection`, `Listener`, `TransportError`) that
 * all other rooms use; `tcp` implements them, and only the entry points and the workers' threads name it;
 * `tls/` puts TLS on it; `firewall/` opens a server's port in the firewall of this host; `address` formats and
 * validates addresses; `error_text` says what the system's error codes mean; `time_wait` reports whether closed
 * connections hold a port, `own_link` what is wrong with this host's own interface, `kernel_view` (by
 * `tcp_table`) what the kernel knows of a connection.
 *
 * It must never know a protocol, keep a connection's bytes, or set a timeout: callers pass a signal.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { errorCodeOf } from "../errors.ts";
import { type NetworkCall, networkErrorText } from "./error_text.ts";

/**
 * What failed, by the operating system's error code, never by a message text. Of TLS: `untrusted` (this side does
 * not accept the peer's certificate), `no_tls` (what the peer sends is no TLS that this side speaks) and
 * `turned_away` (the peer ended the handshake with an alert).
 */
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
  | "untrusted"
  | "no_tls"
  | "turned_away"
  | "closed"
  | "other";

/** What is known of a failure besides its kind. */
export interface TransportErrorOptions {
  /** The operating system's error code, such as `ECONNRESET`; of TLS a code of `error_text`. */
  readonly code?: string;
  /** What happened, for people; by default the message of the cause. */
  readonly text?: string;
}

/** Failure of a connection or a listener. Its cause is the platform's error. */
export class TransportError extends Error {
  /** The name of this kind of error. */
  override readonly name = "TransportError";
  /** What failed. */
  readonly kind: TransportErrorKind;
  /** The operating system's error code, if it gave one; of TLS a code of `error_text`. */
  readonly code?: string;

  /** Creates an error from the platform's error or from a text. */
  constructor(
    kind: TransportErrorKind,
    cause: unknown,
    { code, text }: TransportErrorOptions = {},
  ) {
    super(text ?? (cause instanceof Error ? cause.message : String(cause)), { cause });
    this.kind = kind;
    this.code = code;
  }
}

const KIND_OF_CODE: Readonly<Record<string, TransportErrorKind>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  ENOTCONN: "reset",
  EPIPE: "reset",
  ESHUTDOWN: "reset",
  ENETRESET: "reset",
  ENETUNREACH: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETDOWN: "unreachable",
  EHOSTDOWN: "unreachable",
  ENONET: "unreachable",
  ENOPROTOOPT: "unreachable",
  ETIMEDOUT: "unanswered",
  EADDRINUSE: "address_in_use",
  EADDRNOTAVAIL: "address_not_here",
  EACCES: "not_permitted",
  EPERM: "not_permitted",
  EMFILE: "too_many_open_files",
  ENFILE: "too_many_open_files",
};

/** Shared, because an error is slow to create, and closing thousands of connections would make one for each. */
let closedHere: TransportError | undefined;

/**
 * Translates the platform's error in a call, by default to read or write, to {@linkcode TransportError};
 * any other error stays as it is.
 */
export function transportError(error: unknown, call: NetworkCall = "transfer"): unknown {
  if (error instanceof TransportError || !(error instanceof Error)) return error;
  // Closed by our own call, before the operation or during it.
  const closed = error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.BadResource;
  if (closed) return closedHere ??= new TransportError("closed", "closed here");
  const code = errorCodeOf(error);
  if (code === undefined) {
    return error.name in Deno.errors ? new TransportError("other", error) : error;
  }
  const text = networkErrorText(call, code, error.message);
  // On a connection that was open, ICMP has said so when the kernel gave up.
  const isTold = call === "transfer" && code === "ECONNREFUSED";
  const kind = isTold ? "unreachable" : KIND_OF_CODE[code] ?? "other";
  return new TransportError(kind, error, { code, text });
}

/** The addresses and ports of both ends of a connection, for display. */
export type Addresses = Pick<Connection, "local" | "peer">;

/** What a connection's timer in the kernel waits for. */
export type KernelTimer = "none" | "retransmit" | "keepalive" | "time_wait" | "window_probe";

/** What the kernel knows of a connection: on Linux, its line in `/proc/net/tcp` or `tcp6`. */
export interface KernelView {
  /** Bytes that were written here and that the peer's host has not acknowledged, sent or not. */
  readonly unacked_bytes: number;
  /** Bytes that have arrived and were not read. */
  readonly unread_bytes: number;
  /** How often in a row what is not acknowledged was sent again, in vain. */
  readonly retransmissions: number;
  /** What its timer waits for. */
  readonly timer: KernelTimer;
  /** How long that still waits, in milliseconds. */
  readonly timer_ms: number;
  /** How many probes, in a row, of whether anything can be sent again were answered by nothing at all. */
  readonly probes: number;
  /** The retransmission time-out, in milliseconds: it doubles with each retransmission. */
  readonly rto_ms: number;
  /** After how many retransmissions in vain this host gives a connection up (`tcp_retries2`), if known. */
  readonly retries?: number;
  /** When it began to be read, in monotonic milliseconds. */
  readonly read_ms: number;
}

/**
 * What the kernel knows of a connection; `undefined` if it knows no such one. Where nothing can be read, the
 * first to ask in a thread is given the reason, as a clause, and all others `undefined`.
 */
export type KernelAnswer = KernelView | { readonly unreadable: string } | undefined;

/** What both sides of a connection with TLS agreed on, as far as the platform knows it. */
export interface TlsFacts {
  /** The version, such as `TLSv1.3`. */
  readonly version?: string;
  /** The cipher suite, such as `TLS_AES_256_GCM_SHA384`. */
  readonly cipher?: string;
  /** The subject of the client's certificate, such as `CN=sensor-7`; at a server that asks for one. */
  readonly certificate?: string;
}

/** Why a peer's certificate is not accepted. */
export interface TlsRefusal {
  /** A code of `error_text`. */
  readonly code: string;
  /** The reason, for the peer. */
  readonly text: string;
}

/** Who asks the kernel: no promise, of which thousands may be made at once. */
export interface KernelReceiver {
  /** Called with the answer. */
  onKernelView(answer: KernelAnswer): void;
}

/**
 * What is wrong with this host's own interface, as a noun phrase; `undefined` if nothing is, or nothing is known.
 */
export type LinkFinding = string | undefined | Promise<string | undefined>;

/**
 * A connection. Every method but `close` rejects with the platform's error, which {@linkcode transportError}
 * translates: another promise for each read and write, to do so here, would cost more than the rest of them.
 */
export interface Connection {
  /** The peer's address and port, for display. */
  readonly peer: string;
  /** This side's address and port, for display. */
  readonly local: string;
  /** What its TLS agreed on; `undefined` without TLS, and before the handshake, which its first read begins. */
  readonly tls?: TlsFacts;
  /** Why this side does not accept the peer's certificate, to be told to the peer before closing. */
  readonly refusal?: TlsRefusal;
  /** The first bytes that came of a TLS handshake that is not complete; `undefined` of any other connection. */
  readonly handshake?: Uint8Array;
  /**
   * Looks what is wrong with this host's own interface for it. What was found within the last tenth of a second, or
   * longer if a look takes long, is given at once.
   */
  linkFault?(clock: Clock): LinkFinding;
  /** Looks what the kernel knows of it, a tenth of a second from now at the earliest: one look serves many. */
  kernelView?(clock: Clock, receiver: KernelReceiver): void;
  /** Reads some bytes; resolves to how many, or `null` once the peer has closed its side. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes; resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes this side for writing; reading remains possible. */
  closeWrite(): Promise<void>;
  /** Closes both sides. Pending reads and writes reject. Idempotent. */
  close(): void;
}

/** A listening port. */
export interface Listener {
  /** The local address. */
  readonly host: string;
  /** The local port. */
  readonly port: number;
  /** Accepts a connection; rejects with {@linkcode TransportError}, of kind `closed` after `close`. */
  accept(): Promise<Connection>;
  /**
   * Accepts a connection on the reserved file descriptor, when no other is left; also resolves to whether
   * a descriptor could be reserved again. If not, the caller must close the connection before `accept`.
   *
   * @throws {TransportError} If none is reserved, or accepting fails.
   */
  acceptSpare(): Promise<{ connection: Connection; hasRoom: boolean }>;
  /** Stops listening. Idempotent. */
  close(): void;
}

/** Address to listen on or connect to. */
export interface Address {
  /** IPv4 address, IPv6 address or host name. */
  host: string;
  /** Port number. */
  port: number;
}

/** Opens connections and ports. */
export interface Transport {
  /**
   * Opens a connection.
   *
   * @throws {TransportError} If it cannot be opened; of kind `unanswered` if the signal aborts first.
   */
  connect(address: Address, options: { signal: AbortSignal }): Promise<Connection>;
  /**
   * Opens a port. Several threads of this process may open a shared one; each connection is then accepted
   * by one of them.
   *
   * @throws {TransportError} If it cannot be opened.
   */
  listen(address: Address, options?: { isShared: boolean }): Listener;
  /** As `kernelView` of a connection of this process, by its addresses. */
  kernelView?(addresses: Addresses, clock: Clock, receiver: KernelReceiver): void;
}
