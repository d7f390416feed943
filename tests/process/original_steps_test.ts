/**
 * Original peers that vanish, close or are killed at each step of their lives, as real processes: what
 * our server, and our client, make of it.
 *
 * @module
 */
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { Client } from "../../lib/client/client.ts";
import { systemClock } from "../../lib/platform/clock.ts";
import { OriginalProtocol } from "../../lib/original/protocol.ts";
import { tcpTransport } from "../../lib/platform/net/tcp.ts";
import type { Event } from "../../lib/session/events.ts";
import type { Timers } from "../../lib/session/timers.ts";
import { clientOptions } from "../support/client_options.ts";
import { type OriginalEvent, type OriginalEventName, whyNoAddress } from "../support/original.ts";
import {
  allAtOnce,
  QUICK,
  startOriginalClient,
  startOriginalServer,
  startServer,
} from "../support/original_pair.ts";
import type { Command, EventOf } from "../support/process.ts";
import { testUnless } from "../support/skip.ts";

/** How a peer can go: it falls silent and stays, it closes and ends, or it is killed. */
const MANNERS = ["vanishes", "closes", "is killed"] as const;
type Manner = typeof MANNERS[number];
type Step = OriginalEventName | `${OriginalEventName}:${number}`;

/** The arguments of a peer that goes at a step. */
function fault(step: Step, manner: Manner): string {
  return manner === "closes" ? `--close-after=${step}` : `--vanish-after=${step}`;
}

/** Kills a peer that is to be killed, when it has come to its step. */
async function finish(peer: Command<OriginalEvent>, manner: Manner): Promise<void> {
  if (manner === "closes") assertEquals(await peer.ended(), 0, peer.stderr);
  else await peer.event("vanished");
  if (manner === "is killed") peer.kill("SIGKILL");
}

/** Checks an end: of a peer that vanished by its silence, of one that went by its connection's end. */
function assertEnd(end: EventOf<"terminated">, why: "silent" | "gone"): void {
  const { by, detected_after_ms, predicted_ms, reason, text } = end;
  if (why === "gone") {
    assert(["peer closed", "network reset"].includes(`${by} ${reason}`), JSON.stringify(end));
  } else {
    assertEquals([by, reason, text], ["self", "silent", ""]);
    assertGreaterOrEqual(detected_after_ms!, predicted_ms!);
  }
}

/** What a client's session ends by when the client vanishes at a step. */
const CLIENT_STEPS: readonly [step: Step, vanished: "silent" | "gone"][] = [
  ["data_sent", "silent"],
  ["reply:2", "silent"],
  ["data_timeout", "silent"],
  // It has closed its data connection, and says nothing on its second one.
  ["heartbeat_connected", "gone"],
  ["heartbeat_sent", "silent"],
  ["heartbeat_answered", "silent"],
];

/** Has a client go, and checks how its session ends. */
async function clientGoes(
  { port, server }: { port: number; server: Command },
  { step, manner, host, why }: { step: Step; manner: Manner; host: string; why: "silent" | "gone" },
): Promise<void> {
  await using client = startOriginalClient(port, {
    timers: { dataThreshold: 0.3 },
    original: `--source-host=${host} --lose-after=2 ${fault(step, manner)}`,
  });
  await finish(client, manner);
  const isHere = ({ peer }: { peer: string }) => peer.startsWith(`${host}:`);
  const { session } = await server.event("connected", isHere);
  assertEnd(await server.event("terminated", (end) => end.session === session), why);
  const sessions = server.events.filter((each) => each.event === "connected" && isHere(each));
  assertEquals(sessions.length, 1);
}

/** Has a client go that has connected and not said anything. */
async function strangerGoes(port: number, manner: Manner, host: string): Promise<void> {
  const original = `--source-host=${host} ${fault("connected", manner)}`;
  await using client = startOriginalClient(port, { original });
  await finish(client, manner);
}

/** Every step and manner of clients, each with an address of its own, at one server. */
async function allClientsGo(): Promise<void> {
  await using running = await startServer();
  const scenarios: Record<string, () => Promise<void>> = {};
  const strangers: string[] = [];
  let hosts = 20;
  for (const manner of MANNERS) {
    const host = `127.0.0.${hosts++}`;
    strangers.push(host);
    scenarios[`client, connected, ${manner}`] = () => strangerGoes(running.port, manner, host);
    for (const [step, vanished] of CLIENT_STEPS) {
      const host = `127.0.0.${hosts++}`;
      const why = manner === "vanishes" ? vanished : "gone";
      const go = () => clientGoes(running, { step, manner, host, why });
      scenarios[`client, ${step}, ${manner}`] = go;
    }
  }
  await allAtOnce(scenarios);
  running.server.kill("SIGINT");
  assertEquals(await running.server.ended(), 0);
  assert(!running.server.stderr.includes("defect"), running.server.stderr);
  const digests = running.server.events.filter((each) => each.event === "strangers");
  const counted = digests.flatMap(({ addresses }) => addresses);
  // Besides these, a second connection on which nothing was said.
  assertEquals(strangers.filter((host) => !counted.includes(host)), []);
  assertEquals([...new Set(digests.flatMap(({ sent }) => sent))], ["nothing"]);
}

/** The steps at which servers go. */
const SERVER_STEPS: readonly Step[] = [
  "connected",
  "data_received:2",
  "reply_sent",
  "listening:2",
  "heartbeat_connected",
  "heartbeat_received",
  "heartbeat_answered:2",
];

const TIMERS: Timers = {
  data_interval_ms: 1_000 * QUICK.dataInterval,
  data_threshold_ms: 1_000 * QUICK.dataThreshold,
  heart_beat_interval_ms: 1_000 * QUICK.heartbeatInterval,
  heart_beat_threshold_ms: 1_000 * QUICK.heartbeatThreshold,
  heart_beat_additional_tries: QUICK.tries,
};

/** One life of our client, in this process: its end. */
async function live(port: number): Promise<EventOf<"terminated">> {
  const events: Event[] = [];
  const client = new Client(clientOptions({
    address: { host: "127.0.0.1", port },
    timers: TIMERS,
    original: true,
    legacy: new OriginalProtocol(),
    transport: tcpTransport,
    clock: systemClock,
    sink: { wantsMessages: true, emit: (event) => void events.push(event) },
  }));
  assertEquals(await client.run(), 1);
  assertEquals(events.filter(({ event }) => event === "connected").length, 1);
  return events.find((each) => each.event === "terminated")!;
}

/** Has a server go, and checks how the client's session ends. */
async function serverGoes(step: Step, manner: Manner): Promise<void> {
  const original = `--mute-after=2 ${fault(step, manner)}`;
  await using running = await startOriginalServer({
    originalTimers: { dataThreshold: 15, heartbeatThreshold: 15 },
    original,
  });
  const [end] = await Promise.all([live(running.port), finish(running.server, manner)]);
  // Whether the second connection is refused or reset is a matter of moments.
  const isRefused = step === "listening:2" && end.reason === "silent";
  assertEnd(end, manner === "vanishes" || isRefused ? "silent" : "gone");
}

/** Every step and manner of servers, each with a client of its own. */
async function allServersGo(): Promise<void> {
  const scenarios: Record<string, () => Promise<void>> = {};
  for (const manner of MANNERS) {
    for (const step of SERVER_STEPS) {
      scenarios[`server, ${step}, ${manner}`] = () => serverGoes(step, manner);
    }
  }
  await allAtOnce(scenarios);
}

testUnless(
  whyNoAddress,
  "what becomes of an original peer is told, at whatever step it vanishes, closes or is killed",
  () => allAtOnce({ "clients": allClientsGo, "servers": allServersGo }),
);
