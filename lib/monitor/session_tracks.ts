/**
 * The sessions of a process, those that have ended too, and in which order they are listed.
 *
 * @module
 */
import type { ListOrder, ListQuery } from "./monitor.ts";
import type { SessionStateName } from "./reading.ts";
import type { SessionTrack } from "./track.ts";

/** How many sessions that have ended are kept, the last ones, and for how long, in milliseconds. */
export const MAX_ENDED = 1_000;
const ENDED_KEPT_MS = 3_600_000;

/** How long, in milliseconds, an order by a column is kept: to sort thousands of sessions takes a while. */
const ORDER_KEPT_MS = 1_000;

/** How bad each state is: of the worst first. */
const RANKS: Readonly<Record<SessionStateName, number>> = {
  silent: 0,
  away: 1,
  connecting: 2,
  lost: 3,
  held: 4,
  ok: 5,
  idle: 5,
  ended: 6,
};

/** Sessions over time: iterates over those that have not ended, in the order in which they began. */
export class SessionTracks implements Iterable<SessionTrack> {
  readonly #live = new Map<string, SessionTrack>();
  /** Those that have ended, the oldest first, with when they did. */
  readonly #ended = new Map<string, { track: SessionTrack; at_ms: number }>();
  #order?: { key: string; at_ms: number; tracks: SessionTrack[] };

  /** Those that have not ended. */
  [Symbol.iterator](): Iterator<SessionTrack> {
    return this.#live.values();
  }

  /** How many have not ended. */
  get size(): number {
    return this.#live.size;
  }

  /** A session that has not ended. */
  live(id: string): SessionTrack | undefined {
    return this.#live.get(id);
  }

  /** A session, which may have ended. */
  get(id: string): SessionTrack | undefined {
    return this.#live.get(id) ?? this.#ended.get(id)?.track;
  }

  /** Adds a session that has begun. */
  begin(track: SessionTrack): void {
    this.#ended.delete(track.id);
    this.#live.set(track.id, track);
  }

  /** Keeps a session that has ended for a while. */
  end(track: SessionTrack, now_ms: number): void {
    this.#live.delete(track.id);
    this.#ended.set(track.id, { track, at_ms: now_ms });
    // Not one by one: a map skips all that was taken out before what it holds.
    if (this.#ended.size >= MAX_ENDED * 1.25) this.#forget(now_ms);
  }

  /** The sessions that a query means, all of them; `doubts` has how many data messages are in doubt, where any are. */
  inOrder(query: ListQuery, now_ms: number, doubts?: ReadonlyMap<string, number>): SessionTrack[] {
    const { descending = false, order = "worst", search = "", states = [] } = query;
    const key = [order, descending, ...states, search].join(" ");
    const known = this.#order;
    if (known?.key === key && now_ms - known.at_ms < ORDER_KEPT_MS) return known.tracks;
    this.#forget(now_ms);
    const found = this.#find(query);
    const inDoubt = ({ id, last }: SessionTrack) => last?.in_doubt ?? doubts?.get(id) ?? 0;
    const tracks = order === "worst" ? worstFirst(found) : found.sort(comparison(order, inDoubt));
    if (descending) tracks.reverse();
    // Of the worst, the order counts; and it takes no time.
    if (order !== "worst") this.#order = { key, at_ms: now_ms, tracks };
    return tracks;
  }

  #find({ search = "", states }: ListQuery): SessionTrack[] {
    const found: SessionTrack[] = [];
    const add = (track: SessionTrack) => {
      if (states && !states.includes(track.state)) return;
      if (search === "" || contains(track, search)) found.push(track);
    };
    for (const track of this.#live.values()) add(track);
    for (const { track } of [...this.#ended.values()].reverse()) add(track);
    return found;
  }

  #forget(now_ms: number): void {
    for (const [id, { at_ms }] of this.#ended) {
      if (now_ms - at_ms <= ENDED_KEPT_MS && this.#ended.size <= MAX_ENDED) return;
      this.#ended.delete(id);
    }
  }
}

function contains({ id, peer, who }: SessionTrack, search: string): boolean {
  return id.includes(search) || peer.includes(search) || who?.includes(search) === true;
}

/** By rank, without a comparison of each with others: most are well, and stay in the order in which they began. */
function worstFirst(tracks: readonly SessionTrack[]): SessionTrack[] {
  const byRank: SessionTrack[][] = [[], [], [], [], [], [], []];
  for (const track of tracks) byRank[RANKS[track.state]]!.push(track);
  byRank[RANKS.silent]!.sort((a, b) => a.dead_ms - b.dead_ms);
  return byRank.flat();
}

type Comparison = (a: SessionTrack, b: SessionTrack) => number;

function comparison(
  order: Exclude<ListOrder, "worst">,
  inDoubt: (track: SessionTrack) => number,
): Comparison {
  const byNumber = (valueOf: (track: SessionTrack) => number): Comparison => (a, b) =>
    valueOf(a) - valueOf(b);
  const byText = (valueOf: (track: SessionTrack) => string): Comparison => (a, b) => {
    const [one, other] = [valueOf(a), valueOf(b)];
    return one < other ? -1 : one > other ? 1 : 0;
  };
  const comparisons: Record<typeof order, Comparison> = {
    session: byText(({ id }) => id),
    peer: byText(({ peer }) => peer),
    round_trip: byNumber(({ roundTrips }) => roundTrips.last_ms ?? -1),
    // The youngest first.
    age: byNumber(({ began_ms }) => -began_ms),
    in_doubt: byNumber(inDoubt),
  };
  return comparisons[order];
}
