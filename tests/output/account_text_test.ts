/**
 * What people read of an outage that is over, whole, at both sides alike, however quiet.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { eventText } from "../../lib/output/event_text.ts";
import type { EventFields } from "../../lib/session/events.ts";
import { eventOf } from "../support/events.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

const ACCOUNT: EventFields["account"] = {
  began: "both",
  cause: "path_cut",
  at: null,
  first_noticed_by: "client",
  by_ms: [12, 14],
  predicted_ms: { client: null, server: null },
  detected_ms: { client: null, server: null },
  in_doubt: 0,
  settled: 0,
  verdict: "VERDICT",
  not_proven: "DOUBT",
  peer: "agrees",
};

const TEXTS: readonly [fields: Partial<EventFields["account"]>, text: string][] = [
  [{}, "account of the outage: VERDICT; nothing was in doubt"],
  [{ in_doubt: null, settled: null }, "account of the outage: VERDICT"],
  [
    { in_doubt: 1, settled: 1 },
    "account of the outage: VERDICT; in doubt: 1 data message, now confirmed",
  ],
  [{ in_doubt: 1, settled: 0 }, "account of the outage: VERDICT; in doubt: 1 data message"],
  [
    { in_doubt: 3, settled: 2 },
    "account of the outage: VERDICT; in doubt: 3 data messages, 2 of them now confirmed",
  ],
  [
    { in_doubt: 3, settled: 3 },
    "account of the outage: VERDICT; in doubt: 3 data messages, all now confirmed",
  ],
  [{ in_doubt: 3, settled: null }, "account of the outage: VERDICT; in doubt: 3 data messages"],
  [
    { peer: "unknown", in_doubt: null },
    "account of the outage by this side alone: VERDICT",
  ],
];

for (const [fields, text] of TEXTS) {
  Deno.test(`eventText() warns of an outage that is over: ${text}`, () => {
    for (const role of ["client", "server"] as const) {
      const event = eventOf("account", { ...ACCOUNT, ...fields });
      assertEquals(eventText(event, role, DEFAULT_TIMERS), { level: "warning", text });
    }
  });
}

Deno.test("eventText() names the account of the other side as one that contradicts", () => {
  const event = eventOf("account", { ...ACCOUNT, peer: "contradicts" });
  assertEquals(
    eventText(event, "server", DEFAULT_TIMERS)!.text,
    "account of the outage by this side alone, which the account of the client contradicts: VERDICT; " +
      "nothing was in doubt",
  );
});
