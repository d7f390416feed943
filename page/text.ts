/**
 * Times and states in words.
 *
 * @module
 */
import type { OverviewDocument, SessionDocument } from "../lib/output/web/documents.ts";

/** A duration in the two units that matter: `1.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function durationText(ms: number): string {
  const s = Math.max(0, ms) / 1000;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  // Rounded first: what is rounded up to the next unit is said in that one.
  const rounded = (unit_s: number) => Math.round(s / unit_s);
  if (rounded(1) < 60) return `${rounded(1)} s`;
  if (rounded(1) < 3_600) return inPair(rounded(1), 60, "min", "s");
  if (rounded(60) < 1_440) return inPair(rounded(60), 60, "h", "min");
  return inPair(rounded(3_600), 24, "d", "h");
}

function inPair(count: number, per: number, large: string, small: string): string {
  const rest = count % per;
  return `${Math.floor(count / per)} ${large}${rest === 0 ? "" : ` ${rest} ${small}`}`;
}

/** A round trip: `0.42 ms`, `12.3 ms`, `1.20 s`. */
export function roundTripText(ms: number | null): string {
  if (ms === null) return "–";
  if (ms >= 999.95) return `${(ms / 1_000).toFixed(2)} s`;
  return `${ms < 9.995 ? ms.toFixed(2) : ms.toFixed(1)} ms`;
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

/** How many sessions did not end as asked: a client's is lost when its server stops, and not the other way round. */
export function lostOf({ role, totals }: Pick<OverviewDocument, "role" | "totals">): number {
  const isAsked = ({ by, reason }: OverviewDocument["totals"]["ended"][number]) =>
    (reason === "done" || reason === "shutdown") &&
    (by === "self" || by === "peer" && role === "server");
  return totals.ended.reduce((sum, end) => sum + (isAsked(end) ? 0 : end.count), 0);
}
