/**
 * The monitor of a process: takes events and sessions, and gives readings.
 *
 * @module
 */
import { afterTurn, type Clock } from "../platform/clock.ts";
import type { Event, EventName, EventSink, Phase } from "../session/events.ts";
import { Histogram } from "../session/histogram.ts";
import type { Timers } from "../session/timers.ts";
import type { Role } from "../wire/protocol.ts";
import { TimeCounts, type TimeName } from "./buckets.ts";
import { EventCounts } from "./event_counts.ts";
import { HealthWatch } from "./health.ts";
import type { Health, ListQuery, Monitor, Totals } from "./monitor.ts";
import { Outages } from "./outages.ts";
import type { Outage, SessionHistory, SessionReading } from "./reading.ts";
import { addTotals, Roster } from "./roster.ts";
import { samplesOf } from "./round_trips.ts";
import { SessionTracks } from "./session_tracks.ts";
import { type Moment, type PastSession, pastSessions, SessionTrack, stretchesOf } from "./track.ts";
import type {
  Begun,
  LiveReading,
  Past,
  ProcessWatch,
  Trouble,
  WatchedSession,
  WatchedThread,
} from "./watch.ts";

/** Events of which a monitor learns nothing: the most frequent ones. */
const UNUSED: ReadonlySet<EventName> = new Set([
  "data_sent",
  "data_received",
  "data_confirmed",
  "heartbeat_sent",
  "heartbeat_received",
]);

/** Options for {@linkcode SessionMonitor}. */
export interface SessionMonitorOptions {
  /** Which side this is. */
  role: Role;
  /** The timers of its sessions. */
  timers: Timers;
  /** The clock. */
  clock: Clock;
  /** Receives the events as well. */
  sink: EventSink;
}

/** What is known of all sessions of a process. */
export class SessionMonitor implements Monitor, ProcessWatch, Disposable {
  readonly role: Role;
  readonly started_ms: number;
  /** Takes the events of this process, and passes them on. */
  readonly sink: EventSink;
  readonly #options: SessionMonitorOptions;
  readonly #roster: Roster;
  readonly #threads: WatchedThread[] = [];
  readonly #health: HealthWatch;
  readonly #counts = new EventCounts();
  readonly #roundTrips: TimeCounts = new TimeCounts("round_trips");
  readonly #percentiles = new Histogram();
  readonly #tracks = new SessionTracks();
  readonly #outages = new Outages();
  /** What the store has of sessions that are to be restored. */
  #before = new Map<string, PastSession>();
  readonly #listeners = new Set<() => void>();
  #isNotifying = false;
  #lastTime = { text: "", wall_ms: NaN };

  /** Makes a monitor without sessions. */
  constructor(options: SessionMonitorOptions) {
    const { clock, role, sink } = this.#options = options;
    this.role = role;
    this.started_ms = clock.wallTime();
    this.#roster = new Roster(clock);
    this.#health = new HealthWatch(clock);
    if (role === "server") this.trouble("accepting", "the port is not open yet");
    this.sink = {
      wantsMessages: sink.wantsMessages,
      // It is set later.
      get recording() {
        return sink.recording;
      },
      emit: (event) => {
        this.#onEvent(event);
        sink.emit(event);
      },
      ...sink.room && { room: () => sink.room!() },
    };
  }

  /** Ends what it does by itself. */
  [Symbol.dispose](): void {
    this.#health.stop();
    this.#listeners.clear();
  }

  add(session: WatchedSession): void {
    const { away_ms, peer, state } = session;
    const { session: id, who } = state.events;
    const track = this.#begin({ session: id!, who, peer, away_ms });
    this.#roster.add(session);
    state.onRelease = () => this.released(track.id);
    const { roundTrips } = state.ledger;
    state.ledger.roundTrips = {
      add: (rtt_ms) => {
        roundTrips?.add(rtt_ms);
        this.#onRoundTrip(track, rtt_ms);
      },
    };
  }

  begun(session: Begun, thread: WatchedThread): void {
    this.#begin(session, thread);
  }

  remember(past: Past): void {
    this.#outages.remember(past.outages);
    this.#before = pastSessions(past);
  }

  released(session: string): void {
    const track = this.#tracks.live(session);
    if (track?.release(this.#now(), this.#terms())) this.#changed();
  }

  addThread(thread: WatchedThread): void {
    this.#threads.push(thread);
  }

  trouble(what: Trouble, text?: string): void {
    this.#health.trouble(what, text);
  }

  /** The times that it counts: who records each one elsewhere sets their recorders. */
  get times(): Readonly<Record<TimeName, TimeCounts>> {
    const { overshoots, silences: silence_durations } = this.#counts;
    return { overshoots, round_trips: this.#roundTrips, silence_durations };
  }

  async totals(): Promise<Totals> {
    const sums = this.#roster.totals();
    const others = await Promise.all(this.#threads.map((thread) => thread.totals()));
    for (const each of others) if (each) addTotals(sums, each);
    const phases: Record<Phase, number> = { connecting: 0, data: 0, heartbeat: 0, terminated: 0 };
    let [silent, held] = [0, 0];
    for (const track of this.#tracks) {
      if (!track.end) phases[track.phase]++;
      if (track.state === "silent") silent++;
      else if (track.state === "held") held++;
    }
    return {
      ...sums,
      ...this.#counts.read(),
      opened: this.#counts.opened,
      phases,
      silent,
      held,
      round_trips: this.#roundTrips.read(),
      round_trip: this.#percentiles.percentiles(),
    };
  }

  async list(query: ListQuery = {}): Promise<{ matched: number; rows: SessionReading[] }> {
    const { count = Infinity, from = 0 } = query;
    const doubts = query.order === "in_doubt" ? await this.#inDoubt() : undefined;
    const tracks = this.#tracks.inOrder(query, this.#options.clock.now(), doubts);
    return { matched: tracks.length, rows: await this.#read(tracks.slice(from, from + count)) };
  }

  async history(session: string): Promise<SessionHistory | undefined> {
    const track = this.#tracks.get(session);
    if (!track) return undefined;
    const [now] = await this.#read([track]);
    if (!now) return undefined;
    const states = track.stretches;
    return {
      now,
      states,
      known_since_ms: states[0]!.from_ms,
      round_trips: track.roundTrips.samples,
      sample_ms: track.roundTrips.sample_ms,
      round_trip: track.roundTrips.percentiles(),
      outages: this.outages({ session }),
    };
  }

  outages({ count, session }: { count?: number; session?: string } = {}): Outage[] {
    return this.#outages.list(this.#options.clock.now(), count, session);
  }

  health(): Health {
    return this.#health.read(this.role === "server" ? this.#tracks : []);
  }

  onChange(changed: () => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(changed);
    signal.addEventListener("abort", () => this.#listeners.delete(changed), { once: true });
  }

  #begin(begun: Begun, thread?: WatchedThread): SessionTrack {
    const now = this.#now();
    const before = this.#before.get(begun.session);
    this.#before.delete(begun.session);
    const track = new SessionTrack(begun, now, { before, thread });
    this.#tracks.begin(track);
    const { away_ms } = begun;
    if (away_ms !== undefined) this.#outages.restored(track, away_ms, now);
    this.#changed();
    return track;
  }

  #onEvent(event: Event): void {
    if (UNUSED.has(event.event)) return;
    const { clock } = this.#options;
    const at = { wall_ms: this.#wallTime(event.time), now_ms: clock.now() };
    this.#counts.onEvent(event, at.now_ms);
    if (event.event === "listening") this.trouble("accepting");
    if (event.event === "local_stall" && event.kind === "stopped") this.#health.stalled(event.ms);
    const track = event.session === null ? undefined : this.#tracks.live(event.session);
    if (!track) return;
    if (event.event === "connected" && !track.wasOpen) this.#counts.opened++;
    const hasChanged = track.onEvent(event, at, this.#terms());
    const hasOutageChanged = this.#outages.onEvent(event, track, at);
    if (event.event === "heartbeat_answered" && this.role === "server" && event.rtt_ms !== null) {
      this.#onRoundTrip(track, event.rtt_ms);
    }
    this.#roster.onEvent(event);
    if (track.takeLast(event)) this.#tracks.end(track, at.now_ms);
    if (hasChanged || hasOutageChanged) this.#changed();
  }

  /** The time of an event; parsed once for many events of one millisecond. */
  #wallTime(text: string): number {
    if (text !== this.#lastTime.text) this.#lastTime = { text, wall_ms: Date.parse(text) };
    return this.#lastTime.wall_ms;
  }

  #onRoundTrip(track: SessionTrack, rtt_ms: number): void {
    this.#roundTrips.add(rtt_ms);
    this.#percentiles.add(rtt_ms);
    const limit = samplesOf(this.#tracks.size);
    track.roundTrips.add(rtt_ms, this.#options.clock.wallTime(), limit);
  }

  async #inDoubt(): Promise<Map<string, number>> {
    const others = await Promise.all(this.#threads.map((thread) => thread.inDoubt()));
    return new Map([...this.#roster.inDoubt(), ...others.flat()]);
  }

  /** Reads sessions, each in its thread. */
  async #read(tracks: readonly SessionTrack[]): Promise<SessionReading[]> {
    const elsewhere = new Map<WatchedThread, string[]>();
    for (const { id, last, thread } of tracks) {
      if (!thread || last) continue;
      const ids = elsewhere.get(thread);
      if (ids) ids.push(id);
      else elsewhere.set(thread, [id]);
    }
    const found = new Map<string, LiveReading>();
    await Promise.all([...elsewhere].map(async ([thread, ids]) => {
      const readings = await thread.read(ids);
      for (const [at, each] of readings.entries()) if (each) found.set(ids[at]!, each);
    }));
    const now_ms = this.#options.clock.now();
    return tracks.flatMap((track) => {
      const live = track.last ?? found.get(track.id) ?? this.#roster.read(track.id);
      return live ? [track.reading(live, now_ms)] : [];
    });
  }

  #changed(): void {
    if (this.#isNotifying || this.#listeners.size === 0) return;
    this.#isNotifying = true;
    afterTurn(() => {
      this.#isNotifying = false;
      for (const changed of [...this.#listeners]) changed();
    });
  }

  #now(): Moment {
    const { clock } = this.#options;
    return { wall_ms: clock.wallTime(), now_ms: clock.now() };
  }

  #terms() {
    const { role, timers } = this.#options;
    return { role, timers, stretches: stretchesOf(this.#tracks.size) };
  }
}
