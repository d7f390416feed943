/**
 * TCP. The only file that connects and listens.
 *
 * @module
 */
import { errorCodeOf } from "../errors.ts";
import { formatAddress, isNumericHost } from "./address.ts";
import type { Clock } from "../clock.ts";
import type { NetworkCall } from "./error_text.ts";
import { kernelView } from "./kernel_view.ts";
import { ownLinkFault } from "./own_link.ts";
import {
  type Address,
  type Connection,
  type KernelReceiver,
  type LinkFinding,
  type Listener,
  type Transport,
  TransportError,
  transportError,
} from "./transport.ts";

/** TCP on this machine. */
export const tcpTransport: Transport = {
  async connect(address, { signal }) {
    return new TcpConnection(await connectTcp(address, signal));
  },

  listen(address, { isShared } = { isShared: false }) {
    return listenOn(address, isShared);
  },

  kernelView,
};

/**
 * Opens a connection of the platform.
 *
 * @throws {TransportError} If it cannot be opened; of kind `unanswered` if the signal aborts first.
 */
export async function connectTcp(
  { host, port }: Address,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  try {
    const connection = await Deno.connect({ hostname: host, port, signal });
    if (isToItself(connection)) await resetToItself(connection);
    else if (!signal.aborted) return connection;
    else connection.close();
  } catch (error) {
    if (error instanceof TransportError) throw error;
    if (!signal.aborted) throw openError(error, "connect", host);
  }
  throw new TransportError("unanswered", signal.reason);
}

/**
 * Whether a socket is connected to itself: TCP does that (RFC 9293, simultaneous open) where the system picks
 * the port that is dialled, in its ephemeral range, as the local one, and nothing listens there.
 */
function isToItself({ localAddr, remoteAddr }: Deno.TcpConn): boolean {
  return localAddr.port === remoteAddr.port && localAddr.hostname === remoteAddr.hostname;
}

/** More than a socket that nobody reads takes: the rest waits in the sender's buffer. */
const MORE_THAN_RECEIVED = 2_097_152;

/**
 * Closes a socket that is connected to itself without leaving it in TIME_WAIT, which would keep a server from
 * listening on the port. Its FIN has to wait behind bytes that the full receive buffer does not take, and a
 * close with unread bytes is a reset.
 *
 * @throws {TransportError} Always: of kind `refused`, since nothing listens there.
 */
async function resetToItself(connection: Deno.TcpConn): Promise<never> {
  try {
    await connection.write(new Uint8Array(MORE_THAN_RECEIVED));
  } finally {
    connection.close();
  }
  throw new TransportError("refused", "nothing listens there: the socket was connected to itself");
}

/** A connection of the platform over TCP. */
export class TcpConnection implements Connection {
  readonly #connection: Deno.TcpConn | Deno.TlsConn;
  #closed = false;

  /** Takes a connection over. */
  constructor(connection: Deno.TcpConn | Deno.TlsConn) {
    this.#connection = connection;
    if ("setNoDelay" in connection) sendAtOnce(connection);
  }

  /** The peer's address and port, for display. */
  get peer(): string {
    const { hostname, port } = this.#connection.remoteAddr;
    return formatAddress(hostname, port);
  }

  /** This side's address and port, for display. */
  get local(): string {
    const { hostname, port } = this.#connection.localAddr;
    return formatAddress(hostname, port);
  }

  /** What is wrong with this host's own interface for it. */
  linkFault(clock: Clock): LinkFinding {
    return ownLinkFault(this.#connection.localAddr.hostname, clock);
  }

  /** What the kernel knows of it. */
  kernelView(clock: Clock, receiver: KernelReceiver): void {
    kernelView(this, clock, receiver);
  }

  /** Reads some bytes. */
  read(buffer: Uint8Array): Promise<number | null> {
    return this.#connection.read(buffer);
  }

  /** Writes some of the bytes. */
  write(bytes: Uint8Array): Promise<number> {
    return this.#connection.write(bytes);
  }

  /** Closes this side for writing. */
  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  /** Closes both sides. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }
}

/** Switches Nagle's algorithm (RFC 896) off: a heartbeat is not to wait for an outstanding acknowledgement. */
export function sendAtOnce(connection: Deno.TcpConn): void {
  try {
    connection.setNoDelay(true);
  } catch {
    // It has been reset already: the first read reports that.
  }
}

/** A listening port of the platform. */
export type PlatformListener = Deno.TcpListener | Deno.TlsListener;

/** Takes over what a listening port of the platform accepts. */
export type TakeOver = (connection: Deno.TcpConn | Deno.TlsConn) => Connection;

/** Opens a port, by default of TCP; `open` opens another one of the platform. */
export function listenOn(
  { host, port }: Address,
  isShared: boolean,
  open: (options: Deno.TcpListenOptions) => PlatformListener = Deno.listen,
  take: TakeOver = (connection) => new TcpConnection(connection),
): Listener {
  try {
    // Deno's `reusePort` works on every platform: on Linux the kernel distributes the connections over
    // the sockets; elsewhere the threads accept from one shared socket.
    const shared = isShared && { reusePort: true };
    return new TcpListener(open({ hostname: host, port, ...shared }), take);
  } catch (error) {
    throw openError(error, "listen", host);
  }
}

class TcpListener implements Listener {
  readonly host: string;
  readonly port: number;
  readonly #listener: PlatformListener;
  readonly #take: TakeOver;
  #spare = openSpare();
  #closed = false;

  constructor(listener: PlatformListener, take: TakeOver) {
    this.#listener = listener;
    this.#take = take;
    this.host = listener.addr.hostname;
    this.port = listener.addr.port;
  }

  async accept(): Promise<Connection> {
    this.#spare ??= openSpare();
    try {
      return this.#take(await this.#listener.accept());
    } catch (error) {
      throw transportError(error, "accept");
    }
  }

  async acceptSpare(): Promise<{ connection: Connection; hasRoom: boolean }> {
    if (!this.#spare) throw new TransportError("too_many_open_files", "no spare descriptor");
    this.#spare.close();
    this.#spare = undefined;
    try {
      // Linux allocates the descriptor before it waits for a connection: others may be free once one comes.
      const connection = this.#take(await this.#listener.accept());
      this.#spare = openSpare();
      return { connection, hasRoom: this.#spare !== undefined };
    } catch (error) {
      throw transportError(error, "accept");
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#spare?.close();
    this.#listener.close();
  }
}

/** Whether this process may open so many more files. */
export function hasDescriptors(count: number): boolean {
  const spares: Deno.FsFile[] = [];
  for (let spare = openSpare(); spare && spares.push(spare) < count; spare = openSpare());
  for (const spare of spares) spare.close();
  return spares.length === count;
}

/** Opens a file that exists on every platform; `undefined` if no more may be opened. */
function openSpare(): Deno.FsFile | undefined {
  try {
    return Deno.openSync(Deno.execPath());
  } catch {
    return undefined;
  }
}

/** The error of a call that looks a host up; that is the only failure without an error code. */
function openError(error: unknown, call: NetworkCall, host: string): unknown {
  const code = errorCodeOf(error);
  // Windows has a code for it, which no other call on a socket gives.
  if (code !== undefined && code !== "ENOENT") return transportError(error, call);
  if (!isNumericHost(host)) return new TransportError("name_not_found", error);
  if (!host.includes("%")) return transportError(error, call);
  const text = `this host has no interface ${host.slice(host.indexOf("%") + 1)}`;
  return new TransportError("address_not_here", error, { code: "ENODEV", text });
}
