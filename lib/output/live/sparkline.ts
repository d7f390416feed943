/**
 * Round trips over the last minutes as a line of bars, with gaps where the session was silent.
 *
 * @module
 */
import type { RoundTripSample, SessionHistory, SessionStateName } from "../../monitor/reading.ts";
import { durationText, roundTripText } from "./words.ts";

/** The time that a line shows, in milliseconds, or more where it takes more for a bar to have a sample. */
const SHOWN_MS = 300_000;

/** Fewer bars than this show nothing. */
const LEAST_BARS = 8;

const BARS = "▁▂▃▄▅▆▇█";

/** A bar's time without a round trip, in a session that was well. */
const NONE = "·";

/** A bar's time in which the session was silent, or had no connection. */
const GAP = " ";

const WITHOUT_DATA: ReadonlySet<SessionStateName> = new Set(["silent", "connecting", "away"]);

/** A sparkline: its bars, and what they mean. */
export interface Sparkline {
  /** The bars, the oldest first; empty if there is nothing to show. */
  readonly bars: string;
  /** The time and the times that they show: `5m00s, up to 1.20 ms`. */
  readonly legend: string;
}

/** Draws the round trips of a session in at most so many columns. */
export function sparkline(history: SessionHistory, now_ms: number, columns: number): Sparkline {
  const most = history.round_trips.reduce((most, [, , ms]) => Math.max(most, ms ?? 0), 0);
  if (columns < LEAST_BARS || most === 0) return { bars: "", legend: "" };
  const sample_ms = Math.max(1, history.sample_ms);
  const bar_ms = Math.ceil(SHOWN_MS / columns / sample_ms) * sample_ms;
  // On a grid that stands still, so that bars do not change while they move.
  const end = Math.floor(now_ms / bar_ms);
  const first = Math.floor(history.known_since_ms / bar_ms);
  const begin = Math.max(first, end - columns + 1);
  const longest = longestIn(history.round_trips, bar_ms);
  const shown = Array.from({ length: end - begin + 1 }, (_, at) => longest.get(begin + at));
  const known = shown.filter((ms) => ms !== undefined).sort((a, b) => a - b);
  const [median = 0, longest_ms = 0] = [known[known.length >> 1], known.at(-1)];
  // What waited for the end of a silence would leave no difference between all others.
  const scale_ms = Math.min(longest_ms, median * BARS.length) || 1;
  const bars = shown.map((ms, at) => {
    if (ms !== undefined) return BARS[Math.min(7, Math.floor(8 * ms / scale_ms))];
    return wasSilent(history, (begin + at) * bar_ms, bar_ms, now_ms) ? GAP : NONE;
  });
  // The time of the last bar is not over.
  if (bars.at(-1) === NONE) bars.pop();
  const known_ms = Math.min(now_ms - begin * bar_ms, now_ms - history.known_since_ms);
  return {
    bars: bars.join(""),
    legend: `${durationText(known_ms)}, up to ${roundTripText(longest_ms)}`,
  };
}

/** The longest round trip of each bar that has one. */
function longestIn(samples: readonly RoundTripSample[], bar_ms: number): Map<number, number> {
  const longest = new Map<number, number>();
  for (const [from_ms, , most_ms] of samples) {
    if (most_ms === null) continue;
    const at = Math.floor(from_ms / bar_ms);
    longest.set(at, Math.max(longest.get(at) ?? 0, most_ms));
  }
  return longest;
}

/** Whether the session was without data for half of a bar's time, or for what has passed of it. */
function wasSilent(
  { states }: SessionHistory,
  from_ms: number,
  bar_ms: number,
  now_ms: number,
): boolean {
  const to_ms = Math.min(from_ms + bar_ms, now_ms);
  let silent_ms = 0;
  for (const [at, stretch] of states.entries()) {
    if (!WITHOUT_DATA.has(stretch.state)) continue;
    const begin = Math.max(from_ms, stretch.from_ms);
    const end = Math.min(to_ms, states[at + 1]?.from_ms ?? now_ms);
    silent_ms += Math.max(0, end - begin);
  }
  return silent_ms > 0 && silent_ms >= (to_ms - from_ms) / 2;
}
