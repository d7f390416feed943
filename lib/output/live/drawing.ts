/**
 * What the live view shows, as lines: a pure function of what was read, and of the terminal's size.
 *
 * @module
 */
import { manyLines, noSession } from "./many_sessions.ts";
import { oneLines } from "./one_session.ts";
import { ORDERS, type Presentation, type Readings } from "./readings.ts";
import { flowed, type Line, type Span } from "./spans.ts";
import { countText, durationText } from "./words.ts";

/** Draws the block: at most as many lines as fit above the cursor's, each narrower than the terminal. */
export function draw(readings: Readings, how: Presentation): Line[] {
  const { columns, rows } = how.size;
  // Some terminals wrap a line that is exactly as wide as they are.
  const width = Math.max(1, columns - 1);
  const lineCount = Math.max(1, rows - 1);
  const foot = footLines(how, width);
  const left = Math.max(1, lineCount - foot.length);
  const body = readings.history
    ? oneLines(readings.history, readings.now_ms, { ...how, width })
    : readings.matched === 0
    ? noneLines(readings, how, width)
    : manyLines(readings, { ...how, width, lineCount: left });
  return [...body.slice(0, left), ...foot].slice(0, lineCount);
}

function noneLines(
  { now_ms, started_ms, totals }: Readings,
  { hasColours, role }: Presentation,
  width: number,
): Line[] {
  const since = durationText(now_ms - started_ms);
  const ended = totals.ended.reduce((sum, { count }) => sum + count, 0);
  return flowed(
    [
      noSession(role),
      [`running for ${since}`],
      [totals.opened > 0 ? `${countText(totals.opened)} opened, ${countText(ended)} ended` : ""],
    ],
    width,
    hasColours,
  );
}

/** What can be pressed. */
function footLines(how: Presentation, width: number): Line[] {
  if (!how.hasKeys) return [];
  const { explainsKeys, hasColours, isPaused, order } = how;
  const pause: Span = isPaused ? ["paused: p goes on", "doubtful"] : ["p pause", "faint"];
  const spans: Span[] = explainsKeys
    ? [pause, [`s sort (${ORDERS[order]})`, "faint"], ["q quit", "faint"], [
      "? hide keys",
      "faint",
    ]]
    : [...isPaused ? [pause] : [], ["? keys", "faint"]];
  return flowed(spans, width, hasColours);
}
