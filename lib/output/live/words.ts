/**
 * Times and counts as short texts for people, whose width changes little while they change.
 *
 * @module
 */
import type { DueKind, SessionReading } from "../../monitor/reading.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A duration: `13.2 s`, `2m13s`, `1h05m`, `3d04h`. */
export function durationText(ms: number): string {
  const two = (n: number) => String(Math.floor(n)).padStart(2, "0");
  if (ms < 99_950) return `${(Math.max(0, ms) / SECOND_MS).toFixed(1)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)}m${two(ms % MINUTE_MS / SECOND_MS)}s`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)}h${two(ms % HOUR_MS / MINUTE_MS)}m`;
  return `${Math.floor(ms / DAY_MS)}d${two(ms % DAY_MS / HOUR_MS)}h`;
}

/** A round trip: `0.61 ms`, `12.3 ms`, `474 ms`, `12.3 s`; `-` without one. */
export function roundTripText(ms: number | null): string {
  if (ms === null) return "-";
  if (ms >= 9_999.5) return durationText(ms);
  return `${ms.toFixed(ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0)} ms`;
}

/** A count with thousands apart: `10,000`. */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** What is due, in a sentence about one session. */
const DUE: Readonly<Record<DueKind, string>> = {
  send: "next data message in",
  silent: "silent in",
  dead: "dead in",
  dial: "dials again in",
  forget: "forgotten in",
};

/** What becomes of a session next: `silent in 13.2 s`; shorter in a table. Empty if nothing is due. */
export function dueText({ due }: SessionReading, isInTable = false): string {
  if (!due) return "";
  const words = isInTable && due.what === "send" ? "sends in" : DUE[due.what];
  return `${words} ${durationText(due.in_ms)}`;
}
