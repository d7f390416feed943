/**
 * How much each event matters: the level of its line.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { eventText, levelOf } from "../../lib/output/event_text.ts";
import { type EndedBy, type EndReason, exitStatus } from "../../lib/session/close_reason.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { eventOf, summaryOf, terminatedOf } from "../support/events.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

const ROLES = ["client", "server"] as const;

Deno.test("eventText() warns of a summary of a lost session, though nothing is in doubt", () => {
  const level = (by: EndedBy, reason: EndReason, role: Role) =>
    eventText(eventOf("summary", { ...summaryOf({}), by, reason }), role, DEFAULT_TIMERS)!.level;
  for (const role of ROLES) {
    assertEquals(level("self", "silent", role), "warning");
    assertEquals(level("network", "reset", role), "warning");
    assertEquals(level("peer", "closed", role), "warning");
    assertEquals(level("self", "done", role), "info");
    assertEquals(level("self", "shutdown", role), "info");
  }
  assertEquals(level("peer", "done", "server"), "info");
  assertEquals(level("peer", "shutdown", "client"), "warning");
  assertEquals(level("peer", "refused", "client"), "warning");
});

const ROUND_TRIP = { n: 1, rtt_ms: 1 };

for (
  const [name, fields] of [
    ["data_sent", { seq: 1, bytes: 1 }],
    ["data_received", { seq: 1, bytes: 1 }],
    ["data_confirmed", { seq: 1, rtt_ms: 1 }],
    ["heartbeat_sent", { n: 1 }],
    ["heartbeat_answered", ROUND_TRIP],
    ["heartbeat_received", { n: 1 }],
  ] as const
) {
  Deno.test(`levelOf() takes what happens all the time for a detail: ${name}`, () => {
    for (const role of ROLES) assertEquals(levelOf(eventOf(name, fields), role), "detail");
  });
}

Deno.test("levelOf() takes for no detail what an operator acts on", () => {
  const phase = { from: "data", to: "heartbeat", silent_ms: 1 } as const;
  const end = terminatedOf({ reason: "silent" });
  const addresses = { peer: "192.0.2.1:4000", local: "192.0.2.2:50000" };
  const levels = [
    eventOf("connected", { ...addresses, predicted_detection_s: 60 }),
    eventOf("phase", phase),
    eventOf("phase", { ...phase, idle: true }),
    eventOf("heartbeat_missed", { n: 1, missed: 1, left: 3 }),
    eventOf("local_stall", { ms: 1, kind: "stopped" }),
    eventOf("hold", { reason: "store" }),
    eventOf("disconnected", end),
    eventOf("resumed", { gap_ms: 1, resent: 0, already_there: 0 }),
    eventOf("terminated", end),
    eventOf("summary", summaryOf({})),
  ].map((event) => levelOf(event, "client"));
  assertEquals(levels, [
    ...["info", "warning", "info", "warning", "warning", "warning", "warning", "warning", "error"],
    "info",
  ]);
});

const TERMINATE = ["done", "shutdown", "silent", "refused", "protocol"] as const;
const REASONS: Readonly<Record<EndedBy, readonly EndReason[]>> = {
  self: [...TERMINATE, "failed"],
  peer: [...TERMINATE, "closed"],
  network: ["refused", "silent", "reset", "unreachable", "name_not_found", "failed"],
};

const ENDINGS = (Object.keys(REASONS) as EndedBy[]).flatMap((by) =>
  REASONS[by].map((reason) => ({ by, reason, text: "" }))
);

for (const role of ROLES) {
  Deno.test(`eventText() tells the ${role} of every end that is not as asked, however quiet`, () => {
    for (const closeReason of ENDINGS) {
      for (const wasOpen of [true, false]) {
        const predicted_ms = wasOpen ? 60_000 : null;
        const detected_since = wasOpen ? "last_sign_of_life" : null;
        const end = terminatedOf({ ...closeReason, predicted_ms, detected_since });
        const { level } = eventText(eventOf("terminated", end), role, DEFAULT_TIMERS)!;
        const status = exitStatus(closeReason, role, wasOpen);
        const story = `by ${closeReason.by}, ${closeReason.reason}, open: ${wasOpen}`;
        assertEquals(level === "info", status === 0, `${story}: exit ${status}, but ${level}`);
      }
    }
  });
}

Deno.test("eventText() takes a stranger who is turned away by the server for no error", () => {
  for (
    const [by, reason] of [["self", "protocol"], ["self", "refused"], ["peer", "closed"]] as const
  ) {
    const event = eventOf("terminated", terminatedOf({ by, reason, predicted_ms: null }));
    assertEquals(eventText(event, "server", DEFAULT_TIMERS)!.level, "warning");
    assertEquals(eventText(event, "client", DEFAULT_TIMERS)!.level, "error");
  }
});

Deno.test("eventText() warns of each kind of stranger once, and never of port checks", () => {
  const levelOf = (sent: string[], isNew: boolean) => {
    const event = { count: 1, addresses: ["192.0.2.1"], sent, ...isNew && { new: true as const } };
    return eventText(eventOf("strangers", event), "server", DEFAULT_TIMERS)!.level;
  };
  assertEquals(levelOf(["nothing"], true), "info");
  assertEquals(levelOf(["nothing", "tls"], true), "warning");
  assertEquals(levelOf(["tls"], false), "info");
  const limited = { count: 1, addresses: ["192.0.2.1"], sent: [], limits: { denied: 1 } };
  const levels = [{ ...limited, new: true as const }, limited].map((event) =>
    eventText(eventOf("strangers", event), "server", DEFAULT_TIMERS)!.level
  );
  assertEquals(levels, ["warning", "info"]);
});

Deno.test("eventText() takes a client that had given up before it was heard for no lost session", () => {
  const end = { by: "peer", reason: "silent", unheard: true } as const;
  const ended = eventOf("terminated", terminatedOf(end));
  const summary = eventOf("summary", { ...summaryOf({}), ...end });
  assertEquals(
    [ended, summary].map((event) => eventText(event, "server", DEFAULT_TIMERS)!.level),
    ["warning", "info"],
  );
});
