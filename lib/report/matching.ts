/**
 * Matches what both sides recorded: sessions by their ids, connections by their order, frames by their
 * numbers; and bounds the clocks of each two processes by the frames.
 *
 * @module
 */
import { ClockBounds, type Interval, ServerTime } from "../evidence/clock_bounds.ts";
import type { ClientLedger, ServerLedger } from "../evidence/ledgers.ts";
import { countIn, type Entry, type Run, textIn } from "./entries.ts";
import type { SideHistory } from "./side_history.ts";

/** One side of a session, in one run. */
export interface Side {
  /** The run that recorded it. */
  readonly run: Run;
  /** What it recorded. */
  readonly history: SideHistory;
}

/** A session, with what was recorded of it. */
export class MatchedSession {
  /** Its id. */
  readonly id: string;
  /** The client's side, if it was recorded. */
  client?: Side;
  /** The server's side: one for each run of the server that had the session, in order. */
  readonly servers: Side[] = [];
  /** Whether the order of the servers' runs is known. */
  #isOrdered = true;
  /** Of each connection of a server's run: its number at the client. */
  #connections?: Map<string, number>;

  /** A session that nothing is known of. */
  constructor(id: string) {
    this.id = id;
  }

  /** The side on whose clock its moments are: the client's if it was recorded, else that of the first server. */
  get clock(): Side {
    return this.client ?? this.servers[0]!;
  }

  /** Whether both sides were recorded. */
  get isMatched(): boolean {
    return this.client !== undefined && this.servers.length > 0;
  }

  /** How many connections it had: each run of a server counts its own. */
  get connections(): number {
    const ofServers = this.servers.reduce((sum, { history }) => sum + history.connections, 0);
    return Math.max(ofServers, this.client?.history.connections ?? 0);
  }

  /**
   * The number at the client of a connection of a run; `undefined` where that is not known. Without the
   * client's side, the server's own numbers.
   */
  connectionAtClient(run: Run, connection: number): number | undefined {
    if (run.role === "client" || !this.client) return connection;
    this.#connections ??= this.#match();
    return this.#connections.get(`${run.id} ${connection}`);
  }

  /** Puts the servers' runs in order: by what they received, for their wall clocks may be hours apart. */
  order(): void {
    const sides = this.servers.map((side) => ({ side, first: firstNumber(side) }));
    const isKnown = sides.every(({ first }) => first < Infinity);
    const startOf = ({ history, run }: Side) => run.wallAt(history.first_ms);
    sides.sort((a, b) => isKnown && a.first - b.first || startOf(a.side) - startOf(b.side));
    this.servers.splice(0, sides.length, ...sides.map(({ side }) => side));
    this.#isOrdered = isKnown || sides.length < 2 ||
      sides.every(({ side }) => side.run.wall.steps.length === 0);
  }

  /**
   * Both sides count connections, but the server does not see those that never reached it, and the client
   * does not open those whose `WELCOME` was lost. Where the rest is not equally many, one had other data messages
   * at the server than at the client, or the order of runs is not known, nothing is matched.
   */
  #match(): Map<string, number> {
    if (!this.#isOrdered) return new Map();
    const ofServer = this.servers.flatMap(({ history, run }) =>
      [...history.welcomed].sort((a, b) => a - b).map((connection) => ({
        key: `${run.id} ${connection}`,
        isUsed: history.used.has(connection),
        numbers: history.numbers.get(connection),
      }))
    );
    const { numbers, welcomed } = this.client!.history;
    const ofClient = [...welcomed].sort((a, b) => a - b);
    const isAll = ofServer.length === ofClient.length;
    const found = isAll ? ofServer : ofServer.filter(({ isUsed }) => isUsed);
    const isOne = found.length === ofClient.length &&
      found.every((each, at) => mayBeOne(each.numbers, numbers.get(ofClient[at]!)));
    return new Map(isOne ? found.map(({ key }, at) => [key, ofClient[at]!]) : []);
  }
}

/** The first data message that a side received; infinite without one. */
function firstNumber({ history: { numbers } }: Side): number {
  let first = Infinity;
  for (const [each] of numbers.values()) first = Math.min(first, each);
  return first;
}

/** Whether a connection may have had these data messages at one side and those at the other. */
function mayBeOne(one?: readonly [number, number], other?: readonly [number, number]): boolean {
  return !one || !other || one[0] <= other[1] && other[0] <= one[1];
}

/** The clocks of a client's run and a server's run. */
export interface ClockPair {
  /** The client's run. */
  readonly client: Run;
  /** The server's run. */
  readonly server: Run;
  /** The bounds of both monotonic clocks. */
  readonly bounds: ClockBounds;
  /** Moments of the server on the client's clock. */
  readonly serverTime: ServerTime;
  /** How many frames bound them. */
  frames: number;
}

/** How many frames of a run are kept until those of the other side come. */
const MAX_FRAMES = 131_072;

/** Frames that a connection has one of, by name and number. */
const PAIRED = /^(?:HELLO|WELCOME|DATA|CONFIRM|HEARTBEAT|HEARTBEAT_REPLY)$/;

/** Bounds the clocks of all pairs of runs that share sessions. */
export class Clocks {
  readonly #sessions: ReadonlyMap<string, MatchedSession>;
  readonly #pairs = new Map<string, ClockPair>();
  /** The clients' frames: negative where they were received. */
  readonly #frames = new Map<string, number>();
  /** Only numbers are kept that this divides. */
  #step = 1;

  /** Takes the sessions, by their ids. */
  constructor(sessions: ReadonlyMap<string, MatchedSession>) {
    this.#sessions = sessions;
  }

  /** All pairs. */
  get pairs(): ClockPair[] {
    return [...this.#pairs.values()];
  }

  /** The pair of two runs; `undefined` if they share no session. */
  pairOf(client: Run, server: Run): ClockPair | undefined {
    return this.#pairs.get(`${client.id} ${server.id}`);
  }

  /** Reads the frames of all runs, the clients' first. */
  read(runs: readonly Run[]): void {
    const isFrame = (line: string) => line.includes('"frame_');
    for (const session of this.#sessions.values()) {
      for (const { run } of session.servers) {
        if (session.client) this.#pair(session.client.run, run);
      }
    }
    for (const role of ["client", "server"] as const) {
      for (const run of runs.filter((each) => each.role === role)) {
        run.forEachEntry((entry) => this.#add(entry, run), isFrame);
      }
    }
    this.#frames.clear();
  }

  #pair(client: Run, server: Run): void {
    const key = `${client.id} ${server.id}`;
    if (this.#pairs.has(key)) return;
    const bounds = new ClockBounds();
    const guess_ms = (client.wall.distance_ms(client.first_ms)?.[0] ?? 0) -
      (server.wall.distance_ms(server.first_ms)?.[0] ?? 0);
    const serverTime = new ServerTime(bounds, guess_ms);
    this.#pairs.set(key, { client, server, bounds, serverTime, frames: 0 });
  }

  #add(entry: Entry, run: Run): void {
    const session = this.#sessions.get(entry.session ?? "");
    const [frame, n] = [textIn(entry, "frame"), countIn(entry, "n") ?? 0];
    if (!session?.isMatched || !PAIRED.test(frame)) return;
    // Another run that has the client's side, too, does not count.
    if (run.role === "client" && run !== session.client!.run) return;
    const connection = session.connectionAtClient(run, countIn(entry, "connection") ?? 0);
    if (connection === undefined) return;
    const key = `${session.id} ${connection} ${frame} ${n}`;
    const isSent = entry.event === "frame_sent";
    if (run.role === "client") this.#keep(key, n, isSent ? entry.mono_us : -entry.mono_us);
    else this.#bound(session.client!.run, run, this.#frames.get(key), entry.mono_us, isSent);
  }

  #keep(key: string, n: number, us: number): void {
    if (n % this.#step === 0) this.#frames.set(key, us);
    if (this.#frames.size <= MAX_FRAMES) return;
    this.#step *= 2;
    for (const each of this.#frames.keys()) {
      if (Number(each.slice(each.lastIndexOf(" ") + 1)) % this.#step !== 0) {
        this.#frames.delete(each);
      }
    }
    // What is left are frames of too many connections: some of them will do.
    let at = 0;
    for (const each of this.#frames.keys()) {
      if (this.#frames.size <= MAX_FRAMES / 2) break;
      if (at++ % 2 === 0) this.#frames.delete(each);
    }
  }

  #bound(client: Run, server: Run, us: number | undefined, server_us: number, isSent: boolean) {
    if (us === undefined || isSent !== us < 0) return;
    const pair = this.pairOf(client, server)!;
    pair.frames++;
    if (isSent) pair.bounds.addToClient(server_us / 1_000, -us / 1_000);
    else pair.bounds.addToServer(us / 1_000, server_us / 1_000);
  }
}

/** A moment of a side on the clock of the session; without the client's recording two servers' clocks stay apart. */
export function onClock(
  clocks: Clocks,
  session: MatchedSession,
  side: Side,
  at_ms: number,
): Interval {
  if (side.run === session.clock.run) return [at_ms, at_ms];
  const pair = session.client && clocks.pairOf(session.client.run, side.run);
  return pair ? pair.serverTime.onClient(at_ms) : [-Infinity, Infinity];
}

/** When a moment of a session was, by the wall clock of the run whose clock it is on. */
export function wallTime(session: MatchedSession, at_ms: number): number {
  return session.clock.run.wallAt(at_ms);
}

/** A moment of a side on the wall clock of its session, in the middle of its interval. */
export function sideWallTime(
  clocks: Clocks,
  session: MatchedSession,
  side: Side,
  at_ms: number,
): number {
  const [low_ms, high_ms] = onClock(clocks, session, side, at_ms);
  const middle_ms = (low_ms + high_ms) / 2;
  return Number.isFinite(middle_ms) ? wallTime(session, middle_ms) : side.run.wallAt(at_ms);
}

/** The client's counters, if it was recorded. */
export function clientLedger({ client }: MatchedSession): ClientLedger | undefined {
  if (!client) return undefined;
  const { confirmed, sent, summary } = client.history;
  return {
    sent: Math.max(sent, summary ? countIn(summary, "data_sent") ?? 0 : 0),
    confirmed: Math.max(confirmed, summary ? countIn(summary, "confirmed_up_to") ?? 0 : 0),
    isFinal: summary !== undefined,
  };
}

/** The server's counters, final if each connection of the client is in its recordings. */
export function serverLedger(session: MatchedSession): ServerLedger | undefined {
  const { client, servers } = session;
  if (servers.length === 0) return undefined;
  const received = Math.max(...servers.map(({ history }) => history.received));
  const confirmed = Math.max(...servers.map(({ history }) => history.confirmed));
  const { summary } = servers.at(-1)!.history;
  const upTo = summary ? countIn(summary, "confirmed_up_to") ?? 0 : 0;
  const doubtful = summary && Array.isArray(summary.in_doubt) ? summary.in_doubt.flat() : [];
  const last = Math.max(0, ...doubtful.filter(Number.isSafeInteger));
  const matched = servers.flatMap(({ history, run }) =>
    [...history.welcomed].map((each) => session.connectionAtClient(run, each))
  );
  const isWhole = [...client?.history.welcomed ?? []].every((each) => matched.includes(each));
  return {
    received: Math.max(received, upTo, last),
    confirmed: Math.max(confirmed, upTo),
    isFinal: summary !== undefined && isWhole,
  };
}
