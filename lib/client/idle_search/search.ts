/**
 * The search for idle timeouts: both directions side by side, within the limits on how many sessions may be idle,
 * how many may be opened in a second, and how many there may be in all. A pure object: it reads no clock.
 *
 * @module
 */
import { contradictionsOf, howOf } from "./contradictions.ts";
import { Direction } from "./direction.ts";
import {
  type Bracket,
  type Brackets,
  type FirstSpeaker,
  MAX_OPENED_PER_SECOND,
  type ProbePlan,
  type ProbeResult,
  type ProbeSearch,
  type SearchProgress,
  type SearchResult,
} from "./probe.ts";

/** How many sessions there may be in all, for each that may be idle at a time, and besides. */
const MOST = { perProbe: 20, besides: 100 };

/** How long, in milliseconds, it takes at most until it is known what became of a session that was spoken on. */
const KNOWN_AFTER_MS = 8_000;

/** Options for {@linkcode IdleSearch}. */
export interface IdleSearchOptions {
  /** The longest idle time, in milliseconds. */
  up_to_ms: number;
  /** How near to each other the bounds have to be, in milliseconds. */
  precision_ms: number;
  /** How many sessions may be idle at a time. */
  probes: number;
}

/**
 * A search. With 32 sessions at a time, a timeout T that is one of the known ones (docs/idle-timeouts.md), or up to
 * 18 precisions, is found in 2.5 T + 30 s; others take a round, or two, of T more. That there is none up to D is
 * known in D + 30 s.
 */
export class IdleSearch implements ProbeSearch {
  readonly #options: IdleSearchOptions;
  readonly #directions: Readonly<Record<FirstSpeaker, Direction>>;
  /** The ids of sessions that were handed out and are still wanted. */
  readonly #wanted = new Set<number>();
  /** When the sessions of the last second were handed out, in monotonic milliseconds. */
  #opened_ms: number[] = [];
  #abandoned: number[] = [];
  #lastId = 0;
  #count = 0;

  /** Makes one that knows nothing. */
  constructor(options: IdleSearchOptions) {
    this.#options = options;
    const { precision_ms, probes, up_to_ms } = options;
    const slots = Math.max(1, Math.floor(probes / 2));
    const direction = (first: FirstSpeaker) =>
      new Direction({ first, precision_ms, slots, up_to_ms });
    this.#directions = { client: direction("client"), server: direction("server") };
  }

  /** Whether nothing is left to be probed, or the sessions are used up. */
  get isDone(): boolean {
    return this.#isUsedUp || this.#isFound;
  }

  /** What to start now, no more than `most`: with slots for it, the longest idle time comes first. */
  next(now_ms: number, most = Infinity): ProbePlan[] {
    const plans: ProbePlan[] = [];
    this.#opened_ms = this.#opened_ms.filter((each) => each > now_ms - 1000);
    const open = Object.entries(this.#directions) as [FirstSpeaker, Direction][];
    while (!this.isDone) {
      const before = plans.length;
      // The one with less under way comes first.
      open.sort(([, a], [, b]) => a.underWay.length - b.underWay.length);
      for (const [first, direction] of open) {
        if (plans.length >= most) return plans;
        const plan = this.#start(first, direction, now_ms);
        if (plan) plans.push(plan);
      }
      if (plans.length === before) break;
    }
    return plans;
  }

  /** The sessions that are not wanted any more, by the ids of their plans: what comes of them is ignored. */
  takeAbandoned(): readonly number[] {
    const abandoned = this.#abandoned;
    this.#abandoned = [];
    return abandoned;
  }

  /** Takes what came of a probe: one that it has handed out, or one of an earlier search. */
  add(result: ProbeResult): void {
    const { plan: { first, id } } = result;
    const isEarlier = id > this.#lastId || !this.#count;
    if (!this.#wanted.delete(id) && !isEarlier) return;
    this.#lastId = Math.max(this.#lastId, id);
    const { client, server } = this.#directions;
    this.#directions[first].add(result);
    client.read(server);
    server.read(client);
    for (const direction of [client, server]) if (direction.isDone) this.#endAll(direction);
  }

  /** How far it has come. */
  progress(now_ms: number): SearchProgress {
    const { client, server } = this.#directions;
    const left_ms = this.isDone
      ? 0
      : Math.max(...[client, server].map((each) => this.#left_ms(each, now_ms)));
    const under_way = client.underWay.length + server.underWay.length;
    return { ...this.#brackets(), under_way, done_in_ms: left_ms };
  }

  /** What it has found, or has found so far. */
  result(): SearchResult {
    const { client, server } = this.#directions;
    const contradictions = [
      ...contradictionsOf("client", client),
      ...contradictionsOf("server", server),
    ];
    if (this.#isUsedUp && !this.#isFound) {
      contradictions.push(
        `no clear boundary: after ${this.#count} sessions the bounds are not within the precision`,
      );
    }
    return { ...this.#brackets(), isComplete: this.isDone, contradictions };
  }

  get #isFound(): boolean {
    const { client, server } = this.#directions;
    return client.isDone && server.isDone;
  }

  get #isUsedUp(): boolean {
    const most = MOST.perProbe * this.#options.probes + MOST.besides;
    return this.#count >= most && this.#wanted.size === 0;
  }

  #start(first: FirstSpeaker, direction: Direction, now_ms: number): ProbePlan | undefined {
    const { probes } = this.#options;
    const most = MOST.perProbe * probes + MOST.besides;
    if (this.#opened_ms.length >= MAX_OPENED_PER_SECOND || this.#count >= most) return undefined;
    const other = this.#directions[first === "client" ? "server" : "client"];
    const share = first === "client" ? Math.ceil(probes / 2) : Math.floor(probes / 2);
    const slots = other.isDone ? probes : share;
    const next = () => direction.next(slots, this.#wanted.size >= probes);
    let step = next();
    if (!step) {
      const displaced = direction.displaced(slots);
      if (displaced === undefined) return undefined;
      this.#abandon([displaced]);
      step = next();
    }
    if (!step) return undefined;
    const plan = { id: ++this.#lastId, idle_ms: Math.round(step.idle_ms), first };
    direction.started(plan, step.reason, now_ms);
    this.#wanted.add(plan.id);
    this.#opened_ms.push(now_ms);
    this.#count++;
    return plan;
  }

  #endAll(direction: Direction): void {
    this.#abandon(direction.endAll());
  }

  #abandon(ids: readonly number[]): void {
    for (const id of ids) this.#wanted.delete(id);
    this.#abandoned.push(...ids);
  }

  #brackets(): Brackets {
    const { client, server } = this.#directions;
    return { client_first: this.#bracket(client), server_first: this.#bracket(server) };
  }

  #bracket(direction: Direction): Bracket {
    const { bounds: { died_ms, survived_ms }, reading } = direction;
    const survives_s = Math.floor(survived_ms) / 1000;
    const forgotten_by_s = died_ms === Infinity ? null : Math.ceil(died_ms) / 1000;
    return { survives_s, forgotten_by_s, how: howOf(reading) };
  }

  #left_ms(direction: Direction, now_ms: number): number {
    const { up_to_ms } = this.#options;
    if (direction.isDone) return 0;
    const { dead, shortestDead_ms } = direction.reading;
    const most_ms = dead.length === 0
      ? up_to_ms
      : Math.max(shortestDead_ms, direction.reading.longestAlive_ms);
    const left = direction.underWay
      .filter(({ plan, reason }) =>
        dead.length === 0 ? reason === "longest" : plan.idle_ms <= most_ms
      )
      .map(({ plan, started_ms }) => started_ms + plan.idle_ms - now_ms);
    return Math.max(0, left.length > 0 ? Math.max(...left) : most_ms) + KNOWN_AFTER_MS;
  }
}
