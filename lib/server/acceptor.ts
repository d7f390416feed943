/**
 * Accepts connections as long as the port is open, judges them before anything is read, and bounds how many have
 * opened no session, and how many files are open.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { hostKey } from "../platform/net/address.ts";
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

/** One in so many gives way at a time: to read first what has come takes longer than to accept some more. */
const ROOM_PART = 16;

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
 * than there may be, one gives way: of the host that has most of them the oldest. An honest client opens its session
 * within moments, and has few connections at a time, however many hosts besiege the server.
 */
export class UnopenedConnections {
  readonly #options: UnopenedOptions;
  readonly #hosts = new Map<Connection, string>();
  /** Those of each host, the oldest first. */
  readonly #byHost = new Map<string, Set<Connection>>();
  /** The hosts that have as many as the index says. */
  readonly #byCount: Set<string>[] = [];

  /** Makes one without connections. */
  constructor(options: UnopenedOptions) {
    this.#options = options;
  }

  /**
   * Judges a connection that has just been accepted, and waits if it has to. Resolves to false if it is not to
   * be served: it is closed then, and counted. If it is one too many, `makeRoom` is to be called.
   */
  async admit(connection: Connection): Promise<boolean> {
    const judged = this.#options.access?.judge(connection.peer);
    // What is denied here and now displaces nobody; what has to be asked for is bounded like all else.
    if (judged instanceof Promise) this.#insert(connection);
    const verdict = judged instanceof Promise ? await judged : judged;
    if (verdict && "limit" in verdict) return this.#turnAway(connection, verdict);
    if (!(judged instanceof Promise)) this.#insert(connection);
    if (verdict) await this.#wait(verdict.wait_ms);
    return this.has(connection) || this.#turnAway(connection, { limit: "max_unopened" });
  }

  /** Adds a connection; if it is one too many, another one gives way. */
  add(connection: Connection): void {
    this.#insert(connection);
    if (this.#isOver) this.giveWay();
  }

  /** Whether a connection is one of these: it has opened no session, and has not given way. */
  has(connection: Connection): boolean {
    return this.#hosts.has(connection);
  }

  /** A connection has opened a session, or is closed. */
  delete(connection: Connection): void {
    const host = this.#hosts.get(connection);
    if (host === undefined) return;
    this.#hosts.delete(connection);
    const connections = this.#byHost.get(host)!;
    this.#count(host, connections.size, connections.size - 1);
    connections.delete(connection);
    if (connections.size === 0) this.#byHost.delete(host);
  }

  /** Closes a connection, whoever serves it; false if there is none. */
  giveWay(): boolean {
    const [host] = this.#byCount.at(-1) ?? [];
    if (host === undefined) return false;
    const [oldest] = this.#byHost.get(host)!;
    this.delete(oldest!);
    oldest!.close();
    return true;
  }

  /**
   * Makes room, if there are more than there may be: but only when everything has been read that has come by now, or
   * strangers who connect fast would displace a client whose `HELLO` is waiting. Until then no more is to be accepted.
   */
  makeRoom(): Promise<void> | undefined {
    if (!this.#isOver) return undefined;
    const { clock, maxUnopened } = this.#options;
    const enough = maxUnopened - Math.floor(maxUnopened / ROOM_PART);
    return new Promise<void>((resolve) =>
      clock.afterInput(() => {
        if (this.#isOver) { while (this.#hosts.size > enough) this.giveWay(); }
        resolve();
      })
    );
  }

  get #isOver(): boolean {
    return this.#hosts.size > this.#options.maxUnopened;
  }

  #insert(connection: Connection): void {
    const host = hostKey(connection.peer);
    this.#hosts.set(connection, host);
    const connections = this.#byHost.get(host) ?? new Set<Connection>();
    this.#byHost.set(host, connections.add(connection));
    this.#count(host, connections.size - 1, connections.size);
  }

  /** Notes that a host has another number of them than before. */
  #count(host: string, before: number, count: number): void {
    this.#byCount[before]?.delete(host);
    if (count > 0) (this.#byCount[count] ??= new Set()).add(host);
    while (this.#byCount.length > 0 && !this.#byCount.at(-1)?.size) this.#byCount.pop();
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
  /** Makes room after a connection was accepted, if that is needed; no more is accepted meanwhile. */
  makeRoom: () => Promise<void> | undefined;
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
  const { accepted, clock, listener, makeRoom, notice, stopping } = options;
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
      const room = makeRoom();
      if (room) await room;
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
