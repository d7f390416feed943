/**
 * Events in words: how much each matters, and that the figures are in it.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { eventText, type Level } from "../../lib/output/event_text.ts";
import type { EndReason } from "../../lib/session/close_reason.ts";
import type { Event } from "../../lib/session/events.ts";
import { eventOf, summaryOf, terminatedOf } from "../support/events.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

const ROLES = ["client", "server"] as const;
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
  [eventOf("data_sent", { seq: 7, bytes: 19 }), "detail", "message 7 sent", "19 bytes"],
  [eventOf("data_sent", { seq: 7, bytes: 19, resent: true }), "detail", "7 sent again", "19 bytes"],
  [eventOf("data_received", { seq: 7, bytes: 19 }), "detail", "message 7 received", "19 bytes"],
  [eventOf("data_confirmed", { seq: 7, rtt_ms: 1.25 }), "detail", "message 7 confirmed", "1.25 ms"],
  [eventOf("data_confirmed", { seq: 7, rtt_ms: null }), "detail", "7 confirmed by the resume"],
  [eventOf("heartbeat_sent", { n: 3 }), "detail", "heartbeat 3 sent"],
  [
    eventOf("heartbeat_answered", { n: 3, rtt_ms: 1.25, missed: 2 }),
    ...["info", "3 answered after 1.25 ms; 2 missed before"] as const,
  ],
  [eventOf("heartbeat_received", { n: 3 }), "detail", "heartbeat 3 received"],
  [eventOf("heartbeat_answered", { n: 3, rtt_ms: 1.25 }), "detail", "3 answered", "1.25 ms"],
  [
    eventOf("heartbeat_answered", { n: 3, rtt_ms: null }),
    "detail",
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
    ...["warning", "dialling 192.0.2.1:4000 again in 2.750 s, attempt 3"] as const,
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

Deno.test("eventText() tells who it is that sends again", () => {
  const event = eventOf("resumed", { gap_ms: 1, resent: 2, already_there: 0 });
  const [client, server] = ROLES.map((role) => eventText(event, role, DEFAULT_TIMERS)!.text);
  assertStringIncludes(client!, "2 data messages sent again");
  assertStringIncludes(server!, "2 data messages will be sent again");
});

Deno.test("eventText() says why a dial failed, and does not repeat why a connection was lost", () => {
  const about = { attempt: 1, delay_ms: 500, peer: "here:1" };
  const textOf = (cause: EndReason, text?: string) => {
    const event = eventOf("reconnecting", { ...about, cause, ...text && { text } });
    return eventText(event, "client", DEFAULT_TIMERS)!.text;
  };
  const start = "dialling here:1 again in 0.500 s, attempt 1";
  const refused = "the connection was refused; nothing listens there, or a firewall rejects it";
  assertEquals(textOf("refused"), `${start}: ${refused}`);
  assertEquals(textOf("name_not_found"), `${start}: no address is known for that name`);
  assertEquals(textOf("silent", "no answer within 10 s"), `${start}: no answer within 10 s`);
  for (const cause of ["silent", "closed", "reset", "shutdown", "protocol"] as const) {
    assertEquals(textOf(cause), start);
  }
});

Deno.test("eventText() says of a resume that nothing was unconfirmed, or what was", () => {
  const textOf = (gap_ms: number | null, resent: number, already_there: number) =>
    eventText(eventOf("resumed", { gap_ms, resent, already_there }), "client", DEFAULT_TIMERS)!
      .text;
  assertEquals(
    textOf(3_595, 0, 0),
    "session resumed, 3.595 s after the last sign of life before: nothing was unconfirmed",
  );
  assertEquals(
    textOf(null, 1, 2),
    "session resumed, which this server did not know: 1 data message sent again, 2 had arrived " +
      "unconfirmed",
  );
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
    "error: the connection was closed (FIN) from the side of the server, 0.012 s after the last " +
      "traffic, at an age of 3600.000 s, while confirmations were waiting for the server's store",
  );
  const stopped = terminatedOf({ reason: "done", held: "room" });
  assert(texts(eventOf("terminated", stopped))[0]!.endsWith(
    " (confirmations were waiting for room at the server, whose store or output does not keep up)",
  ));
  const summary = eventOf("summary", summaryOf({ held: "store", in_doubt: [[5, 9]] }));
  const { text } = eventText(summary, "client", DEFAULT_TIMERS)!;
  assertStringIncludes(text, "in doubt: 5 to 9, waiting for the server's store");
});
