/**
 * Accepts connections as long as the port is open, judges them before anything is read, and bounds how many have
 * opened no session, and how many files are open.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { meaningOf } from "../platform/net/error_text.ts";
import { type Connection, type Listener, TransportError } from "../platform/net/transport.ts";
import { encodeFrame } from "../wire/encoder.ts";
import { MAX_LINE_BYTES } from "../wire/protocol.ts";
import type { Limit } from "../session/events.ts";
import type { Access } from "./coordinator.ts";
import { parseHello } from "./first_bytes.ts";
import type { ServerOptions } from "./options.ts";
import type { Stranger } from "./strangers.ts";

/** How long to wait, in milliseconds, before accepting again after accepting failed. */
export const ACCEPT_BACKOFF_MS = 100;

/**
 * How long, in milliseconds, a refused client may take to send `HELLO` and to close; meanwhile no other
 * connection is accepted.
 */
export const REFUSAL_LIMIT_MS = 25;

/** Options for {@linkcode UnopenedConnections}. */
export interface UnopenedOptions extends Pick<ServerOptions, "clock" | "maxUnopened"> {
  /** Judges each connection; without it, all are served. */
  access?: Pick<Access, "judge">;
  /** Aborts when the server stops: no connection waits any longer. */
  stopping: AbortSignal;
  /** Counts a connection that is not served. */
  onStranger: (stranger: Stranger) => void;
}

/**
 * Connections that have opened no session, be they judged, waiting, in a handshake or silent. When there are more
 * than there may be, the oldest is closed: an honest client opens its session within moments, so that it is those
 * of strangers who stay that give way.
 */
export class UnopenedConnections {
  readonly #options: UnopenedOptions;
  /** The oldest first. */
  readonly #connections = new Set<Connection>();

  /** Makes one without connections. */
  constructor(options: UnopenedOptions) {
    this.#options = options;
  }

  /**
   * Judges a connection that has just been accepted, and waits if it has to. Resolves to false if it is not to
   * be served: it is closed then, and counted.
   */
  async admit(connection: Connection): Promise<boolean> {
    const judged = this.#options.access?.judge(connection.peer);
    // What is denied here and now displaces nobody; what has to be asked for is bounded like all else.
    if (judged instanceof Promise) this.add(connection);
    const verdict = judged instanceof Promise ? await judged : judged;
    if (verdict && "limit" in verdict) return this.#turnAway(connection, verdict);
    if (!(judged instanceof Promise)) this.add(connection);
    if (verdict) await this.#wait(verdict.wait_ms);
    return this.has(connection) || this.#turnAway(connection, { limit: "max_unopened" });
  }

  /** Adds a connection; if it is one too many, the oldest gives way. */
  add(connection: Connection): void {
    this.#connections.add(connection);
    if (this.#connections.size > this.#options.maxUnopened) this.giveWay();
  }

  /** Whether a connection is one of these: it has opened no session, and has not given way. */
  has(connection: Connection): boolean {
    return this.#connections.has(connection);
  }

  /** A connection has opened a session, or is closed. */
  delete(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** Closes the oldest connection, whoever serves it; false if there is none. */
  giveWay(): boolean {
    for (const oldest of this.#connections) {
      this.#connections.delete(oldest);
      oldest.close();
      return true;
    }
    return false;
  }

  #turnAway(connection: Connection, { limit }: { limit: Limit }): false {
    this.delete(connection);
    this.#options.onStranger({ peer: connection.peer, limit });
    connection.close();
    return false;
  }

  async #wait(wait_ms: number): Promise<void> {
    const { clock, stopping } = this.#options;
    using pause = new Deadline(clock, { signal: stopping });
    pause.moveTo(clock.now() + wait_ms);
    await sleep(pause).catch(() => {});
  }
}

/** Options for {@linkcode acceptAll}. */
export interface AcceptOptions {
  /** The port. */
  listener: Listener;
  /** Time. */
  clock: Clock;
  /** Aborts when no more is to be accepted. */
  stopping: AbortSignal;
  /** Receives each accepted connection. */
  accepted: (connection: Connection) => void;
  /** Closes a connection that has opened no session, to make room for another; false if there is none. */
  giveWay: () => boolean;
  /** Called with each connection that is refused for want of a descriptor. */
  refused: (connection: Connection) => void;
  /** Logs that accepting fails, and that it succeeds again. */
  notice: (level: "info" | "error", text: string) => void;
}

/**
 * Accepts until the listener is closed. A connection for which this process has no file descriptor left
 * is accepted with a spare one: another one gives way to it that has opened no session, or else it is refused.
 */
export async function acceptAll(options: AcceptOptions): Promise<void> {
  const { accepted, clock, listener, notice, stopping } = options;
  using pause = new Deadline(clock, { signal: stopping });
  let failing = false;
  const onAccepted = (connection: Connection) => {
    if (failing) notice("info", "accepting connections again");
    failing = false;
    accepted(connection);
  };
  while (!stopping.aborted) {
    try {
      onAccepted(await listener.accept());
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (error.kind === "closed") return;
      // That client is gone; the next one need not wait.
      if (error.kind === "reset") continue;
      if (!failing) notice("error", failureText(error));
      failing = true;
      if (error.kind === "too_many_open_files" && await acceptSpare(options, onAccepted)) continue;
      pause.moveTo(clock.now() + ACCEPT_BACKOFF_MS);
      await sleep(pause).catch(() => {});
    }
  }
}

/** Accepts the next connection with the spare descriptor, and makes room or refuses it; false if it cannot. */
async function acceptSpare(
  { clock, giveWay, listener, refused }: AcceptOptions,
  onAccepted: (connection: Connection) => void,
): Promise<boolean> {
  let next: Awaited<ReturnType<Listener["acceptSpare"]>>;
  try {
    next = await listener.acceptSpare();
  } catch (error) {
    if (error instanceof TransportError) return error.kind === "reset";
    throw error;
  }
  const { connection, hasRoom } = next;
  if (hasRoom || giveWay()) {
    onAccepted(connection);
    // A descriptor is free when the read that was under way on it has ended.
    if (!hasRoom) await new Promise<void>((resolve) => clock.afterInput(resolve));
    return true;
  }
  refused(connection);
  using limit = new Deadline(clock);
  limit.moveTo(clock.now() + REFUSAL_LIMIT_MS);
  const refusal = refuse(connection);
  await Promise.race([sleep(limit), refusal]);
  connection.close();
  // Only then is the descriptor free again.
  await refusal;
  return true;
}

const NO_ROOM =
  "this server has as many connections as its process may have files open (ulimit -n)";

/**
 * Answers a `HELLO` that has arrived, and waits until the client has read that: closing at once could overtake it
 * with a reset. An older client with `--reconnect` is closed without a word: it would take `refused` as final.
 */
async function refuse(connection: Connection): Promise<void> {
  const buffer = new Uint8Array(MAX_LINE_BYTES);
  const gone = () => null;
  const count = await connection.read(buffer).catch(gone);
  const hello = parseHello(buffer.subarray(0, count ?? 0));
  if (!hello) return;
  const reason = hello.knows.includes("full") ? "full" : "refused";
  if (reason === "refused" && hello.reconnects) return;
  let rest = encodeFrame({ type: "TERMINATE", reason, text: NO_ROOM });
  while (rest.length > 0) {
    const written = await connection.write(rest).catch(gone);
    if (written === null) return;
    rest = rest.subarray(written);
  }
  await connection.closeWrite().catch(gone);
  while (await connection.read(buffer).catch(gone) !== null);
}

function failureText(error: TransportError): string {
  const { code = "", kind, message } = error;
  if (kind === "too_many_open_files") {
    return `${message}: connections without a session give way, or new ones are refused; sessions go on. ` +
      "Look next: " +
      meaningOf("accept", code || "EMFILE")!.next;
  }
  const next = meaningOf("accept", code)?.next;
  return `cannot accept connections: ${message}; sessions go on, trying again` +
    (next === undefined ? "" : `. Look next: ${next}`);
}
