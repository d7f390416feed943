/**
 * What both sides saw of an outage, as the judge takes it.
 *
 * @module
 */
import type { Interval } from "../../lib/evidence/clock_bounds.ts";
import type { FrameSeen, SideSeen } from "../../lib/evidence/side.ts";
import type { Role } from "../../lib/wire/protocol.ts";

/** A moment that is known exactly. */
export const exactly = (at_ms: number): Interval => [at_ms, at_ms];

/** A frame of connection 1, at an exact moment. */
export function frame(text: string, at_ms: number, bytes?: number): FrameSeen {
  const [name, n] = text.split(" ");
  const number = n === undefined ? {} : { n: Number(n) };
  return { frame: name!, ...number, connection: 1, at: exactly(at_ms), ...bytes && { bytes } };
}

/** A client whose last message is not confirmed, and a server that does not receive it. */
export function cutToServer(): { client: SideSeen; server: SideSeen } {
  const side = (role: Role, noticed_ms: number): Omit<SideSeen, "sent" | "received"> => ({
    role,
    noticed: { at: exactly(noticed_ms), how: "silent" },
    open_until: exactly(60_000),
    stalls: [],
    causes: [],
  });
  return {
    client: {
      ...side("client", 25_000),
      sent: [frame("DATA 1", 0, 19), frame("DATA 2", 5_000, 19)],
      received: [frame("CONFIRM 1", 2), frame("HEARTBEAT 1", 20_002)],
    },
    server: {
      ...side("server", 20_001),
      sent: [frame("CONFIRM 1", 1), frame("HEARTBEAT 1", 20_001)],
      received: [frame("DATA 1", 1)],
    },
  };
}
