/**
 * Runs many sessions and totals their results.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { EXIT, type ExitStatus } from "../session/close_reason.ts";
import {
  type Event,
  type EventSink,
  EventSource,
  overshootOf,
  type Phase,
} from "../session/events.ts";
import { Histogram } from "../session/histogram.ts";
import { addCounters, Counters } from "../session/ledger.ts";
import type { Client } from "./client.ts";

/** One session of a load run. */
export type LoadSession = Pick<Client, "run" | "stop">;

/** Options for {@linkcode LoadRun}. */
export interface LoadOptions {
  /** How many sessions. */
  sessions: number;
  /** Over how long their starts are spread, in milliseconds. */
  ramp_ms: number;
  /** Makes a session that emits its events to this sink and adds its round trips to this histogram. */
  newSession: (sink: EventSink, roundTrips: Histogram) => LoadSession;
  /** Time. */
  clock: Clock;
  /** Receives the events of every session, and at the end the `total`. */
  sink: EventSink;
}

/** Runs many independent sessions at once and totals their results. To be run once. */
export class LoadRun {
  readonly #options: LoadOptions;
  readonly #events: EventSource;
  readonly #sessions: LoadSession[] = [];
  readonly #stopping = new AbortController();
  readonly #statuses = new Map<ExitStatus, number>();
  readonly #phases: Record<Phase, number> = { connecting: 0, data: 0, heartbeat: 0, terminated: 0 };
  readonly #roundTrips = new Histogram();
  readonly #overshoots = new Histogram();
  #phasesAtStop?: Record<Phase, number>;
  readonly #total = new Counters();

  /** Makes a load run; nothing is sent until `run`. */
  constructor(options: LoadOptions) {
    this.#options = options;
    this.#events = new EventSource(options.sink, options.clock);
  }

  /** Runs all sessions to their ends, and emits their total: returns the worst exit status. */
  async run(): Promise<ExitStatus> {
    const { clock, sessions } = this.#options;
    const started_ms = clock.now();
    await Promise.all(await this.#startAll(started_ms));
    const ended = (status: ExitStatus) => this.#statuses.get(status) ?? 0;
    this.#events.emit("total", {
      sessions,
      started: this.#sessions.length,
      duration_ms: Math.round(clock.now() - started_ms),
      ...this.#total,
      phases: this.#phasesAtStop ?? { ...this.#phases },
      ended_as_asked: ended(EXIT.asked),
      lost: ended(EXIT.lost),
      unconnected: ended(EXIT.unconnected),
      refused: ended(EXIT.refused),
      round_trips: this.#roundTrips.percentiles(),
      overshoots: this.#overshoots.percentiles(),
    });
    return [EXIT.lost, EXIT.refused, EXIT.unconnected].find(ended) ?? EXIT.asked;
  }

  /** Ends every session in order, and starts no more. */
  stop(reason: "done" | "shutdown"): void {
    this.#phasesAtStop ??= { ...this.#phases };
    this.#stopping.abort(reason);
    for (const session of this.#sessions) session.stop(reason);
  }

  /** Starts the sessions at even intervals, until it is stopped. */
  async #startAll(started_ms: number): Promise<Promise<void>[]> {
    const { clock, ramp_ms, sessions } = this.#options;
    using pause = new Deadline(clock, { signal: this.#stopping.signal });
    const running: Promise<void>[] = [];
    while (running.length < sessions && !this.#stopping.signal.aborted) {
      running.push(this.#start());
      const next_ms = started_ms + ramp_ms * running.length / sessions;
      if (next_ms <= clock.now()) continue;
      pause.moveTo(next_ms);
      await sleep(pause).catch(() => {});
    }
    return running;
  }

  async #start(): Promise<void> {
    const { newSession, sink } = this.#options;
    this.#phases.connecting++;
    let wasOpen = false;
    const events: EventSink = {
      wantsMessages: sink.wantsMessages,
      recording: sink.recording,
      emit: (event) => {
        if (event.event === "connected" && !wasOpen) {
          wasOpen = true;
          this.#onOpen();
        }
        this.#count(event);
        sink.emit(event);
      },
    };
    const session = newSession(events, this.#roundTrips);
    this.#sessions.push(session);
    const status = await session.run();
    // A session that was never open emits no phases.
    if (!wasOpen) this.#enterPhase({ from: "connecting", to: "terminated" });
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
  }

  #count(event: Event): void {
    const total = this.#total;
    switch (event.event) {
      case "phase":
        return this.#enterPhase(event);
      case "resumed":
        return void total.resumed++;
      case "local_stall":
        return void total.local_stalls++;
      case "hold":
        return void total.holds++;
      case "disconnected":
      case "terminated":
        return this.#countEnd(event);
      case "summary":
        return addCounters(total, {
          data_sent: event.data_sent,
          data_confirmed: event.data_confirmed,
          data_resent: event.data_resent,
          in_doubt: event.in_doubt.reduce((sum, [first, last]) => sum + last - first + 1, 0),
        });
    }
  }

  /** Reports the last opening: from then on the load is complete. */
  #onOpen(): void {
    const { sessions } = this.#options;
    if (++this.#total.opened < sessions) return;
    const text = `all ${sessions} sessions have been opened`;
    this.#events.emit("notice", { level: "info", text });
  }

  #enterPhase({ from, to }: { from: Phase; to: Phase }): void {
    this.#phases[from]--;
    this.#phases[to]++;
    if (to === "heartbeat") this.#total.silences++;
  }

  #countEnd(event: Event & { event: "disconnected" | "terminated" }): void {
    if (event.event === "disconnected") this.#total.disconnected++;
    const overshoot_ms = overshootOf(event);
    if (overshoot_ms === undefined) return;
    this.#total.deaths++;
    this.#overshoots.add(overshoot_ms);
  }
}
