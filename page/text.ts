/**
 * Times and states in words.
 *
 * @module
 */
import type { SessionDocument } from "../lib/output/web/documents.ts";

/** A duration in the two units that matter: `1.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function durationText(ms: number): string {
  const s = Math.max(0, ms) / 1000;
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  const pair = (large: number, small: number, units: [string, string]) => {
    const total = Math.round(s / small);
    const per = large / small;
    const rest = total % per;
    return `${Math.floor(total / per)} ${units[0]}${rest === 0 ? "" : ` ${rest} ${units[1]}`}`;
  };
  if (s < 3_600) return pair(60, 1, ["min", "s"]);
  if (s < 86_400) return pair(3_600, 60, ["h", "min"]);
  return pair(86_400, 3_600, ["d", "h"]);
}

/** A round trip: `0.42 ms`, `12.3 ms`, `1.20 s`. */
export function roundTripText(ms: number | null): string {
  if (ms === null) return "–";
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(2)} s`;
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(1)} ms`;
}

/** A time of this day as `06:43:42`, of another day with its date before it. */
export function clockText(ms: number): string {
  const date = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  if (date.toDateString() === new Date().toDateString()) return time;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

/** A number with thousands apart. */
export function countText(count: number): string {
  return count.toLocaleString("en");
}

const DUE: Readonly<Record<string, string>> = {
  send: "sends in",
  silent: "silent in",
  dead: "dead in",
  dial: "dials in",
  forget: "forgotten in",
};

/** What becomes of a session next, and in how long; why it ended, if it has. */
export function nextText({ due, end, held }: SessionDocument): string {
  if (end) return `${end.reason.replaceAll("_", " ")}, by ${end.by}`;
  if (held) return `waits for ${held}`;
  return due ? `${DUE[due.what]} ${durationText(due.in_ms)}` : "";
}

/** A cause or a direction as words. */
export function words(name: string | null): string {
  return (name ?? "").replaceAll("_", " ");
}
