/**
 * Our client with the original server, as real processes: data, silence, heartbeats, death, TERMINATE,
 * and data again, with both sides' times; and with our own server as if that were an original one.
 *
 * @module
 */
import { assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { Relay } from "../support/relay.ts";
import { Lateness, timesOf } from "../support/lateness.ts";
import { ORIGINAL, story, texts, times, whyNoOriginal } from "../support/original.ts";
import {
  allAtOnce,
  enters,
  startClient,
  startOriginalServer,
  startServer,
  startWithOriginalServer,
  told,
} from "../support/original_pair.ts";
import type { Command } from "../support/process.ts";
import { testUnless } from "../support/skip.ts";

function test(name: string, run: () => Promise<void>): void {
  testUnless(whyNoOriginal, name, run);
}

/** Timers with which nothing falls silent. */
const PATIENT = { dataThreshold: 15, heartbeatThreshold: 15 };

/** A server that stops confirming, and then stops echoing: the client's timeouts. */
async function clientTimesOut(late: Lateness): Promise<void> {
  await using pair = await startWithOriginalServer({
    timers: { dataThreshold: 0.8, heartbeatThreshold: 0.5, heartbeatInterval: 0.6 },
    originalTimers: { dataThreshold: 15, heartbeatThreshold: 15 },
    original: "--mute-after=2 --mute-heartbeats-after=2",
  });
  const { client } = pair;
  assertEquals(await client.ended(), 1, client.stderr);
  assertEquals(told(client), [
    ...["connected", "phase connecting data"],
    ...["data_sent 1", "data_confirmed 1", "data_sent 2", "data_confirmed 2", "data_sent 3"],
    "phase data heartbeat",
    ...["heartbeat_sent 1", "heartbeat_answered 1", "heartbeat_sent 2", "heartbeat_answered 2"],
    ...["heartbeat_sent 3", "heartbeat_missed 1 2"],
    ...["heartbeat_sent 4", "heartbeat_missed 2 1"],
    ...["heartbeat_sent 5", "heartbeat_missed 3 0"],
    ...["phase heartbeat terminated", "terminated self silent", "summary"],
  ]);
  const end = await client.event("terminated");
  assertEquals([end.detected_since, end.predicted_ms], ["first_unanswered_heartbeat_sent", 1_500]);
  const { confirmed_up_to, in_doubt } = await client.event("summary");
  assertEquals([confirmed_up_to, in_doubt], [2, [[3, 3]]]);
  assertStringIncludes(client.stderr, "nothing heard from the server for ");

  const [first, last] = timesOf(client, "heartbeat_answered");
  late.add((await enters(client, "heartbeat")).silent_ms, 800);
  late.add(timesOf(client, "heartbeat_sent")[1]! - first!, 600);
  late.add(timesOf(client, "heartbeat_sent")[2]! - last!, 600);
  const missed = timesOf(client, "heartbeat_missed");
  missed.forEach((at, before) => late.add(at - last!, 600 + 500 * (before + 1)));
  // No five seconds' wait: the second connection is there as soon as the server listens.
  const { rtt_ms } = await client.event("heartbeat_answered");
  assertLess(rtt_ms!, 1_000);
}

/** A client that sends nothing for too long, and then is stopped: the server's timeouts. */
async function serverTimesOut(late: Lateness): Promise<void> {
  await using pair = await startWithOriginalServer({
    timers: {
      dataInterval: 1.5,
      dataThreshold: 15,
      heartbeatInterval: 0.9,
      heartbeatThreshold: 15,
    },
    originalTimers: { dataThreshold: 0.8, heartbeatThreshold: 0.6 },
  });
  const { client, server } = pair;
  await server.event("heartbeat_received", ({ n }) => n === 2);
  client.kill("SIGSTOP");
  assertEquals(await server.ended(), 0, server.stderr);
  client.kill("SIGCONT");
  await client.stderrText("the server has closed the data connection");
  assertEquals(story(server).slice(4), [
    ...["data_timeout", "closed data self", "listening", "heartbeat_connected"],
    ...["heartbeat_received 1 MSG_HEARTBEAT", "heartbeat_answered 1 MSG_HEARTBEAT"],
    "heartbeat_missed 1",
    ...["heartbeat_received 2 MSG_HEARTBEAT", "heartbeat_answered 2 MSG_HEARTBEAT"],
    ...["heartbeat_missed 1", "heartbeat_missed 2", "heartbeat_missed 3"],
    ...["closed heartbeats self", "ended dead"],
  ]);
  const missed = times(server, "heartbeat_missed");
  const answered = times(server, "heartbeat_answered");
  late.add(times(server, "data_timeout")[0]! - times(server, "reply_sent")[0]!, 800);
  late.addEach([answered[0]!, missed[0]!], 600);
  late.addEach([answered[1]!, ...missed.slice(1)], 600);
}

test("an original server and our client: both sides time out as configured", async () => {
  const late = new Lateness();
  await allAtOnce({
    "the client": () => clientTimesOut(late),
    "the server": () => serverTimesOut(late),
  });
  late.assertPunctual(10);
});

/** Exchanges data with a server that glues or cuts what it says. */
async function exchange(fault: string): Promise<void> {
  const timers = { ...PATIENT, dataInterval: 0.2 };
  const original = `--cut-pause=0.02 ${fault}`;
  await using pair = await startWithOriginalServer({ timers, ours: "--count=5", original });
  assertEquals(await pair.client.ended(), 0, pair.client.stderr);
  await pair.server.event("closed");
  assertEquals(texts(pair.server), Array(5).fill(ORIGINAL.data));
  const { data_confirmed, in_doubt } = await pair.client.event("summary");
  assertEquals([data_confirmed, in_doubt], [5, []]);
}

/** Has the server say TERMINATE instead of a confirmation: the client's status, and what it says. */
async function isToldToEnd(nth: number, status: number, says: string): Promise<void> {
  const original = `--terminate-after=${nth}`;
  await using pair = await startWithOriginalServer({ timers: PATIENT, original });
  assertEquals(await pair.client.ended(), status, pair.client.stderr);
  assertStringIncludes(pair.client.stderr, says);
  assertEquals(await pair.server.ended(), 0);
  const end = [`terminate_sent ${nth}`, "closed data peer", "ended terminated"];
  assertEquals(story(pair.server).slice(-3), end);
}

/** Kills the server and starts another, which takes what comes first for data. */
async function isRestarted(): Promise<void> {
  const timers = { tries: 20 };
  await using pair = await startWithOriginalServer({ timers });
  const { client, port, server } = pair;
  await client.event("data_confirmed", ({ seq }) => seq === 2);
  server.kill("SIGKILL");
  await enters(client, "heartbeat");
  await server.ended();
  await using again = await startOriginalServer({ timers, port });
  await enters(client, "data");
  await again.server.event("data_received", ({ text }) => text === ORIGINAL.data);
  const { seq } = await client.event("data_confirmed", ({ seq }) => seq === 5);
  // Several may have arrived by its first read.
  assertMatch(texts(again.server)[0]!, new RegExp(`^(?:${ORIGINAL.heartbeat})+$`));
  client.kill("SIGINT");
  assertEquals([await client.ended(), seq], [0, 5], client.stderr);
  assertEquals((await client.event("summary")).silences, 1);
  assertStringIncludes(client.stderr, "the server has been restarted, and takes the second");
}

/** Kills the server and starts one of ours in its place, which takes the client for an original one. */
async function isReplaced(): Promise<void> {
  const timers = { tries: 20 };
  await using pair = await startWithOriginalServer({ timers });
  const { client, port, server } = pair;
  await client.event("data_confirmed", ({ seq }) => seq === 2);
  server.kill("SIGKILL");
  await server.ended();
  await using ours = await startServer({ timers, port });
  await client.event("data_confirmed", ({ seq }) => seq === 5);
  client.kill("SIGINT");
  assertEquals(await client.ended(), 0, client.stderr);
  assertEquals(timesOf(ours.server, "connected").length, 1);
  await ours.server.stderrText("the client sends data again");
}

/** A server that makes a connection while it does not want one, and resets it when it does. */
async function comesTooEarly(): Promise<void> {
  await using pair = await startWithOriginalServer({
    timers: { heartbeatThreshold: 15, tries: 0 },
    originalTimers: { heartbeatThreshold: 15 },
    original: "--keep-listening --mute-after=1",
  });
  await pair.client.event("heartbeat_answered", ({ n }) => n === 3);
  assertEquals(pair.client.events.filter(({ event }) => event === "heartbeat_missed"), []);
}

/** Our own server, behind a relay, in trouble for a while: the session is one at both ends. */
async function isInTrouble(
  trouble: (server: Command, relay: Relay) => void,
  over: (server: Command, relay: Relay) => void,
): Promise<void> {
  const timers = { tries: 20 };
  await using running = await startServer({ timers });
  const { port, server } = running;
  await using relay = await Relay.open(port);
  await using client = startClient(relay.port, { timers });
  await client.event("data_confirmed", ({ seq }) => seq === 2);
  trouble(server, relay);
  await client.event("heartbeat_missed");
  over(server, relay);
  await enters(client, "data");
  const last = timesOf(client, "data_sent").length;
  await client.event("data_confirmed", ({ seq }) => seq === last);
  client.kill("SIGINT");
  assertEquals(await client.ended(), 0, client.stderr);
  const { in_doubt, silences } = await client.event("summary");
  assertEquals([in_doubt, silences], [[], 1]);
  assertEquals(timesOf(server, "connected").length, 1, server.stderr);
}

test("our client's life at an original server: data, orders to end, and data again", async () => {
  await allAtOnce({
    "confirmations as they are": () => exchange("--glue=1"),
    "confirmations glued": () => exchange("--glue=3"),
    "confirmations cut": () => exchange("--cut=17 --cut-pause=0.005"),
    "TERMINATE as a first word": () =>
      isToldToEnd(1, 4, "refused the session: its first message was"),
    "TERMINATE as a second word": () => isToldToEnd(2, 1, "ended by the server: it was told to"),
    "a server that is restarted": isRestarted,
    "a server that is replaced by ours": isReplaced,
    "a second connection that comes too early": comesTooEarly,
    "our own server, stopped for a while": () =>
      isInTrouble((server) => server.kill("SIGSTOP"), (server) => server.kill("SIGCONT")),
    "our own server, cut off for a while": () =>
      isInTrouble((_, relay) => relay.silence(), (_, relay) => relay.heal()),
  });
});
