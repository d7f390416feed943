/**
 * Whether there was a reason to give up a peer: something was wrong with it, or with the path to it.
 *
 * @module
 */
import { OPEN_LIMIT_MS } from "../../lib/session/timers.ts";
import { expect, expectSame } from "./violation.ts";
import type { Wire } from "./wire.ts";

/** Whether anything was wrong with the peer, or the path to it, since then. */
export function wasTroubled({ link, peer, route }: Wire, since_ms: number): boolean {
  return route.lost || link.isNarrow || link.troubledUntil_ms >= since_ms || peer.dead ||
    !peer.ranSince(since_ms);
}

/** Fails unless a client that is turned away now for want of a `HELLO` had its time, and was troubled. */
export function checkTurnedAway(wire: Wire): void {
  const { opened_ms, process } = wire;
  if (process.ranSince(opened_ms)) {
    expectSame(process.now(), opened_ms + OPEN_LIMIT_MS, () => "when HELLO was overdue");
  }
  expect(wasTroubled(wire, opened_ms), () => "a live client was turned away for want of HELLO");
}
