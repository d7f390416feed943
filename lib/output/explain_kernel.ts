/**
 * Puts what the kernel knows of a silent connection in words.
 *
 * @module
 */
import type { KernelFigures } from "../evidence/kernel.ts";
import type { CloseReport } from "../session/close_reason.ts";
import type { Event } from "../session/events.ts";
import { counted, type Explanation } from "./phrases.ts";

/** What the kernel shows at one moment. */
export function kernelText(event: Event & { event: "kernel" }, other: string): string {
  if ("unknown" in event) {
    return `what the kernel knows of silent connections cannot be read here: ${event.unknown}`;
  }
  const { retransmissions, timer, too_early, unacked_bytes, unread_bytes } = event;
  const unacked = `${counted(unacked_bytes, "byte")} unacknowledged`;
  const state = unacked_bytes === 0
    ? `all is acknowledged by ${hostOf(other)}`
    : timer === "window_probe"
    ? event.cause === "not_reading"
      ? `${counted(unacked_bytes, "byte")} wait here, the receive window of ${other} is closed`
      : `${counted(unacked_bytes, "byte")} wait here to be sent`
    : too_early
    ? `${unacked}, sent too recently to prove anything`
    : retransmissions > 0
    ? `${unacked}, sent again ${counted(retransmissions, "time")}`
    : unacked;
  const unread = unread_bytes === 0 ? "" : `, ${counted(unread_bytes, "byte")} unread here`;
  return `the kernel: ${state}${unread}`;
}

function hostOf(other: string): string {
  return `${other}'s host, or a proxy in front of it`;
}

/**
 * Explains why a peer was silent, or this side in its eyes, as far as the kernel has shown it. Without `next`,
 * that is where a silence leads.
 */
export function explainKernel(end: CloseReport, other: string): Explanation | undefined {
  const { cause, kernel, link, tcp_gives_up_ms } = end;
  if (!kernel || link !== undefined) return undefined;
  const alone = aloneText(tcp_gives_up_ms);
  switch (cause) {
    case "process_not_running":
      return {
        what: `though ${hostOf(other)}, acknowledges everything`,
        alone,
        next: `is the process of ${other}, or of a proxy in front of it, stopped, hung or cut off?`,
      };
    case "not_reading":
      return {
        what: `${other}, or a proxy in front of it, does not read: its receive window is closed, ` +
          `and ${counted(kernel.unacked_bytes, "byte")} wait here`,
        alone,
        next: `is the process of ${other}, or of a proxy in front of it, stopped or overloaded?`,
      };
    case "path_cut":
      // A peer that declares this side dead is heard all the same.
      return end.by === "peer"
        ? { what: inVain(kernel), alone }
        : { what: `nothing comes through (${inVain(kernel)})`, alone };
    case "large_packets":
      return {
        what: `small packets come through, large ones never (${inVain(kernel)})`,
        alone,
        next: `does the path drop packets above a size (an MTU black hole)?`,
      };
    default:
      return undefined;
  }
}

/** Where this host cannot send, nothing is sent again. */
function inVain({ retransmissions, unacked_bytes }: KernelFigures): string {
  const bytes = counted(unacked_bytes, "byte");
  return retransmissions === 0
    ? `${bytes} wait here to be sent`
    : `${bytes} sent again ${counted(retransmissions, "time")} in vain`;
}

function aloneText(tcp_gives_up_ms: number | null | undefined): string | undefined {
  if (tcp_gives_up_ms === undefined) return undefined;
  const wait = tcp_gives_up_ms === null ? "for ever" : `some ${inMinutes(tcp_gives_up_ms)}`;
  return `An application without heartbeats would have waited ${wait} here`;
}

function inMinutes(ms: number): string {
  const s = Math.round(ms / 1000);
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`;
}
