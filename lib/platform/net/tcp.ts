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
  type Connection,
  type KernelReceiver,
  type Listener,
  type Transport,
  TransportError,
  transportError,
} from "./transport.ts";

/** TCP on this machine. */
export const tcpTransport: Transport = {
  async connect({ host, port }, { signal }) {
    try {
      const connection = await Deno.connect({ hostname: host, port, signal });
      if (isToItself(connection)) await resetToItself(connection);
      else if (!signal.aborted) return new TcpConnection(connection);
      else connection.close();
    } catch (error) {
      if (error instanceof TransportError) throw error;
      if (!signal.aborted) throw openError(error, "connect", host);
    }
    throw new TransportError("unanswered", signal.reason);
  },

  listen({ host, port }, { isShared } = { isShared: false }) {
    try {
      // Deno's `reusePort` works on every platform: on Linux the kernel distributes the connections over
      // the sockets; elsewhere the threads accept from one shared socket.
      const shared = isShared && { reusePort: true };
      return new TcpListener(Deno.listen({ hostname: host, port, ...shared }));
    } catch (error) {
      throw openError(error, "listen", host);
    }
  },

  kernelView,
};

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

class TcpConnection implements Connection {
  readonly #connection: Deno.TcpConn;
  #closed = false;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    try {
      // Without Nagle's algorithm (RFC 896) a heartbeat does not wait for an outstanding acknowledgement.
      connection.setNoDelay(true);
    } catch {
      // It has been reset already: the first read reports that.
    }
  }

  get peer(): string {
    const { hostname, port } = this.#connection.remoteAddr;
    return formatAddress(hostname, port);
  }

  get local(): string {
    const { hostname, port } = this.#connection.localAddr;
    return formatAddress(hostname, port);
  }

  linkFault(now_ms: number): Promise<string | undefined> {
    return ownLinkFault(this.#connection.localAddr.hostname, now_ms);
  }

  kernelView(clock: Clock, receiver: KernelReceiver): void {
    kernelView(this, clock, receiver);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#connection.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#connection.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
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
      throw transportError(error, "accept");
    }
  }

  async acceptSpare(): Promise<{ connection: Connection; hasRoom: boolean }> {
    if (!this.#spare) throw new TransportError("too_many_open_files", "no spare descriptor");
    this.#spare.close();
    this.#spare = undefined;
    try {
      // Linux allocates the descriptor before it waits for a connection: others may be free once one comes.
      const connection = new TcpConnection(await this.#listener.accept());
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

/** How many more files this process may open, counted up to a number. */
export function freeDescriptors(most: number): number {
  const spares: Deno.FsFile[] = [];
  for (let spare = openSpare(); spare && spares.push(spare) < most; spare = openSpare());
  for (const spare of spares) spare.close();
  return spares.length;
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
