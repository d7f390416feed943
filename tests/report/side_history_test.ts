/**
 * What one side recorded of its outages: of a server whose client has nothing to send, none before a heartbeat is
 * missed or the connection is lost.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Entry } from "../../lib/report/entries.ts";
import { SideHistory } from "../../lib/report/side_history.ts";

/** An entry: its time in seconds, its event and its fields. */
type Taken = readonly [at_s: number, event: string, fields?: Record<string, unknown>];

/** The outages of a server that is silent at 6 s. */
function outagesOf(entries: readonly Taken[], held = {}) {
  const history = new SideHistory();
  for (
    const [at_s, event, fields] of [
      [0, "frame_received", { frame: "WELCOME", n: 0, connection: 1 }],
      [0, "frame_received", { frame: "DATA", n: 1, connection: 1 }],
      [6, "phase", { from: "data", to: "heartbeat", silent_ms: 6_000, ...held }],
      ...entries,
    ] as const
  ) history.take({ event, mono_us: at_s * 1e6, ...fields } as Entry);
  return history.outages.map(({ how, noticed_ms, over_ms }) => [how, noticed_ms, over_ms]);
}

const CONFIRMED: Taken = [6, "frame_sent", { frame: "CONFIRM", n: 1, connection: 1 }];

const answered = (at_s: number, rtt_ms: number | null = 1): Taken => [
  at_s,
  "heartbeat_answered",
  { rtt_ms },
];

Deno.test("SideHistory takes no silence for an outage in which the client answers, and owes nothing", () => {
  const idle = [CONFIRMED, answered(6.1), answered(7.1)];
  assertEquals(outagesOf(idle), []);
  assertEquals(outagesOf([...idle, [99, "heartbeat_missed"]]), [["silent", 99_000, undefined]]);
  const reset = { by: "network", reason: "reset", text: "", silent_ms: 1_000 };
  assertEquals(outagesOf([...idle, [99, "disconnected", reset]]), [["reset", 99_000, undefined]]);
  assertEquals(outagesOf([...idle, [99, "heartbeat_missed"], answered(101, null)]), [
    ["silent", 99_000, 101_000],
  ]);
});

Deno.test("SideHistory keeps a silence of which answers do not show that all is well", () => {
  const silent = [["silent", 6_000, undefined]];
  // The confirmation is owed; only the first heartbeat is answered, and the second by something else.
  assertEquals(outagesOf([answered(6.1), answered(7.1)]), silent);
  assertEquals(outagesOf([CONFIRMED, answered(6.1)]), silent);
  assertEquals(outagesOf([CONFIRMED, answered(6.1), answered(7.1, null)]), silent);
  // What was an outage is one, and over.
  const held = { held: "store" };
  assertEquals(outagesOf([CONFIRMED, answered(6.1), answered(7.1)], held), [
    ["silent", 6_000, 7_100],
  ]);
});
