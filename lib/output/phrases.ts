/**
 * What the sentences about an end are made of.
 *
 * @module
 */
import type { CloseReport } from "../session/close_reason.ts";
import type { HoldReason, Role } from "../wire/protocol.ts";

/** How wide texts in several lines are. */
export const COLUMNS = 80;

/** Breaks a line between words; the lines after the first are indented. */
export function wrapped(text: string, indent: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > COLUMNS) {
    const start = lines.length === 0 ? indent + 1 : indent;
    const space = rest.lastIndexOf(" ", COLUMNS);
    // A word longer than a line, such as a path, is left whole.
    const at = space > start ? space : rest.indexOf(" ", COLUMNS);
    if (at < 0) break;
    lines.push(rest.slice(0, at));
    rest = `${" ".repeat(indent)}${rest.slice(at + 1)}`;
  }
  return [...lines, rest];
}

/** Why something ended, or cannot begin. */
export interface Explanation {
  /** What is known: a clause without a full stop. */
  readonly what: string;
  /** What TCP alone would have done, as a clause. */
  readonly alone?: string;
  /** What to look at next, the likeliest cause first. */
  readonly next?: string;
  /** Whether the clause is about the connection, so that when it happened can follow at once. */
  readonly isOfConnection?: true;
}

/** Puts an explanation in one line. */
export function explained({ alone, next, what }: Explanation): string {
  const known = alone === undefined ? what : `${what}. ${alone}`;
  return next === undefined ? known : `${known}. Look next: ${next}`;
}

/** Milliseconds as seconds, to the millisecond. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

/** A number with its noun. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** The other side, for the one that has this role. */
export function otherSide(role: Role): string {
  return role === "client" ? "the server" : "the client";
}

/** What confirmations wait for, at either side. */
export function heldBy(reason: HoldReason, role: Role): string {
  const [whose, where] = role === "client"
    ? ["the server's", "the server"]
    : ["the", "this server"];
  return {
    store: `${whose} store`,
    output: `${whose} output, whose reader or disk does not keep up`,
    room: `room at ${where}, whose store or output does not keep up`,
  }[reason];
}

/** How long a connection had been idle before its end, and how old it was; empty without one. */
export function traffic(end: CloseReport, isOfConnection = false): string {
  const { age_ms, by, idle_ms, pause_ms, reason } = end;
  if (idle_ms === null || age_ms === null) return "";
  const [age, idle] = [seconds(age_ms), seconds(idle_ms)];
  const isSilent = reason === "silent";
  if (!isOfConnection) {
    const before = by === "self" && isSilent && pause_ms !== undefined
      ? `, and for ${seconds(pause_ms)} before the first message without an answer`
      : "";
    return `; the connection was ${age} old, idle for ${idle}${before}`;
  }
  const when = pause_ms === undefined || isSilent
    ? `${idle} after the last traffic`
    : `at the first traffic after a pause of ${seconds(pause_ms)}`;
  return `, ${when}, at an age of ${age}`;
}

/** What this host's own interface lacked in the silence before, if anything. */
export function whileLink({ link }: CloseReport): string {
  return link === undefined ? "" : `, while this host had ${link}`;
}

/** What to look at where this host's own interface lacked something. */
export function ownLink(other: string): string {
  return `this host's cable, link and address; ${other} may be well`;
}
