/**
 * What the events of all sessions add up to.
 *
 * @module
 */
import { type Event, overshootOf } from "../session/events.ts";
import { TimeCounts } from "./buckets.ts";
import type { Totals } from "./monitor.ts";

/** How long, in milliseconds, stalls that sessions report count as the same one. */
const SAME_STALL_MS = 1_000;

/** The counts that come from events alone. */
export type EventTotals = Pick<
  Totals,
  | "resumed"
  | "disconnected"
  | "silences"
  | "recoveries"
  | "ended"
  | "local_stalls"
  | "holds"
  | "strangers"
  | "silence_durations"
  | "overshoots"
>;

/** Counts events. */
export class EventCounts {
  /** Sessions that were opened. */
  opened = 0;
  readonly #counts = {
    resumed: 0,
    disconnected: 0,
    silences: 0,
    recoveries: 0,
    local_stalls: 0,
    holds: 0,
    strangers: 0,
  };
  readonly #ended = new Map<string, { by: string; reason: string; count: number }>();
  /** How long silences lasted that are over. */
  readonly silences: TimeCounts = new TimeCounts("silence_durations");
  /** How much later than predicted dead peers were declared so. */
  readonly overshoots: TimeCounts = new TimeCounts("overshoots");
  #stalled_ms = -Infinity;

  /** Counts an event that came at a time, in monotonic milliseconds. */
  onEvent(event: Event, now_ms: number): void {
    const counts = this.#counts;
    switch (event.event) {
      case "phase":
        return this.#onPhase(event);
      case "resumed":
        return void counts.resumed++;
      case "hold":
        return void counts.holds++;
      case "strangers":
        return void (counts.strangers += event.count);
      case "local_stall":
        // Each session reports the same one.
        if (now_ms - this.#stalled_ms < SAME_STALL_MS) return;
        this.#stalled_ms = now_ms;
        return void counts.local_stalls++;
      case "disconnected":
      case "terminated":
        return this.#onEnd(event);
    }
  }

  /** The counts so far. */
  read(): EventTotals {
    return {
      ...this.#counts,
      ended: [...this.#ended.values()].map(({ by, count, reason }) => ({ by, reason, count })),
      silence_durations: this.silences.read(),
      overshoots: this.overshoots.read(),
    };
  }

  #onPhase({ from, idle, silent_ms, to }: Event & { event: "phase" }): void {
    if (idle) return;
    if (to === "heartbeat") this.#counts.silences++;
    if (from !== "heartbeat") return;
    this.silences.add(silent_ms);
    if (to === "data") this.#counts.recoveries++;
  }

  #onEnd(event: Event & { event: "disconnected" | "terminated" }): void {
    const overshoot_ms = overshootOf(event);
    if (overshoot_ms !== undefined) this.overshoots.add(overshoot_ms);
    if (event.event === "disconnected") return void this.#counts.disconnected++;
    const { by, reason } = event;
    const key = `${by} ${reason}`;
    const known = this.#ended.get(key);
    if (known) known.count++;
    else this.#ended.set(key, { by, reason, count: 1 });
  }
}
