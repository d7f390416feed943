/**
 * Words and figures that several texts for people have in common.
 *
 * @module
 */
import type { HoldReason, Role } from "../wire/protocol.ts";

/** Milliseconds as seconds, to the millisecond. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

/** What a side calls its peer. */
export function otherSide(role: Role): string {
  return role === "client" ? "the server" : "the client";
}

/** Describes what confirmations wait for, at either side. */
export function heldBy(reason: HoldReason, role: Role): string {
  const whose = role === "client" ? "the server's" : "the";
  return {
    store: `${whose} store`,
    output: `${whose} output, whose reader or disk does not keep up`,
    room: `room at ${
      role === "client" ? "the server" : "this server"
    }, whose store or output does not keep up`,
  }[reason];
}

/** A number with its noun. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
