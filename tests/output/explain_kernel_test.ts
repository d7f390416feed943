/**
 * What people read of what the kernel knows, whole.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { eventText } from "../../lib/output/event_text.ts";
import { explainEnd } from "../../lib/output/explain.ts";
import type { CloseReport } from "../../lib/session/close_reason.ts";
import type { EventFields } from "../../lib/session/events.ts";
import { eventOf, terminatedOf } from "../support/events.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

const QUIET = { unacked_bytes: 0, unread_bytes: 0, retransmissions: 0, timer: "none" } as const;
const IN_VAIN = { ...QUIET, unacked_bytes: 42, retransmissions: 6, timer: "retransmit" } as const;
const WAITING = { ...QUIET, unacked_bytes: 65_536, timer: "window_probe" } as const;
const HOST = "the server's host, or a proxy in front of it";

const DEATH = {
  reason: "silent",
  detected_since: "first_unconfirmed_data_sent",
  detected_after_ms: 60_002,
  predicted_ms: 60_000,
  silent_ms: 64_500,
} as const;

const SILENT = "nothing heard from the server for 64.500 s, 4 heartbeats unanswered";
const MEASURED =
  "declared dead 60.002 s after the first unconfirmed data message was sent, predicted 60.000 s " +
  "(data_threshold 20 s + 4 × heart_beat_threshold 10 s); the connection was 3600.000 s old, idle " +
  "for 0.012 s";
const ALONE = "An application without heartbeats would have waited";
const PATH =
  "Look next: does a firewall, NAT or load balancer on the path drop packets silently, or is";
const DECLARED = "the server declared this side dead: nothing from this side arrived there in time";
const USED = "; the connection was 3600.000 s old, idle for 0.012 s";

const ENDS: readonly [what: string, end: Partial<CloseReport>, text: string][] = [
  [
    "a process that does not run",
    { ...DEATH, cause: "process_not_running", kernel: QUIET, tcp_gives_up_ms: null },
    `${SILENT}, though ${HOST}, acknowledges everything: ${MEASURED}. ${ALONE} for ever here. Look ` +
    "next: is the process of the server, or of a proxy in front of it, stopped, hung or cut off?",
  ],
  [
    "a path that is cut",
    { ...DEATH, cause: "path_cut", kernel: IN_VAIN, tcp_gives_up_ms: 924_600 },
    `${SILENT}, nothing comes through (42 bytes unacknowledged after 6 retransmissions): ${MEASURED}. ${ALONE} ` +
    `some 15 min 25 s here. ${PATH} the host of the server down or cut off?`,
  ],
  [
    "a path that is cut, of which TCP would do what is not known",
    { ...DEATH, cause: "path_cut", kernel: WAITING },
    `${SILENT}, nothing comes through (65536 bytes wait here to be sent): ${MEASURED}. ${PATH} the ` +
    "host of the server down or cut off?",
  ],
  [
    "a path that is cut in one direction",
    { ...DEATH, silent_ms: 40_000, cause: "path_cut", kernel: IN_VAIN, tcp_gives_up_ms: 30_000 },
    "what this side sends does not arrive, though the server was heard 20.002 s longer: nothing heard " +
    `for 40.000 s, 4 heartbeats unanswered; ${MEASURED}. ${ALONE} some 30 s here. Look next: what ` +
    "drops packets from this host to the server: a firewall or NAT on the path that lets only the " +
    "other direction through?",
  ],
  [
    "a process that stopped while its confirmations were missing",
    { ...DEATH, silent_ms: 40_000, cause: "process_not_running", kernel: QUIET },
    "nothing heard from the server for 40.000 s, 4 heartbeats unanswered, though " +
    `${HOST}, acknowledges everything: ${MEASURED}. Look next: is the process of the server, or of a ` +
    "proxy in front of it, stopped, hung or cut off?",
  ],
  [
    "a process that does not read",
    { ...DEATH, cause: "not_reading", kernel: WAITING, tcp_gives_up_ms: null },
    `${SILENT}, the server, or a proxy in front of it, does not read: its receive window is closed, and ` +
    `65536 bytes wait here: ${MEASURED}. ${ALONE} for ever here. Look next: is the process of the ` +
    "server, or of a proxy in front of it, stopped or overloaded?",
  ],
  [
    "nothing certain",
    { ...DEATH, cause: "unknown", kernel: { ...IN_VAIN, retransmissions: 1 } },
    `${SILENT}: ${MEASURED}. ${PATH} the process or the host of the server frozen or cut off?`,
  ],
  [
    "this host's own link, whatever the kernel shows",
    { ...DEATH, link: "no link on eth0 (down)", cause: "path_cut", kernel: IN_VAIN },
    `${SILENT}, while this host had no link on eth0 (down): ${MEASURED}. Look next: this host's ` +
    "cable, link and address; the server may be well",
  ],
  [
    "a verdict of the peer on what was sent in vain",
    { by: "peer", reason: "silent", cause: "path_cut", kernel: IN_VAIN, tcp_gives_up_ms: 924_600 },
    `${DECLARED}: 42 bytes unacknowledged after 6 retransmissions${USED}. ${ALONE} some 15 min 25 s here. Look ` +
    "next: what drops packets from this host to the server: a firewall or NAT?",
  ],
  [
    "a verdict of the peer on large packets",
    { by: "peer", reason: "silent", cause: "large_packets", kernel: IN_VAIN },
    `${DECLARED}: small packets come through, large ones never (42 bytes unacknowledged after ` +
    `6 retransmissions)${USED}. Look next: does the path drop packets above a size (an MTU black hole)?`,
  ],
];

for (const [what, end, text] of ENDS) {
  Deno.test(`explainEnd() tells of ${what}`, () => {
    assertEquals(explainEnd(terminatedOf(end), "client", DEFAULT_TIMERS), text);
  });
}

const VIEWS: readonly [fields: EventFields["kernel"], level: "info" | "warning", text: string][] = [
  [{ at: "silence", ...QUIET }, "info", `the kernel: all is acknowledged by ${HOST}`],
  [
    { at: "silence", ...QUIET, unread_bytes: 1 },
    "info",
    `the kernel: all is acknowledged by ${HOST}, 1 byte unread here`,
  ],
  [
    { at: "silence", ...IN_VAIN, retransmissions: 0, too_early: true },
    "info",
    "the kernel: 42 bytes unacknowledged, sent too recently to prove anything",
  ],
  [
    { at: "heartbeat_missed", ...IN_VAIN },
    "info",
    "the kernel: 42 bytes unacknowledged after 6 retransmissions",
  ],
  [
    { at: "heartbeat_missed", ...WAITING, cause: "unknown" },
    "info",
    "the kernel: 65536 bytes wait here to be sent",
  ],
  [
    { at: "heartbeat_missed", ...WAITING, cause: "not_reading" },
    "info",
    "the kernel: 65536 bytes wait here, the receive window of the server is closed",
  ],
  [
    { unknown: "only Linux shows it" },
    "warning",
    "what the kernel knows of silent connections cannot be read here: only Linux shows it",
  ],
];

for (const [fields, level, text] of VIEWS) {
  Deno.test(`eventText() says what the kernel shows: ${text}`, () => {
    assertEquals(eventText(eventOf("kernel", fields), "client", DEFAULT_TIMERS), { level, text });
  });
}
