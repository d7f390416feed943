/**
 * Events in words: how much each matters, and that the figures are in it.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { eventText, type Level } from "../../lib/output/event_text.ts";
import { type EndedBy, type EndReason, exitStatus } from "../../lib/session/close_reason.ts";
import type { Event } from "../../lib/session/events.ts";
import { eventOf, summaryOf, terminatedOf } from "../support/events.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

const ROLES = ["client", "server"] as const;
const SUMMARY = { data_sent: 7, data_confirmed: 5, confirmed_up_to: 5 };

/** What is said of a summary with these fields. */
function summaryText(fields: Parameters<typeof summaryOf>[0], role: Role = "client") {
  return eventText(eventOf("summary", summaryOf(fields)), role, DEFAULT_TIMERS)!;
}

/** An event, the level of its message, and what is to be in it. */
const MESSAGES: readonly [event: Event, level: Level, ...parts: string[]][] = [
  [eventOf("listening", { host: "::1", port: 4000 }), "info", "listening", "[::1]:4000"],
  [
    eventOf("connected", {
      peer: "192.0.2.1:4000",
      local: "192.0.2.7:50000",
      predicted_detection_s: 60,
    }),
    "info",
    "session open with 192.0.2.1:4000, local address 192.0.2.7:50000; ",
    "60 s",
  ],
  [eventOf("data_sent", { seq: 7, bytes: 19 }), "info", "message 7 sent", "19 bytes"],
  [eventOf("data_sent", { seq: 7, bytes: 19, resent: true }), "info", "7 sent again", "19 bytes"],
  [eventOf("data_received", { seq: 7, bytes: 19 }), "info", "message 7 received", "19 bytes"],
  [eventOf("data_confirmed", { seq: 7, rtt_ms: 1.25 }), "info", "message 7 confirmed", "1.25 ms"],
  [eventOf("data_confirmed", { seq: 7, rtt_ms: null }), "info", "7 confirmed by the resume"],
  [eventOf("heartbeat_sent", { n: 3 }), "info", "heartbeat 3 sent"],
  [eventOf("heartbeat_received", { n: 3 }), "info", "heartbeat 3 received"],
  [eventOf("heartbeat_answered", { n: 3, rtt_ms: 1.25 }), "info", "3 answered", "1.25 ms"],
  [
    eventOf("heartbeat_answered", { n: 3, rtt_ms: null }),
    "info",
    "heartbeat 3 answered by another frame than its reply, which shows that the peer is there as well",
  ],
  [
    eventOf("heartbeat_missed", { n: 3, missed: 2, left: 2 }),
    "warning",
    "heartbeat 3 missed",
    "2 in a row",
    "2 more",
  ],
  [eventOf("heartbeat_missed", { n: 4, missed: 4, left: 0 }), "warning", "4 missed", "dead"],
  [
    eventOf("local_stall", { ms: 1_234.6, kind: "stopped" }),
    ...["warning", "this process", "1.235 s", "not the peer"] as const,
  ],
  [
    eventOf("local_stall", { ms: 10_200, kind: "suspended" }),
    ...["warning", "this host was suspended for 10.200 s", "not the peer"] as const,
  ],
  [
    eventOf("disconnected", terminatedOf({ by: "network", reason: "reset" })),
    "warning",
    "the connection is lost",
    "the session goes on",
    "reset (RST)",
    "Look next: ",
  ],
  [
    eventOf("reconnecting", {
      attempt: 3,
      delay_ms: 2_750,
      cause: "reset",
      peer: "192.0.2.1:4000",
    }),
    ...["warning", "dialling 192.0.2.1:4000 again in 2.750 s", "attempt 3", "reset (RST)"] as const,
  ],
  [
    eventOf("resumed", { gap_ms: 65_500, resent: 3, already_there: 2 }),
    ...["warning", "session resumed", "65.500 s", "3 data messages"] as const,
    "2 had arrived unconfirmed",
  ],
  [eventOf("resumed", { gap_ms: 0, resent: 1, already_there: 0 }), "warning", "1 data message "],
  [eventOf("notice", { level: "error", text: "as it is" }), "error", "as it is"],
  [eventOf("notice", { level: "warning", text: "as it is" }), "warning", "as it is"],
];

for (const [event, level, ...parts] of MESSAGES) {
  Deno.test(`eventText() puts ${event.event} in words: ${parts.join(", ")}`, () => {
    for (const role of ROLES) {
      const message = eventText(event, role, DEFAULT_TIMERS);
      assertEquals(message?.level, level);
      for (const part of parts) assertStringIncludes(message!.text, part);
      assert(!message!.text.includes("\n"));
    }
  });
}

Deno.test("eventText() tells of silence, in the words of each side, and of its end", () => {
  const silent = eventOf("phase", { from: "data", to: "heartbeat", silent_ms: 20_000 });
  for (const [role, what] of [["client", "confirmation"], ["server", "data message"]] as const) {
    const { level, text } = eventText(silent, role, DEFAULT_TIMERS)!;
    assertEquals(level, "warning");
    for (const part of ["silent", what, "20.000 s"]) assertStringIncludes(text, part);
  }
  const heard = eventOf("phase", { from: "heartbeat", to: "data", silent_ms: 31_500 });
  const { level, text } = eventText(heard, "client", DEFAULT_TIMERS)!;
  assertEquals(level, "warning");
  for (const part of ["heard again", "31.500 s"]) assertStringIncludes(text, part);
});

Deno.test("eventText() leaves out the phases that other events tell of", () => {
  for (const [from, to] of [["connecting", "data"], ["data", "terminated"]] as const) {
    const event = eventOf("phase", { from, to, silent_ms: 0 });
    assertEquals(eventText(event, "client", DEFAULT_TIMERS), undefined);
  }
});

Deno.test("eventText() sums up what is confirmed, what is in doubt, and the silences", () => {
  const { level, text } = summaryText({
    ...SUMMARY,
    duration_ms: 61_234,
    in_doubt: [[6, 7]],
    heartbeats_sent: 4,
    heartbeats_answered: 1,
    heartbeats_missed: 3,
    heartbeats_received: 9,
    silences: 2,
    longest_silence_ms: 20_500,
    rtt_min_ms: 1.1,
    rtt_avg_ms: 2.2,
    rtt_max_ms: 3.3,
  });
  assertEquals(level, "warning");
  const parts = ["61.234 s", "7 data messages sent", "5 confirmed", "in doubt: 6 to 7"];
  const more = ["1.1/2.2/3.3 ms", "2 silences", "20.500 s", "4 sent", "1 answered", "3 missed"];
  for (const part of [...parts, ...more, "9 received"]) assertStringIncludes(text, part);
});

Deno.test("eventText() sums up a session without trouble as information", () => {
  const received = { data_received: 3, data_confirmed: 3, confirmed_up_to: 3 };
  const { level, text } = summaryText(received, "server");
  assertEquals(level, "info");
  for (const part of ["3 data messages received", "none in doubt", "no silence"]) {
    assertStringIncludes(text, part);
  }
  assert(!text.includes("round trip") && !text.includes("null"), text);
});

Deno.test("eventText() names a single data message in doubt once", () => {
  const { text } = summaryText({ ...SUMMARY, in_doubt: [[6, 6], [8, 9]] });
  assertStringIncludes(text, "in doubt: 6, 8 to 9");
});

Deno.test("eventText() does not take a client with nothing to send for a silent server", () => {
  for (
    const [from, to, words] of [
      ["data", "heartbeat", "nothing to send for 20.000 s, all is confirmed; heartbeat phase"],
      ["heartbeat", "data", "something to send again after 20.000 s; data phase"],
    ] as const
  ) {
    const event = eventOf("phase", { from, to, silent_ms: 20_000, idle: true });
    assertEquals(eventText(event, "client", DEFAULT_TIMERS), { level: "info", text: words });
  }
});

Deno.test("eventText() does not call it a silence when an original peer has no data connection", () => {
  const text = (from: "connecting" | "data", role: Role) => {
    const event = eventOf("phase", { from, to: "heartbeat", silent_ms: 0.7, closed: true });
    return eventText(event, role, DEFAULT_TIMERS);
  };
  const level = "warning";
  const closed = "the data connection is closed, 0.001 s after the last";
  assertEquals(text("data", "server"), {
    level,
    text: `${closed} data message; heartbeat phase`,
  });
  assertEquals(text("data", "client"), { level, text: `${closed} confirmation; heartbeat phase` });
  assertEquals(text("connecting", "server"), {
    level,
    text: "the client begins with heartbeats, without data; heartbeat phase",
  });
});

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
});

Deno.test("eventText() warns of an input of which something is left", () => {
  for (
    const [rest, text] of [
      [{ lines_unsent: 0, input_ended: true }, undefined],
      [{ lines_unsent: 1, input_ended: true }, "; 1 line was read but never sent"],
      [{ lines_unsent: 0, input_ended: false }, "; the input was not read to its end"],
      [
        { lines_unsent: 2, input_ended: false },
        "; 2 lines were read but never sent; the input was not read to its end",
      ],
    ] as const
  ) {
    const told = summaryText({ ...SUMMARY, in_doubt: [], ...rest });
    assertEquals(told.level, text === undefined ? "info" : "warning");
    assertStringIncludes(told.text, text ?? "none in doubt");
    assertEquals(told.text.includes("input"), !rest.input_ended);
  }
});

const CONNECTION = { sent: 0, received: 0, confirmed: 0, resent: 0, in_doubt: 0 };

Deno.test("eventText() sums up a session of several connections, each for itself", () => {
  const summary = {
    connections: 2,
    data_resent: 3,
    by_connection: [
      { ...CONNECTION, sent: 9, confirmed: 6, in_doubt: 3 },
      { ...CONNECTION, sent: 4, confirmed: 4, resent: 3 },
    ],
  };
  const { text } = summaryText(summary);
  assertStringIncludes(text, "2 connections, 3 data messages sent again");
  assertStringIncludes(text, "(9 sent, 0 again, 6 confirmed | 4 sent, 3 again, 4 confirmed)");
  const by_connection = summary.by_connection.map((each) => (
    { ...each, sent: 0, received: each.sent }
  ));
  const told = summaryText({ ...summary, by_connection }, "server").text;
  assertStringIncludes(told, "9 received, 0 again, 6 confirmed");
});

Deno.test("eventText() tells of the last five connections of many, and of one alone nothing", () => {
  const by_connection = Array.from({ length: 9 }, (_, n) => ({ ...CONNECTION, sent: 100 + n }));
  const { text } = summaryText({ connections: 12, by_connection });
  assertStringIncludes(text, "12 connections");
  assertStringIncludes(text, "the last 5: 104 sent");
  assert(!text.includes("103 sent"), text);
  const alone = summaryText({ connections: 1, by_connection: [CONNECTION] }).text;
  assert(!alone.includes("connection"), alone);
});

Deno.test("eventText() tells who it is that sends again", () => {
  const event = eventOf("resumed", { gap_ms: 1, resent: 2, already_there: 0 });
  const [client, server] = ROLES.map((role) => eventText(event, role, DEFAULT_TIMERS)!.text);
  assertStringIncludes(client!, "2 data messages sent again");
  assertStringIncludes(server!, "2 data messages will be sent again");
});

Deno.test("eventText() tells the cause of each attempt in other words", () => {
  const causes = [...new Set(Object.values(REASONS).flat())];
  const texts = causes.map((cause) => {
    const about = { attempt: 1, delay_ms: 500, peer: "here:1" };
    const event = eventOf("reconnecting", { ...about, cause });
    return eventText(event, "client", DEFAULT_TIMERS)!.text.split(": ")[1]!;
  });
  assertEquals(new Set(texts).size, causes.length);
  for (const text of texts) assert(text.length > 10 && !text.includes("undefined"), text);
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
});

Deno.test("eventText() says what confirmations wait for, and hints at no network then", () => {
  const texts = (event: Event) =>
    ROLES.map((role) => eventText(event, role, DEFAULT_TIMERS)).map((each) =>
      `${each!.level}: ${each!.text}`
    );
  assertEquals(texts(eventOf("hold", { reason: "store" })), [
    "warning: confirmations wait for the server's store, not for the network",
    "info: confirmations wait for the store, not for the network",
  ]);
  const phase = { from: "data", to: "heartbeat", silent_ms: 20_000, held: "output" } as const;
  assertEquals(texts(eventOf("phase", phase)), [
    "warning: no confirmation for 20.000 s: confirmations wait for the server's output, whose " +
    "reader or disk does not keep up; heartbeat phase",
    "warning: no data message for 20.000 s: confirmations wait for the output, whose reader or disk " +
    "does not keep up; heartbeat phase",
  ]);
  const closed = terminatedOf({ by: "peer", reason: "closed", held: "store" });
  assertEquals(
    texts(eventOf("terminated", closed))[0],
    "error: the connection was closed (FIN) from the side of the server " +
      "while confirmations were waiting for the server's store",
  );
  const stopped = terminatedOf({ reason: "done", held: "room" });
  assert(texts(eventOf("terminated", stopped))[0]!.endsWith(
    " (confirmations were waiting for room at the server, whose store or output does not keep up)",
  ));
  const { text } = summaryText({ held: "store", in_doubt: [[5, 9]] });
  assertStringIncludes(text, "in doubt: 5 to 9, waiting for the server's store");
});
