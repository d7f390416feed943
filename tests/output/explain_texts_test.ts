/**
 * What people read of an end, whole: first what is known, then the likeliest cause.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { explainEnd } from "../../lib/output/explain.ts";
import type { CloseReport } from "../../lib/session/close_reason.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { terminatedOf } from "../support/events.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

const DEATH = {
  reason: "silent",
  detected_since: "first_unconfirmed_data_sent",
  detected_after_ms: 60_002,
  predicted_ms: 60_000,
  silent_ms: 64_500,
} as const;

const MEASURED =
  "declared dead 60.002 s after the first unconfirmed data message was sent, predicted " +
  "60.000 s (data_threshold 20 s + 4 × heart_beat_threshold 10 s)";

/** How the connection was used: behind what is said of the session. */
const USED = "; the connection was 3600.000 s old, idle for 0.012 s";

const UNOPENED =
  "is that a server that does not let this address in (allow, deny) or has no room, a proxy, tunnel or " +
  "load balancer whose server does not answer, a port that wants TLS, or another program's port?";

const TEXTS: readonly [what: string, role: Role, end: Partial<CloseReport>, text: string][] = [
  [
    "a path without a sign",
    "client",
    DEATH,
    `nothing heard from the server for 64.500 s, 4 heartbeats unanswered: ${MEASURED}${USED}. Look next: does a ` +
    "firewall, NAT or load balancer on the path drop packets silently, or is the process or the host of " +
    "the server frozen or cut off?",
  ],
  [
    "a path without a sign after a pause",
    "client",
    { ...DEATH, idle_ms: 10_001, age_ms: 361_000, pause_ms: 300_002 },
    `nothing heard from the server for 64.500 s, 4 heartbeats unanswered: ${MEASURED}; the connection was ` +
    "361.000 s old, idle for 10.001 s, and for 300.002 s before the first message without an answer. Look " +
    "next: does a firewall, NAT or load balancer on the path drop packets silently, or is the process or " +
    "the host of the server frozen or cut off?",
  ],
  [
    "a peer that was heard longer than it was reached",
    "client",
    { ...DEATH, silent_ms: 40_000 },
    "what this side sends does not arrive, though the server was heard 20.002 s longer: nothing heard for " +
    `40.000 s, 4 heartbeats unanswered; ${MEASURED}${USED}. Look next: what drops packets from this host to the ` +
    "server: a firewall or NAT on the path that lets only the other direction through?",
  ],
  [
    "this host's own link",
    "client",
    { ...DEATH, link: "no link on eth0 (down)" },
    "nothing heard from the server for 64.500 s, 4 heartbeats unanswered, while this host had no link on " +
    `eth0 (down): ${MEASURED}${USED}. Look next: this host's cable, link and address; the server may be well`,
  ],
  [
    "a client that never sent data",
    "server",
    { ...DEATH, detected_since: "session_opened", silent_ms: 60_002 },
    "nothing heard from the client for 60.002 s, 4 heartbeats unanswered: declared dead 60.002 s after the " +
    "session was opened, predicted 60.000 s (data_threshold 20 s + 4 × heart_beat_threshold 10 s)" +
    `${USED}. Look next: does a firewall, NAT or load balancer on the path drop packets silently, or is the process or ` +
    "the host of the client frozen or cut off?",
  ],
  [
    "a FIN after a pause",
    "client",
    { by: "peer", reason: "closed", idle_ms: 6_001, age_ms: 21_030 },
    "the connection was closed (FIN) from the side of the server, without TERMINATE, 6.001 s after the last " +
    "traffic, at an age of 21.030 s. Look next: does a proxy, tunnel, load balancer or NAT on the path close " +
    "connections that are idle so long, or are so old; or did the server's process end, or could it not " +
    "write its store or output?",
  ],
  [
    "a FIN after a shorter pause than the connection had survived",
    "server",
    { by: "peer", reason: "closed", idle_ms: 549, age_ms: 3_607, survived_ms: 1_015 },
    "the connection was closed (FIN) from the side of the client, without TERMINATE, 0.549 s after the last " +
    "traffic, at an age of 3.607 s. Look next: did the client's process end (a crash, a kill); or did a " +
    "proxy, tunnel, load balancer or NAT on the path restart or close it?",
  ],
  [
    "a FIN amid traffic",
    "server",
    { by: "peer", reason: "closed", idle_ms: 1, age_ms: 21_030 },
    "the connection was closed (FIN) from the side of the client, without TERMINATE, 0.001 s after the last " +
    "traffic, at an age of 21.030 s. Look next: did the client's process end (a crash, a kill); or did a " +
    "proxy, tunnel, load balancer or NAT on the path restart or close it?",
  ],
  [
    "a reset",
    "client",
    { by: "network", reason: "reset", idle_ms: 6_001, age_ms: 21_030 },
    "the connection was reset (RST), 6.001 s after the last traffic, at an age of 21.030 s. Look next: did a " +
    "proxy, firewall or NAT on the path cut it, or forget it, or give it another port; or did the server's " +
    "process end?",
  ],
  [
    "a reset at the end of a pause",
    "client",
    { by: "network", reason: "reset", idle_ms: 1, age_ms: 21_030, pause_ms: 10_004 },
    "the connection was reset (RST), at the first traffic after a pause of 10.004 s, at an age of 21.030 s. " +
    "Look next: did a proxy, firewall or NAT on the path cut it, or forget it, or give it another port; or " +
    "did the server's process end?",
  ],
  [
    "a reset before the session was open",
    "client",
    { by: "network", reason: "reset", predicted_ms: null },
    `cannot connect to 192.0.2.1:4000: accepted, and reset (RST) before the session was open${USED}. Look next: ${UNOPENED}`,
  ],
  [
    "a FIN before the session was open",
    "client",
    { by: "peer", reason: "closed", predicted_ms: null },
    `192.0.2.1:4000 accepted the connection and closed it (FIN) before the session was open${USED}. Look next: ${UNOPENED}`,
  ],
  [
    "no WELCOME",
    "client",
    { reason: "silent", text: "no WELCOME within 5 s", predicted_ms: null },
    "192.0.2.1:4000 accepted the connection but sent nothing: no WELCOME within 5 s. Look next: is it " +
    "Pulsewire on that port; does a proxy, tunnel or load balancer there wait for its own server, or have a " +
    "queue; is the server's process frozen, or does its store not answer?",
  ],
  [
    "a client that waited for a WELCOME in vain",
    "server",
    { by: "peer", reason: "silent", text: "no WELCOME within 5 s", predicted_ms: null },
    `192.0.2.1:4000: the client gave up before its session was open: no WELCOME within 5 s${USED}. Look next: did ` +
    "the store of this server not answer, was this process or host stopped, or does the path drop what " +
    "this side sends?",
  ],
  [
    "a client whose time is over on a silent path",
    "client",
    { reason: "done", text: "its time is over, while the path is silent" },
    `ended by this side: its time is over, while the path is silent${USED}`,
  ],
  [
    "a server that is told to stop",
    "client",
    { by: "peer", reason: "shutdown" },
    `ended by the server: it was told to stop${USED}`,
  ],
  [
    "a client that has no connection when it is told to stop",
    "client",
    { reason: "shutdown", idle_ms: null, age_ms: null },
    "ended by this side: told to stop",
  ],
  [
    "a stranger that is turned away",
    "server",
    { reason: "refused", text: "the server is full", predicted_ms: null },
    "refused 192.0.2.1:4000: the server is full",
  ],
  [
    "a peer that did not hear this side while its link was down",
    "client",
    { by: "peer", reason: "silent", link: "no link on eth0 (down)" },
    "the server declared this side dead: nothing from this side arrived there in time, while this host had " +
    `no link on eth0 (down)${USED}. Look next: this host's cable, link and address; the server may be well`,
  ],
  [
    "a peer that did not hear this side while it did not run",
    "server",
    { by: "peer", reason: "silent", stalled_ms: 7_326 },
    "the client declared this side dead: nothing from this side arrived there in time, while this process " +
    `did not run, for at least 7.326 s${USED}. Look next: why did this process or its host not run: a stop ` +
    "signal, a debugger, too much load, a sleep? The path may be well",
  ],
  [
    "a peer that did not hear this side while its host was suspended",
    "client",
    { by: "peer", reason: "silent", suspended_ms: 70_000 },
    `the server declared this side dead: nothing from this side arrived there in time${USED} (this host was ` +
    "suspended for 70.000 s since the last sign of life). Look next: why did this process or its host not " +
    "run: a stop signal, a debugger, too much load, a sleep? The path may be well",
  ],
  [
    "a server that refuses",
    "client",
    { by: "peer", reason: "refused", text: "it is full", predicted_ms: null },
    "192.0.2.1:4000: the server refused the session: it is full",
  ],
  [
    "a server that ends a session as refused",
    "client",
    { by: "peer", reason: "refused", text: "it is full" },
    `the server refused the session: it is full${USED}`,
  ],
  [
    "a server to which this host has no interface",
    "client",
    {
      by: "network",
      reason: "unreachable",
      code: "ENODEV",
      text: "this host has no interface eth9",
      predicted_ms: null,
      idle_ms: null,
      age_ms: null,
    },
    "cannot connect to 192.0.2.1:4000: this host has no interface eth9. Look next: ip link, on this host",
  ],
  [
    "a peer that did not hear this side",
    "server",
    { by: "peer", reason: "silent" },
    `the client declared this side dead: nothing from this side arrived there in time${USED}. Look next: ` +
    "does the path drop what this side sends, or was this process or host stopped (a local stall)?",
  ],
  [
    "TCP giving up while this host's link is down",
    "server",
    {
      by: "network",
      reason: "silent",
      code: "ETIMEDOUT",
      text: "its host acknowledged nothing (ETIMEDOUT)",
      link: "no link on eth0 (down)",
    },
    "this host gave up on the connection to the client: its host acknowledged nothing (ETIMEDOUT), while " +
    "this host had no link on eth0 (down), 0.012 s after the last traffic, at an age of 3600.000 s. Look " +
    "next: this host's cable, link and address; the client may be well",
  ],
];

for (const [what, role, end, text] of TEXTS) {
  Deno.test(`explainEnd() says of ${what} first what is known, then the likeliest cause`, () => {
    assertEquals(explainEnd(terminatedOf(end), role, DEFAULT_TIMERS), text);
  });
}
