/**
 * The stand-ins for the original program, one driving the other: what the original does, and what
 * each fault does to it.
 *
 * @module
 */
import { assertEquals, assertGreaterOrEqual, assertLess, assertMatch } from "@std/assert";
import {
  ORIGINAL,
  type OriginalEvent,
  startOriginal,
  story,
  texts,
  times,
  whyNoAddress,
  whyNoOriginal,
} from "../support/original.ts";
import type { Command } from "../support/process.ts";
import { testUnless } from "../support/skip.ts";

type Original = Command<OriginalEvent>;

const CLIENT =
  "--data-interval=0.05 --data-threshold=0.15 --heart-beat-interval=0.05 --heart-beat-threshold=0.15" +
  " --heart-beat-additional-tries=1 --reconnect-wait=0.1";
const SERVER = "--data-threshold=1 --heart-beat-threshold=0.25 --heart-beats-missed=2";

/** How late a timeout may be on a busy machine; it is never early. */
const LATE_MS = 140;

/** A server and its client, each with words besides the ones above. */
interface Pair extends AsyncDisposable {
  server: Original;
  client: Original;
}

async function startPair(words: { server?: string; client?: string }): Promise<Pair> {
  await using made = new AsyncDisposableStack();
  const server = made.use(start("server", 0, SERVER, words.server));
  const { port } = await server.event("listening");
  const client = made.use(start("client", port, CLIENT, words.client));
  const record = made.move();
  return { server, client, [Symbol.asyncDispose]: () => record.disposeAsync() };
}

function start(role: "client" | "server", port: number, ...words: (string | undefined)[]) {
  const options = words.flatMap((each) => each?.split(" ") ?? []);
  return startOriginal(role, ["127.0.0.1", String(port), ...options]);
}

/** Waits for the end of each, which has to be in order. */
async function assertEnded(...originals: Original[]): Promise<void> {
  for (const each of originals) assertEquals(await each.ended(), 0, each.stderr);
}

/** Checks that a timeout was not early, and not too late. */
function assertTook(from_ms: number | undefined, to_ms: number | undefined, wait_ms: number): void {
  assertGreaterOrEqual(to_ms! - from_ms!, wait_ms - 1);
  assertLess(to_ms! - from_ms!, wait_ms + LATE_MS);
}

/** Runs all cases at once; fails once none of them runs any more. */
async function eachAtOnce<Value>(
  cases: Readonly<Record<string, Value>>,
  run: (name: string, value: Value) => Promise<void>,
): Promise<void> {
  const running = Object.entries(cases).map(([name, value]) => run(name, value));
  await Promise.allSettled(running);
  await Promise.all(running);
}

/** Registers a test that is not run where there is no Python. */
function test(name: string, run: () => Promise<void>): void {
  testUnless(whyNoOriginal, name, run);
}

test("original peers exchange data and confirmations, an interval apart", async () => {
  await using pair = await startPair({ client: "--close-after=reply:3" });
  await assertEnded(pair.client);
  const replies = [1, 2, 3].flatMap((n) => [`data_sent ${n}`, `reply ${n} SERVER_DATA_REPLY`]);
  assertEquals(story(pair.client).slice(0, -2), ["connected", ...replies]);
  await pair.server.event("closed");
  assertEquals(texts(pair.server), Array(3).fill(ORIGINAL.data));
  const sent = times(pair.client, "data_sent");
  times(pair.client, "reply").slice(0, 2).forEach((at, i) => assertTook(at, sent[i + 1], 50));
});

test("original client without a reply closes, waits, and heartbeats on a second connection", async () => {
  await using pair = await startPair({
    server: "--mute-after=0",
    client: "--data-threshold=0.3 --reconnect-wait=0.25 --heart-beat-interval=0.1",
  });
  await pair.client.event("heartbeat_answered", ({ n }) => n === 2);
  assertEquals(story(pair.client).slice(0, 9), [
    "connected",
    "data_sent 1",
    "data_timeout 1",
    "closed data self",
    "heartbeat_connected",
    "heartbeat_sent 1",
    "heartbeat_answered 1 MSG_HEARTBEAT",
    "heartbeat_sent 2",
    "heartbeat_answered 2 MSG_HEARTBEAT",
  ]);
  const at_ms = pair.client.events.map(({ time_ms }) => time_ms);
  assertTook(at_ms[1], at_ms[2], 300);
  assertTook(at_ms[3], at_ms[4], 250);
  assertTook(at_ms[6], at_ms[7], 100);
  const { remote } = await pair.client.event("connected");
  assertEquals((await pair.client.event("heartbeat_connected")).remote, remote);
});

test("original server whose client closes listens on the same port and echoes heartbeats", async () => {
  const client = "--lose-after=1 --close-after=heartbeat_answered:2";
  await using pair = await startPair({ client });
  await assertEnded(pair.server, pair.client);
  assertEquals(story(pair.server), [
    "listening",
    "connected",
    "data_received 1 CLIENT_DATA_MESSAGE",
    "reply_sent 1",
    "closed data peer",
    "listening",
    "heartbeat_connected",
    "heartbeat_received 1 MSG_HEARTBEAT",
    "heartbeat_answered 1 MSG_HEARTBEAT",
    "heartbeat_received 2 MSG_HEARTBEAT",
    "heartbeat_answered 2 MSG_HEARTBEAT",
    "closed heartbeats peer",
    "ended closed",
  ]);
  const { port } = await pair.server.event("listening");
  const again = pair.server.events[5] as Extract<OriginalEvent, { event: "listening" }>;
  assertEquals(again.port, port);
  assertEquals(story(pair.client).slice(3, 5), ["data_lost 2", "data_timeout 2"]);
});

test("original server without data closes, and takes whoever comes next for heartbeats", async () => {
  await using pair = await startPair({
    server: "--data-threshold=0.35",
    client: "--lose-after=1 --data-threshold=10",
  });
  await assertEnded(pair.client);
  assertEquals(story(pair.client).slice(-3), ["data_lost 2", "closed data peer", "ended closed"]);
  const { port } = await pair.server.event("listening");
  await pair.server.event("listening", ({ time_ms }) => time_ms > pair.server.events[0]!.time_ms);
  const { events } = pair.server;
  assertEquals(story(pair.server).slice(4, 6), ["data_timeout", "closed data self"]);
  assertTook(events[2]!.time_ms, events[4]!.time_ms, 350);
  await using next = start("client", port, CLIENT, "--close-after=reply");
  assertEquals((await next.event("reply")).text, ORIGINAL.data);
});

test("original client ends after one and the additional tries unanswered in a row", async () => {
  await using pair = await startPair({
    server: "--mute-after=0 --mute-heartbeats-after=0:1 --vanish-after=heartbeat_answered",
    client: "--heart-beat-additional-tries=2 --data-threshold=0.3",
  });
  await assertEnded(pair.client);
  const miss = (
    n: number,
    missed: number,
  ) => [`heartbeat_sent ${n}`, `heartbeat_missed ${n} ${missed}`];
  assertEquals(story(pair.client).slice(5), [
    ...miss(1, 1),
    "heartbeat_sent 2",
    "heartbeat_answered 2 MSG_HEARTBEAT",
    ...[...miss(3, 1), ...miss(4, 2), ...miss(5, 3)],
    "closed heartbeats self",
    "ended dead",
  ]);
  const sent = times(pair.client, "heartbeat_sent");
  times(pair.client, "heartbeat_missed").slice(1).forEach((at, i) =>
    assertTook(sent[2 + i], at, 150)
  );
});

test("original server ends when too many heartbeats in a row do not come", async () => {
  await using pair = await startPair({
    server: "--mute-after=0",
    client: "--heart-beat-interval=0.35 --vanish-after=heartbeat_sent:2",
  });
  await assertEnded(pair.server);
  const end = [
    "heartbeat_received 1 MSG_HEARTBEAT",
    "heartbeat_answered 1 MSG_HEARTBEAT",
    "heartbeat_missed 1",
    "heartbeat_received 2 MSG_HEARTBEAT",
    "heartbeat_answered 2 MSG_HEARTBEAT",
    "heartbeat_missed 1",
    "heartbeat_missed 2",
    "closed heartbeats self",
    "ended dead",
  ];
  assertEquals(story(pair.server).slice(-end.length), end);
  const [, before, last] = times(pair.server, "heartbeat_missed");
  assertTook(times(pair.server, "heartbeat_answered")[1], before, 250);
  assertTook(before, last, 250);
});

test("original client ends in order at TERMINATE", async () => {
  await using pair = await startPair({ server: "--terminate-after=2" });
  await assertEnded(pair.client, pair.server);
  assertEquals(story(pair.client).slice(-5), [
    "data_sent 2",
    "reply 2 TERMINATE",
    "terminate_received",
    "closed data self",
    "ended terminated",
  ]);
  assertEquals(story(pair.server).slice(-4), [
    "data_received 2 CLIENT_DATA_MESSAGE",
    "terminate_sent 2",
    "closed data peer",
    "ended terminated",
  ]);
});

/** What the server reads when the client glues or cuts one message. */
const READ_BY_SERVER = {
  "--glue=2": ["CLIENT_DATA_MESSAGECLIENT_DATA_MESSAGE"],
  "--cut=2": ["CLIENT_DAT", "A_MESSAGE"],
};

test("original server confirms each read, glued or cut", async () => {
  await eachAtOnce(READ_BY_SERVER, async (fault, reads) => {
    await using pair = await startPair({ client: `--lose-after=1 --cut-pause=0.1 ${fault}` });
    await pair.client.event("data_timeout");
    await pair.server.event("closed");
    assertEquals(texts(pair.server), reads);
    assertEquals(texts(pair.client).join(""), ORIGINAL.confirmation.repeat(reads.length));
  });
});

/** What the client reads when the server glues or cuts one message. */
const READ_BY_CLIENT = {
  "--glue=2": ["SERVER_DATA_REPLYSERVER_DATA_REPLY"],
  "--cut=3": ["SERVER", "_DATA_", "REPLY"],
  "--glue=2 --terminate-after=1": ["SERVER_DATA_REPLYTERMINATE"],
  "--cut=2 --terminate-after=1": ["TERMI", "NATE"],
};

test("original client takes each read for a reply, glued or cut", async () => {
  await eachAtOnce(READ_BY_CLIENT, async (fault, reads) => {
    const client = "--lose-after=1 --data-threshold=0.3";
    await using pair = await startPair({ server: `--cut-pause=0.1 ${fault}`, client });
    await pair.client.event("data_timeout");
    assertEquals(texts(pair.client), reads);
  });
});

test("original server echoes glued heartbeats as they come", async () => {
  await using pair = await startPair({ client: "--lose-after=0 --glue=2" });
  const { text } = await pair.client.event("heartbeat_answered");
  assertEquals(text, ORIGINAL.heartbeat.repeat(2));
});

/** How the client ends when the server vanishes at a step: without a listener it cannot connect. */
const VANISHING = {
  "listening": "dead",
  "connected": "not_connected",
  "data_received:2": "not_connected",
  "reply_sent": "not_connected",
  "listening:2": "dead",
  "heartbeat_connected": "dead",
  "heartbeat_answered": "dead",
};

test("original client ends by its timeouts alone when the server vanishes, at any step", async () => {
  await eachAtOnce(VANISHING, async (step, reason) => {
    await using pair = await startPair({ server: `--mute-after=1 --vanish-after=${step}` });
    await assertEnded(pair.client);
    assertEquals(times(pair.client, "data_timeout").length, 1, step);
    assertEquals(story(pair.client).at(-1), `ended ${reason}`, step);
    await pair.server.event("vanished");
    assertEquals(story(pair.server).at(-1), "vanished", step);
  });
});

test("original server still listening makes a connection that comes too early, and resets it", async () => {
  await using pair = await startPair({
    server: "--keep-listening --data-threshold=0.4",
    client: "--clients=2 --data-threshold=10 --vanish-after=reply",
  });
  const { client } = await pair.client.event("ended");
  const events = pair.client.events.filter((each) => each.client === client);
  assertEquals(story({ events }).slice(2), ["closed data reset", "ended closed"]);
  const { client: other } = await pair.client.event("vanished");
  assertEquals([client, other].sort(), [1, 2]);
});

testUnless(whyNoAddress, "original client calls from its address", async () => {
  const client = "--source-host=127.0.0.2 --close-after=connected";
  await using pair = await startPair({ client });
  const { local } = await pair.client.event("connected");
  assertMatch(local, /^127\.0\.0\.2:\d+$/);
  assertEquals((await pair.server.event("connected")).remote, local);
});
