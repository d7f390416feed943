/**
 * Why it ended, in words: what happened, who it was, and what to look at next.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { explainEnd } from "../../lib/output/explain.ts";
import { seconds } from "../../lib/output/phrases.ts";
import type { CloseReport, EndReason } from "../../lib/session/close_reason.ts";
import { terminatedOf } from "../support/events.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

function assertIn(text: string, parts: readonly string[]): void {
  for (const part of parts) assertStringIncludes(text, part);
  assert(!/undefined|null|NaN|\n|\[object/.test(text), text);
}

Deno.test("seconds() gives milliseconds as seconds, to the millisecond", () => {
  const texts = ["0.000 s", "0.000 s", "0.001 s", "20.000 s", "60.002 s"];
  assertEquals([0, 0.4, 1, 20_000, 60_001.6].map(seconds), texts);
});

const DEATHS = [
  [
    "client",
    "first_unconfirmed_data_sent",
    "nothing heard from the server",
    "first unconfirmed data message",
  ],
  ["server", "last_data_heard", "nothing heard from the client", "last data message was heard"],
  [
    "client",
    "first_unanswered_heartbeat_sent",
    "nothing heard from the server",
    "first unanswered heartbeat",
  ],
  ["server", "last_sign_of_life", "nothing heard from the client", "last sign of life"],
] as const;

for (const [role, detected_since, who, what] of DEATHS) {
  Deno.test(`explainEnd() tells the ${role} of a death since ${detected_since}`, () => {
    const end = terminatedOf({
      reason: "silent",
      detected_since,
      detected_after_ms: 60_012,
      predicted_ms: 60_000,
      silent_ms: 64_500,
    });
    const figures = ["60.012 s", "60.000 s", "64.500 s", "4 × heart_beat_threshold 10 s"];
    const text = explainEnd(end, role, DEFAULT_TIMERS);
    assertIn(text, [who, what, ...figures, "Look next: ", "firewall"]);
    // Heartbeats alone count from the first one that went unanswered after the last answer.
    const fromData = detected_since !== "first_unanswered_heartbeat_sent";
    assertEquals(text.includes("data_threshold 20 s"), fromData);
  });
}

/** How a session ended, and what is to be in what the client, and the server, are told of it. */
const ENDS: readonly [what: string, end: Partial<CloseReport>, ...parts: string[]][] = [
  ["its own end", { reason: "done" }, "this side"],
  ["its own stop", { reason: "shutdown" }, "this side", "told to stop"],
  ["its own failure", { reason: "failed", text: "no room" }, "this side", "no room"],
  ["a breach", { reason: "protocol", text: "DATA 5" }, "broke the protocol", "DATA 5"],
  ["a FIN", { by: "peer", reason: "closed" }, "the connection was closed (FIN)", "Look next: "],
  [
    "a FIN within a frame",
    { by: "peer", reason: "closed", text: "in the middle of a frame" },
    "(FIN)",
    "in the middle of a frame",
  ],
  [
    "TERMINATE silent",
    { by: "peer", reason: "silent" },
    "nothing from this side arrived there in time",
    "Look next: ",
  ],
  ["TERMINATE protocol", { by: "peer", reason: "protocol", text: "DATA 5" }, "this side", "DATA 5"],
  ["TERMINATE refused", { by: "peer", reason: "refused", text: "full" }, " the session: full"],
  ["TERMINATE done", { by: "peer", reason: "done" }, "ended by the "],
  ["TERMINATE shutdown", { by: "peer", reason: "shutdown" }, "ended by the ", "told to stop"],
  ["a reset", { by: "network", reason: "reset" }, "reset (RST)", "Look next: "],
  ["TCP giving up", { by: "network", reason: "silent", text: "os error 110" }, "os error 110"],
  [
    "no route",
    { by: "network", reason: "unreachable", text: "os error 113" },
    "unreachable",
    "os error 113",
    "Look next: ",
  ],
  ["a failure", { by: "network", reason: "failed", text: "os error 5" }, "failed", "os error 5"],
];

for (const [what, end, ...parts] of ENDS) {
  Deno.test(`explainEnd() tells of an open session that ends by ${what}`, () => {
    for (const [role, other] of [["client", "server"], ["server", "client"]] as const) {
      const text = explainEnd(terminatedOf(end), role, DEFAULT_TIMERS);
      assertIn(text, parts);
      assert(!text.includes(`the ${role}`), `to the ${role}: ${text}`);
      const isOthers = end.by === "peer" || end.reason === "protocol";
      if (isOthers) assertStringIncludes(text, `the ${other}`);
    }
  });
}

const UNCONNECTED: readonly [reason: EndReason, ...parts: string[]][] = [
  ["refused", "refused", "is the server running", "firewall"],
  ["silent", "no answer", "is the server running", "firewall"],
  ["reset", "reset"],
  ["unreachable", "unreachable", "os error 113", "routes"],
  ["name_not_found", "no address", "spelling"],
  ["failed", "os error 113"],
];

for (const [reason, ...parts] of UNCONNECTED) {
  Deno.test(`explainEnd() tells a client of a connection that it cannot open: ${reason}`, () => {
    const end = terminatedOf({ by: "network", reason, text: "os error 113", predicted_ms: null });
    const text = explainEnd(end, "client", DEFAULT_TIMERS);
    assertIn(text, ["cannot connect to 192.0.2.1:4000", ...parts]);
    assertEquals(text.includes("Look next: "), reason !== "failed");
  });
}

Deno.test("explainEnd() does not tell a server that it cannot connect", () => {
  for (const reason of ["reset", "unreachable", "silent", "failed"] as const) {
    const end = terminatedOf({ by: "network", reason, text: "why", predicted_ms: null });
    const text = explainEnd(end, "server", DEFAULT_TIMERS);
    assertIn(text, ["192.0.2.1:4000"]);
    assert(!/cannot connect|is the server running/.test(text), text);
  }
});

/** Ends of a connection before the session was open, which has no other name than its address. */
const UNOPENED: readonly [what: string, end: Partial<CloseReport>, ...parts: string[]][] = [
  ["says nothing", { reason: "silent", text: "no HELLO within 5 s" }, "no HELLO within 5 s"],
  ["speaks otherwise", { reason: "protocol", text: 'unknown frame "GET"' }, 'frame "GET"'],
  ["hangs up", { by: "peer", reason: "closed" }],
];

for (const [what, end, ...parts] of UNOPENED) {
  Deno.test(`explainEnd() names the address of a peer that ${what} and has no session`, () => {
    for (const role of ["client", "server"] as const) {
      const text = explainEnd(terminatedOf({ ...end, predicted_ms: null }), role, DEFAULT_TIMERS);
      assertIn(text, ["192.0.2.1:4000", "Look next: ", ...parts]);
    }
  });
}

Deno.test("explainEnd() tells of a session whose client did not reconnect", () => {
  const end = terminatedOf({
    reason: "silent",
    text: "did not reconnect within session_lifetime 3600 s",
    detected_since: "connection_lost",
    detected_after_ms: 3_600_001,
    predicted_ms: 3_600_000,
    silent_ms: 3_660_000,
  });
  const text = explainEnd(end, "server", DEFAULT_TIMERS);
  assertIn(text, ["the client did not reconnect", "session_lifetime 3600 s", "3600.001 s"]);
  assertIn(text, ["expired", "Look next: "]);
  assert(!/dead|heartbeat|data_threshold/.test(text), text);
});

Deno.test("explainEnd() does not take a client that is back for one that has gone", () => {
  const end = terminatedOf({ by: "peer", reason: "superseded", detected_after_ms: 1_500 });
  const told = explainEnd(end, "server", DEFAULT_TIMERS);
  assertIn(told, ["resumed on another connection"]);
  assert(!/FIN|crash|killed/.test(told), told);
});

for (const [reason, ...parts] of UNCONNECTED) {
  // Of all these, only this much cannot come of a connection that was open.
  if (reason !== "refused" && reason !== "name_not_found") continue;
  Deno.test(`explainEnd() tells a client of an open session that it cannot connect again: ${reason}`, () => {
    const end = terminatedOf({ by: "network", reason, text: "os error 113", silent_ms: 9_000 });
    const text = explainEnd(end, "client", DEFAULT_TIMERS);
    assertIn(text, ["cannot connect to 192.0.2.1:4000", "Look next: ", ...parts]);
  });
}

const ROUTES = "the address, and routes and firewalls on the path";

const TRAFFIC = "0.012 s after the last traffic, at an age of 3600.000 s";

/** An error of the network with its code, as an event has it, and what is said of it. */
const CODED: readonly [wasOpen: boolean, end: Partial<CloseReport>, text: string][] = [
  [
    false,
    { reason: "refused", code: "ECONNREFUSED", text: "refused (ECONNREFUSED)" },
    "cannot connect to 192.0.2.1:4000: refused (ECONNREFUSED). Look next: is the server running, " +
    "and is the port open in its firewall?",
  ],
  [
    false,
    { reason: "failed", code: "EMFILE", text: "too many files (EMFILE)" },
    "cannot connect to 192.0.2.1:4000: too many files (EMFILE). Look next: ulimit -n",
  ],
  [
    false,
    { reason: "failed", code: "E2BIG", text: "the system reports E2BIG: os error 7" },
    "cannot connect to 192.0.2.1:4000: the system reports E2BIG: os error 7",
  ],
  [
    false,
    { reason: "name_not_found", text: "failed to lookup address information: Try again" },
    "cannot connect to 192.0.2.1:4000: no address is known for that name (Try again). Look " +
    "next: its spelling, and whether the name server of this host answers",
  ],
  [
    true,
    { reason: "unreachable", code: "EHOSTUNREACH", text: "no host answers (EHOSTUNREACH)" },
    `the server became unreachable: no host answers (EHOSTUNREACH), ${TRAFFIC}. Look next: ${ROUTES}`,
  ],
  [
    true,
    { reason: "silent", code: "ETIMEDOUT", text: "its host acknowledged nothing (ETIMEDOUT)" },
    "this host gave up on the connection to the server: its host acknowledged nothing " +
    `(ETIMEDOUT), ${TRAFFIC}. Look next: is that host up, and does a firewall on the path drop packets silently?`,
  ],
  [
    true,
    { reason: "reset", code: "ECONNABORTED", text: "aborted here (ECONNABORTED)" },
    `the connection was reset: aborted here (ECONNABORTED), ${TRAFFIC}. Look next: the rules of this host: ` +
    "firewall, container, systemd (IPAddressDeny), SELinux",
  ],
  [
    true,
    { reason: "failed", code: "EIO", text: "it failed (EIO)" },
    `the connection failed: it failed (EIO), ${TRAFFIC}. Look next: the log of its system: dmesg`,
  ],
];

for (const [wasOpen, end, text] of CODED) {
  const what = `${end.code ?? end.reason} of a connection ${wasOpen ? "that was open" : "to open"}`;
  Deno.test(`explainEnd() says whole what is known of ${what}`, () => {
    const predicted_ms = wasOpen ? 60_000 : null;
    const unused = !wasOpen && { idle_ms: null, age_ms: null };
    const about = terminatedOf({ by: "network", predicted_ms, ...unused, ...end });
    assertEquals(explainEnd(about, "client", DEFAULT_TIMERS), text);
  });
}

Deno.test("explainEnd() calls every other reset one, whatever its code", () => {
  for (const code of ["ECONNRESET", "EPIPE", "ENOTCONN", "ESHUTDOWN"]) {
    const end = terminatedOf({ by: "network", reason: "reset", text: `reset (${code})`, code });
    const text =
      `the connection was reset (RST), ${TRAFFIC}. Look next: did a proxy, firewall or NAT on ` +
      "the path cut it, or forget it, or give it another port; or did the server's process end?";
    assertEquals(explainEnd(end, "client", DEFAULT_TIMERS), text);
  }
});

Deno.test("explainEnd() tells for how much of it this host was suspended", () => {
  for (const role of ["client", "server"] as const) {
    for (const by of ["peer", "network", "self"] as const) {
      const end = terminatedOf({ by, reason: by === "self" ? "protocol" : "reset" });
      const text = explainEnd(end, role, DEFAULT_TIMERS);
      assertEquals(text.includes("suspended"), false);
      const suspended = explainEnd({ ...end, suspended_ms: 10_200 }, role, DEFAULT_TIMERS);
      const remark = " (this host was suspended for 10.200 s since the last sign of life)";
      const [what, next] = text.split(". Look next: ");
      assertEquals(suspended, what + remark + (next ? `. Look next: ${next}` : ""));
    }
  }
});
