/**
 * Our server with the original client, as real processes: data, silence, heartbeats, death, return and
 * TERMINATE, with both sides' times.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import type { Event } from "../../lib/session/events.ts";
import { Lateness, timesOf } from "../support/lateness.ts";
import {
  ORIGINAL,
  type OriginalEvent,
  story,
  texts,
  times,
  whyNoAddress,
} from "../support/original.ts";
import {
  allAtOnce,
  enters,
  startOriginalClient,
  startServer,
  startWithOriginalClient,
  told,
} from "../support/original_pair.ts";
import type { Command } from "../support/process.ts";
import { RawClient } from "../support/raw_client.ts";
import { testUnless } from "../support/skip.ts";

/** Clients that are to be told apart call from addresses of their own. */
function test(name: string, run: () => Promise<void>): void {
  testUnless(whyNoAddress, name, run);
}

/** Timers with which nothing falls silent. */
const PATIENT = { timers: { dataThreshold: 15, heartbeatThreshold: 15 } };

/** How many clients of each kind come at once. */
const CROWD = 200;

/** What a client sends, and how its messages are glued or cut. */
const MANNERS = [
  { fault: "--glue=1", messages: 1 },
  { fault: "--glue=3", messages: 3 },
  { fault: "--cut=19 --cut-pause=0.01", messages: 1 },
  { fault: "--glue=2 --cut=3 --cut-pause=0.02", messages: 2 },
];

test("original clients' data is confirmed, whole, glued or cut, and so are PW/1 clients'", async () => {
  await using running = await startServer(PATIENT);
  const { port, server } = running;
  const exchange = async ({ fault, messages }: typeof MANNERS[number], number: number) => {
    const host = `127.0.0.${10 + number}`;
    const original = `--source-host=${host} --vanish-after=reply:4 ${fault}`;
    await using client = startOriginalClient(port, { ...PATIENT, original });
    await client.event("vanished");
    assertEquals(texts(client).join("").replaceAll(ORIGINAL.confirmation, ""), "", fault);
    const isHere = ({ peer }: { peer: string }) => peer.startsWith(`${host}:`);
    const { session } = await server.event("connected", isHere);
    const last = times(client, "data_sent").length * messages;
    await server.event("data_received", (each) => each.session === session && each.seq === last);
    const isOne = (each: Event) => each.event === "data_received" && each.session === session;
    assertEquals(server.events.filter(isOne).length, last, fault);
  };
  const exchangePulsewire = async (_: unknown, number: number) => {
    using client = await RawClient.open(port, `pw-${number}`);
    await client.say("DATA 1 1\nx\nDATA 2 1\nx\nTERMINATE done\n");
    assertEquals(await client.lastLine(), "CONFIRM 2");
  };
  const exchangeInCrowd = async () => {
    const timers = { ...PATIENT.timers, dataInterval: 1 };
    const original = `--clients=${CROWD} --close-after=reply:2`;
    await using clients = startOriginalClient(port, { timers, original });
    assertEquals(await clients.ended(), 0, clients.stderr);
    assertEquals(texts(clients), Array(2 * CROWD).fill(ORIGINAL.confirmation));
  };
  await Promise.all([
    ...MANNERS.map(exchange),
    ...Array.from({ length: CROWD }, exchangePulsewire),
    exchangeInCrowd(),
  ]);
  const connected = server.events.filter((each) => each.event === "connected");
  const originals = connected.filter(({ original }) => original);
  assertEquals([connected.length, originals.length], [2 * CROWD + 4, CROWD + 4]);
});

test("an original client's silence, heartbeats and death: both sides time out as configured", async () => {
  await using pair = await startWithOriginalClient({
    timers: { dataThreshold: 0.8, heartbeatThreshold: 0.6 },
    originalTimers: { dataThreshold: 1.4, heartbeatInterval: 0.9 },
    original: "--lose-after=3 --vanish-after=heartbeat_answered:2",
  });
  const { client, server } = pair;
  const end = await death(server);
  assertEquals(told(server).slice(1, -1), [
    ...["connected", "phase connecting data"],
    ...["data_received 1", "data_received 2", "data_received 3", "phase data heartbeat"],
    // The client waits 1.4 s for its reply, then 0.2 s, and 0.9 s after the first echo.
    ...["heartbeat_missed 1 2", "heartbeat_missed 1 2"],
    ...["heartbeat_missed 1 2", "heartbeat_missed 2 1", "heartbeat_missed 3 0"],
    ...["phase heartbeat terminated", "terminated self silent"],
  ]);
  assertEquals([end.detected_since, end.predicted_ms], ["last_sign_of_life", 1_800]);
  await server.stderrText("the client's second connection, with heartbeats, from 127.0.0.1:");

  const late = new Lateness();
  late.add((await enters(server, "heartbeat")).silent_ms, 800);
  late.add(end.detected_after_ms!, 1_800);
  const missed = timesOf(server, "heartbeat_missed");
  late.add(missed[0]! - timesOf(server, "data_received").at(-1)!, 800 + 600);
  // Not from the time of `terminated`, which is taken after what it measures: late on a busy machine.
  const lastBeat_ms = missed.at(-1)! - end.detected_after_ms!;
  missed.slice(-3).forEach((at, before) => late.add(at - lastBeat_ms, 600 * (before + 1)));
  const [sent, lost] = [times(client, "data_sent"), times(client, "data_lost")];
  assertEquals(sent.length, 3);
  late.add(times(client, "data_timeout")[0]! - lost[0]!, 1_400);
  const [, ...beats] = times(client, "heartbeat_sent");
  beats.forEach((at, before) => late.add(at - times(client, "heartbeat_answered")[before]!, 900));
  late.assertPunctual(7);
});

/** Waits for the end of the only session. */
async function death(server: Command) {
  await server.event("summary");
  return await server.event("terminated", ({ session }) => session !== null);
}

async function goesOnWithHeartbeats() {
  await using pair = await startWithOriginalClient({
    original: "--lose-after=1 --glue=2 --vanish-after=heartbeat_answered:10",
  });
  await pair.client.event("vanished");
  const echoes = pair.client.events.flatMap((each) =>
    each.event === "heartbeat_answered" ? each.text : []
  );
  assertEquals(echoes.join("").replaceAll(ORIGINAL.heartbeat, ""), "");
  await pair.server.event("terminated");
  const { heartbeats_received, data_received } = await pair.server.event("summary");
  const sent = times(pair.client, "heartbeat_sent").length;
  assertEquals([data_received, heartbeats_received], [2, 2 * sent]);
  assertEquals(pair.server.events.filter(({ event }) => event === "connected").length, 1);
}

async function isStartedAgain() {
  await using pair = await startWithOriginalClient({
    timers: { heartbeatThreshold: 0.8, tries: 1 },
    original: "--lose-after=2 --close-after=heartbeat_answered:2",
  });
  const { client, port, server } = pair;
  assertEquals(await client.ended(), 0, client.stderr);
  await using back = startOriginalClient(port, { original: "--close-after=reply:2" });
  assertEquals(await back.ended(), 0, back.stderr);
  assertEquals(texts(back), [ORIGINAL.confirmation, ORIGINAL.confirmation]);
  const end = await death(server);
  assertEquals([end.by, end.reason, end.text], ["peer", "closed", "and did not reconnect"]);
  assertEquals(
    new Set(server.events.map(({ session }) => session)).size,
    2,
    "one, and the server's",
  );
  const { data_received, silences, heartbeats_received } = await server.event("summary");
  assertEquals([data_received, silences, heartbeats_received], [4, 2, 2]);
  for (
    const told of ["the client sends data again", "data heard again after", "did not reconnect"]
  ) {
    await server.stderrText(told);
  }
}

/** Starts a server for one client, has its end asked for, and gives both ends. */
async function endOf(
  ours: string,
  end: (pair: { server: Command; client: Command<OriginalEvent> }) => void,
) {
  await using pair = await startWithOriginalClient({
    timers: { tries: 0 },
    originalTimers: { dataInterval: 0.3, dataThreshold: 5 },
    ours,
  });
  await pair.client.event("reply", ({ n }) => n === 2);
  end(pair);
  const [status, ended] = await Promise.all([pair.server.ended(), pair.client.ended()]);
  assertEquals(ended, 137 * Number(ended !== 0), pair.client.stderr);
  return { status, client: story(pair.client), server: told(pair.server) };
}

async function isToldToEnd() {
  const { client, server, status } = await endOf("", ({ server }) => server.kill("SIGINT"));
  assertEquals(client.slice(-4), [
    "reply 3 TERMINATE",
    "terminate_received",
    "closed data self",
    "ended terminated",
  ]);
  assertEquals([status, server.at(-2)], [0, "terminated self shutdown"]);
}

test("an original client's life at our server: heartbeats without end, a return, orders to end", async () => {
  await allAtOnce({
    "it goes on with heartbeats for as long as they are echoed": goesOnWithHeartbeats,
    "started again, it is in the same session": isStartedAgain,
    "TERMINATE in the place of a confirmation ends it in order": isToldToEnd,
    "--once, and the server is stopped: as asked": async () => {
      const { status } = await endOf("--once", ({ server }) => server.kill("SIGTERM"));
      assertEquals(status, 0);
    },
    "--once, and the client is killed: lost": async () => {
      const { server, status } = await endOf(
        "--once",
        ({ client }) => client.kill("SIGKILL"),
      );
      assertEquals(status, 1);
      assertMatch(server.at(-2)!, /^terminated (peer closed|network reset)$/);
    },
  });
});
