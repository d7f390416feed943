/**
 * Connections without a session: those there are, which are judged and bounded; and those there were. The latter are
 * port checks, other protocols, clients that never sent `HELLO`, and all that a limit turned away: they are counted
 * and reported together, so that they push nothing else out of the log.
 *
 * @module
 */
import type { Clock, Timer } from "../platform/clock.ts";
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { hostKey, hostOf } from "../platform/net/address.ts";
import type { Connection } from "../platform/net/transport.ts";
import type { EventSource, Limit, LimitCounts } from "../session/events.ts";
import { OPEN_LIMIT_MS } from "../session/timers.ts";
import { encodeFrame } from "../wire/encoder.ts";
import type { Frame } from "../wire/protocol.ts";
import type { Access, ServerOptions, Stranger } from "./options.ts";
import { type PeekedConnection, strangerOf } from "./first_bytes.ts";

/** How long, in milliseconds, strangers are counted together after a report. */
export const STRANGERS_INTERVAL_MS = 60_000;

/** How many addresses, and how many different things that were sent, a report names. */
export const MAX_NAMED = 10;

/** Options for {@linkcode Strangers}. */
export interface StrangersOptions {
  /** The clock. */
  clock: Clock;
  /** Emits the events of the server as a whole. */
  events: EventSource;
}

/** Counts strangers; reports the first one at once, and those after it once a minute at most. */
export class Strangers {
  readonly #clock: Clock;
  readonly #events: EventSource;
  readonly #timer: Timer;
  #next_ms = -Infinity;
  #count = 0;
  readonly #addresses = new Set<string>();
  readonly #sent = new Set<string>();
  #limits: LimitCounts = {};
  /** What has been reported before; all that is of no known protocol counts as the same. */
  readonly #known = new Set<string>();

  /** Creates one that has counted nobody. */
  constructor({ clock, events }: StrangersOptions) {
    this.#clock = clock;
    this.#events = events;
    this.#timer = clock.timer(() => this.flush());
  }

  /** Counts a stranger. */
  onStranger({ limit, peer, sent }: Stranger): void {
    const isFirst = this.#count++ === 0;
    if (this.#addresses.size < MAX_NAMED) this.#addresses.add(hostOf(peer));
    if (limit) this.#limits = { ...this.#limits, [limit]: (this.#limits[limit] ?? 0) + 1 };
    else if (sent !== undefined && this.#sent.size < MAX_NAMED) this.#sent.add(sent);
    if (this.#clock.now() >= this.#next_ms) this.flush();
    else if (isFirst) this.#timer.set(this.#next_ms);
  }

  /** Reports those that have not been reported. */
  flush(): void {
    this.#timer.clear();
    if (this.#count === 0) return;
    const sent = [...this.#sent];
    const limits = this.#limits;
    // Names and words of strangers are as many as they like.
    const kinds = sent.map((each) => each.startsWith('"') ? "other" : each.replace(/ ".*/, ""));
    kinds.push(...Object.keys(limits));
    const isNew = kinds.some((each) => !this.#known.has(each));
    for (const each of kinds) this.#known.add(each);
    this.#events.emit("strangers", {
      count: this.#count,
      addresses: [...this.#addresses],
      sent,
      ...isNew && { new: true as const },
      ...Object.keys(limits).length > 0 && { limits },
    });
    this.#next_ms = this.#clock.now() + STRANGERS_INTERVAL_MS;
    this.#count = 0;
    this.#addresses.clear();
    this.#sent.clear();
    this.#limits = {};
  }
}

/** One in so many gives way at a time: to read first what has come takes longer than to accept some more. */
const ROOM_PART = 16;

/** Options for {@linkcode UnopenedConnections}. */
export interface UnopenedOptions extends Pick<ServerOptions, "clock"> {
  /** How many there may be at first. */
  most: number;
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
  /** How many there may be. */
  most: number;
  readonly #options: UnopenedOptions;
  readonly #hosts = new Map<Connection, string>();
  /** Those of each host, the oldest first. */
  readonly #byHost = new Map<string, Set<Connection>>();
  /** The hosts that have as many as the index says. */
  readonly #byCount: Set<string>[] = [];
  /** The deadlines of those that are waited for. */
  readonly #limits = new Set<Deadline>();

  /** Makes one without connections. */
  constructor(options: UnopenedOptions) {
    this.#options = options;
    const { most, stopping } = options;
    this.most = most;
    stopping.addEventListener("abort", () => {
      for (const limit of this.#limits) limit.end(stopping.reason);
    }, { once: true });
  }

  /** A deadline for one of the connections, which ends when the server stops. To be disposed of. */
  limit(): Deadline {
    return new UnopenedLimit(this.#options.clock, this.#limits, this.#options.stopping);
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

  /**
   * Closes a connection for which no session needs to be made, and counts it: its peer has closed it before anything
   * was received, or it has given way; or it is late, which its peer is told if that can be done at once.
   */
  end(connection: PeekedConnection, late?: "late"): void {
    const { source } = connection;
    const limit = this.has(source) ? undefined : "max_unopened";
    this.delete(source);
    if (late) source.write(encodeFrame(TOO_LATE)).catch(() => {});
    source.close();
    this.#options.onStranger(strangerOf(connection, new Uint8Array(0), { limit }));
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
    const enough = this.most - Math.floor(this.most / ROOM_PART);
    return new Promise((resolve) =>
      this.#options.clock.afterInput(() => {
        if (this.#isOver) { while (this.#hosts.size > enough) this.giveWay(); }
        resolve();
      })
    );
  }

  get #isOver(): boolean {
    return this.#hosts.size > this.most;
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
    using pause = this.limit();
    pause.moveTo(this.#options.clock.now() + wait_ms);
    await sleep(pause).catch(() => {});
  }
}

const TOO_LATE: Frame = {
  type: "TERMINATE",
  reason: "silent",
  text: `no HELLO within ${OPEN_LIMIT_MS / 1000} s`,
};

/** Without a listener on the signal: there may be thousands, and adding one looks through all others. */
class UnopenedLimit extends Deadline {
  readonly #all: Set<Deadline>;

  constructor(clock: Clock, all: Set<Deadline>, stopping: AbortSignal) {
    super(clock);
    this.#all = all.add(this);
    if (stopping.aborted) this.end(stopping.reason);
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#all.delete(this);
  }
}
