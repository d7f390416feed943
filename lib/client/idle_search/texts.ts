/**
 * A search in words: what is known so far, and at the end what was found.
 *
 * @module
 */
import { KNOWN_IDLE_TIMEOUTS } from "../../evidence/cuts.ts";
import { adviceLines } from "./advice.ts";
import type { Bracket, Brackets, Fate, SearchProgress, SearchResult } from "./probe.ts";

/** Both directions, and what each is called. */
const DIRECTIONS = [["client_first", "client first"], ["server_first", "server first"]] as const;

/** How a connection ended that was forgotten. */
const ENDS: Readonly<Record<Exclude<Fate, "alive">, string>> = {
  silent: "dropped silently",
  reset_client: "reset (RST) at the client",
  reset_server: "reset (RST) at the server",
  reset_both: "reset (RST) at both sides",
  closed: "closed (FIN)",
};

/** How near, as a part of it, a known default has to be to a bracket that it is named for. */
const NEAR = 0.01;

/** What is known of both directions so far, on one line. */
export function progressText(progress: SearchProgress): string {
  const { done_in_ms, under_way } = progress;
  const known = bracketsText(progress);
  const sessions = under_way === 1 ? "1 session idle" : `${under_way} sessions idle`;
  const end = done_in_ms < Infinity
    ? `; done in ${durationText(done_in_ms / 1000)} at the latest`
    : "";
  return `${known}; ${sessions}${end}`;
}

/** What is known of both directions. */
export function bracketsText(brackets: Brackets): string {
  return DIRECTIONS.map(([key, name]) => `${name}: ${bracketText(brackets[key])}`).join("; ");
}

function bracketText({ forgotten_by_s, how, survives_s }: Bracket): string {
  const alive = survives_s > 0 ? `survives ${numberText(survives_s, Math.floor)} s` : undefined;
  const dead = forgotten_by_s !== null
    ? `forgotten by ${numberText(forgotten_by_s, Math.ceil)} s${how ? ` (${ENDS[how]})` : ""}`
    : undefined;
  return [alive, dead].filter((each) => each !== undefined).join(", ") || "nothing known yet";
}

/**
 * The lines at the end of a search up to an idle time, in seconds.
 *
 * @param kernel What the client's kernel said of a connection that nobody answered on, if it did.
 */
export function resultLines(result: SearchResult, upTo_s: number, kernel?: string): string[] {
  const brackets = DIRECTIONS.flatMap(([key, name]) => {
    const isAsked = key === "client_first" && result[key].how === "silent" && kernel !== undefined;
    const [first, ...more] = foundLines(result[key], upTo_s, result.isComplete);
    const said = isAsked ? [`this host's kernel: ${kernel}`] : [];
    return [`${name}: ${first}`, ...[...more, ...said].map((line) => `  ${line}`)];
  });
  const lower_s = Math.min(...DIRECTIONS.map(([key]) => result[key].survives_s));
  const isNone = DIRECTIONS.every(([key]) => result[key].forgotten_by_s === null);
  return [...brackets, ...result.contradictions, ...adviceLines(lower_s, isNone)];
}

function foundLines(bracket: Bracket, upTo_s: number, isComplete: boolean): string[] {
  const { forgotten_by_s, how } = bracket;
  if (forgotten_by_s === null) {
    if (!isComplete) return [`${bracketText(bracket)}; no timeout found so far`];
    return [`no timeout up to ${durationText(upTo_s)}: sessions that are idle so long survive`];
  }
  return [
    bracketText(bracket),
    ...productLines(bracket),
    ...how?.startsWith("reset") ? ["a NAT whose mapping has changed shows as a reset, too"] : [],
  ];
}

/** The product whose default lies in a bracket, or next to it. */
function productLines({ forgotten_by_s, survives_s }: Bracket): string[] {
  const known = Object.entries(KNOWN_IDLE_TIMEOUTS).find(([seconds]) =>
    Number(seconds) >= survives_s * (1 - NEAR) && Number(seconds) <= forgotten_by_s! * (1 + NEAR)
  );
  return known ? [`${known[0]} s is the default of ${known[1]}`] : [];
}

/** Seconds to a tenth, rounded so that the bounds stay bounds. */
function numberText(seconds: number, round: (value: number) => number): string {
  // What is off by less than a millisecond is an error of the fraction.
  return String(round(Math.round(seconds * 1_000) / 100) / 10);
}

/** A duration for people: `2 h 5 min`, `1 min 20 s`, `12 s`. */
export function durationText(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const [hours, minutes, rest] = [whole / 3600, (whole % 3600) / 60, whole % 60].map(Math.floor);
  if (hours! > 0) return `${hours} h${minutes! > 0 ? ` ${minutes} min` : ""}`;
  return `${minutes} min${rest! > 0 ? ` ${rest} s` : ""}`;
}
