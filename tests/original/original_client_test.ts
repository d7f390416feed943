/**
 * The client's side of a session with an original server, to the millisecond: data, silence, the second
 * connection, death, and data again.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { TransportError } from "../../lib/platform/net/transport.ts";
import { ORIGINAL_TEXT as TEXT } from "../../lib/original/wire.ts";
import { closeReasonOf, stageOriginalClient } from "../support/original_stage.ts";
import { assertEventAfter } from "../support/instants.ts";

type Options = Parameters<typeof stageOriginalClient>[0];
type Stage = Awaited<ReturnType<typeof stageOriginalClient>>;

/** Answers as an original server does: data on its first connection, heartbeats on its second. */
const asOriginal = (text: string, number: number) => number === 0 ? TEXT.reply : text;

/** A client whose server confirms its data until 12 s, and echoes no heartbeats after `echoes`. */
function stageSilence(options: Options & { echoes?: number } = {}): Promise<Stage> {
  let left = options.echoes ?? Infinity;
  const answer = (text: string, number: number, at_ms: number) => {
    if (number === 0) return at_ms < 12_000 ? TEXT.reply : undefined;
    return text === TEXT.heartbeat && left-- > 0 ? text : undefined;
  };
  return stageOriginalClient({ answer, ...options });
}

const closeReason = ({ recorder }: Stage) => closeReasonOf(recorder);

const DEAD = { by: "self", reason: "silent", text: "" } as const;

Deno.test("an original session sends data every data_interval, and hears it confirmed", async () => {
  const options = { answer: asOriginal, latency_ms: 7 };
  const { clock, ends, recorder } = await stageOriginalClient(options);
  await clock.advance(10_014);
  assertEquals(ends[0]!.heard, [7, 5_007, 10_007].map((at) => `${at} ${TEXT.data}`));
  assertEquals(recorder.story("connected", "phase", "data_sent", "data_confirmed"), [
    "0 connected server:4000 60 65 true",
    "0 phase connecting data 0",
    "0 data_sent 1 19",
    "14 data_confirmed 1 14",
    "5000 data_sent 2 19",
    "5014 data_confirmed 2 14",
    "10000 data_sent 3 19",
    "10014 data_confirmed 3 14",
  ]);
});

Deno.test("an original session takes confirmations that are cut, at every place, or glued", async () => {
  const { clock, ends, recorder } = await stageOriginalClient();
  for (let at = 1; at < TEXT.reply.length; at++) {
    await ends[0]!.say(TEXT.reply.slice(0, at));
    assertEquals(recorder.all("data_confirmed").length, at - 1);
    await ends[0]!.say(TEXT.reply.slice(at));
    assertEquals(recorder.all("data_confirmed").length, at);
    await clock.advance(5_000);
  }
  // One message cut in two by the network gets two confirmations; it is confirmed once.
  await ends[0]!.say(TEXT.reply.repeat(2));
  assertEquals(recorder.all("data_confirmed").length, TEXT.reply.length);
  assertEquals(recorder.all("terminated"), []);
});

Deno.test("an original session is silent data_threshold after unconfirmed data, not before", async () => {
  const { clock, ends, recorder } = await stageSilence();
  await clock.advance(34_999);
  assertEquals([recorder.all("phase").length, ends.length], [1, 1]);
  await clock.advance(1);
  assertEquals(recorder.story("phase", "heartbeat_sent", "heartbeat_answered").slice(1), [
    "35000 phase data heartbeat 20000",
    "35000 heartbeat_sent 1",
    "35000 heartbeat_answered 1 0",
  ]);
  assertEquals(ends[0]!.over, "35000 closed");
  assertEquals(ends[1]!.heard, [`35000 ${TEXT.heartbeat}`]);
});

Deno.test("heartbeats go out heart_beat_interval after each answer, for ever", async () => {
  const stage = await stageSilence({ latency_ms: 20 });
  const { clock, ends, listens, recorder } = stage;
  await clock.advance(35_041);
  // The original server takes one connection for heartbeats, and listens no more.
  listens(false);
  await clock.advance(3_600_000);
  assertEquals(ends[1]!.heard.slice(0, 3).map((each) => parseInt(each)), [35_020, 40_060, 45_100]);
  assertEquals(recorder.story("heartbeat_answered")[1], "40080 heartbeat_answered 2 40");
  assertEquals(recorder.all("heartbeat_missed"), []);
  assertEquals(recorder.all("terminated"), []);
});

Deno.test("an original server that answers no heartbeats is dead as predicted", async () => {
  const stage = await stageSilence({ echoes: 0 });
  const { clock, ends, recorder, status } = stage;
  await assertEventAfter({ clock, recorder }, 75_000, "terminated");
  assertEquals(recorder.story("heartbeat_missed"), [
    "45000 heartbeat_missed 1 1 3",
    "55000 heartbeat_missed 2 2 2",
    "65000 heartbeat_missed 3 3 1",
    "75000 heartbeat_missed 4 4 0",
  ]);
  assertEquals(closeReason(stage), {
    ...DEAD,
    at_ms: 75_000,
    detected_after_ms: 60_000,
    detected_since: "first_unconfirmed_data_sent",
    predicted_ms: 60_000,
  });
  assertEquals([await status, ends[1]!.over, clock.pending], [1, "75000 closed", 0]);
  const { confirmed_up_to, in_doubt, silences } = recorder.one("summary");
  assertEquals([confirmed_up_to, in_doubt, silences], [3, [[4, 4]], 1]);
});

Deno.test("an original server that ceases to answer dies from the first heartbeat it missed", async () => {
  const stage = await stageSilence({ echoes: 3 });
  stage.clock.after(35_001, () => stage.listens(false));
  await stage.clock.advance(90_000);
  assertEquals(closeReason(stage), {
    ...DEAD,
    at_ms: 90_000,
    detected_after_ms: 40_000,
    detected_since: "first_unanswered_heartbeat_sent",
    predicted_ms: 40_000,
  });
});

Deno.test("a late echo saves, and gives no round trip", async () => {
  const { clock, ends, recorder } = await stageSilence({ echoes: 0 });
  await clock.advance(45_500);
  await ends[1]!.say(TEXT.heartbeat);
  assertEquals(recorder.story("heartbeat_missed", "heartbeat_answered"), [
    "45000 heartbeat_missed 1 1 3",
    "45500 heartbeat_answered 2  1",
  ]);
});

Deno.test("the second connection is dialled until the server listens, and waits no 5 s", async () => {
  const { clock, ends, listens, recorder } = await stageSilence();
  await clock.advance(34_000);
  listens(false);
  await clock.advance(11_600);
  listens(true);
  await clock.advance(150);
  // One connection, for the newest of its heartbeats; the data that is offered then is another's.
  const heard = ends.slice(1).map(({ heard }) => heard);
  assertEquals(heard, [[`45750 ${TEXT.heartbeat}`], [`45750 ${TEXT.data}`]]);
  assertEquals(recorder.story("heartbeat_missed", "heartbeat_answered"), [
    "45000 heartbeat_missed 1 1 3",
    "45750 heartbeat_answered 2 750 1",
  ]);
});

Deno.test("a second connection that came too early is made again, and the heartbeat with it", async () => {
  const { clock, ends, recorder } = await stageSilence({ echoes: 0 });
  await clock.advance(35_100);
  ends[1]!.path.reset();
  await clock.advance(250);
  assertEquals(ends[2]!.heard, [`35350 ${TEXT.heartbeat}`]);
  await ends[2]!.say(TEXT.heartbeat);
  assertEquals(recorder.story("heartbeat_missed", "heartbeat_answered"), [
    "35350 heartbeat_answered 1 350",
  ]);
});

Deno.test("a server that closes the data connection is asked for heartbeats at once", async () => {
  const stage = await stageOriginalClient({ answer: asOriginal, latency_ms: 20 });
  const { clock, ends, listens, recorder } = stage;
  await clock.advance(5_980);
  listens(false);
  await ends[0]!.hangUp();
  await clock.advance(20);
  assertEquals(recorder.story("phase", "notice", "heartbeat_sent").slice(1), [
    "6000 notice warning the server has closed the data connection",
    "6000 phase data heartbeat 960 true",
    "6000 heartbeat_sent 1",
  ]);
  await clock.advance(40_000);
  assertEquals(closeReason(stage), {
    at_ms: 46_000,
    by: "peer",
    reason: "closed",
    text: "and answered no heartbeats",
    detected_after_ms: 40_960,
    detected_since: "last_sign_of_life",
    predicted_ms: 60_000,
  });
});

Deno.test("a server that closed, and whose heartbeats cease, is dead from the first one missed", async () => {
  let left = 2;
  const answer = (text: string, number: number) =>
    number === 0 ? TEXT.reply : text === TEXT.heartbeat && left-- > 0 ? text : undefined;
  const stage = await stageOriginalClient({ answer });
  await stage.clock.advance(6_000);
  await stage.ends[0]!.hangUp();
  stage.clock.after(1, () => stage.listens(false));
  await stage.clock.advance(1_000_000);
  const { by, reason, detected_since } = closeReason(stage);
  assertEquals([by, reason, detected_since], ["self", "silent", "first_unanswered_heartbeat_sent"]);
});

Deno.test("a server that resets the data connection has lost the session at once", async () => {
  const stage = await stageOriginalClient({ answer: asOriginal });
  await stage.clock.advance(6_000);
  stage.ends[0]!.path.reset();
  await stage.clock.advance(0);
  const { at_ms, by, reason } = closeReason(stage);
  assertEquals({ at_ms, by, reason }, { at_ms: 6_000, by: "network", reason: "reset" });
  assertEquals([await stage.status, stage.clock.pending], [1, 0]);
});

Deno.test("a stall of the client gives an original server its full time once more", async () => {
  const { clock, recorder } = await stageSilence();
  await clock.advance(20_000);
  clock.stall(30_000);
  await clock.advance(19_999);
  assertEquals(recorder.story("local_stall"), ["50000 local_stall 15000 stopped"]);
  assertEquals(recorder.all("phase").length, 1);
  await clock.advance(1);
  assertEquals(recorder.story("phase").at(-1), "70000 phase data heartbeat 55000");
});

Deno.test("a server that takes data for heartbeats has it all the same, and is told of", async () => {
  const stage = await stageOriginalClient({ answer: (text) => text });
  const { clock, recorder } = stage;
  await clock.advance(12_000);
  assertEquals(recorder.all("data_confirmed").map(({ seq }) => seq), [1, 2, 3]);
  assertEquals(recorder.one("notice").level, "warning");
  assertMatch(recorder.one("notice").text, /echoes data: .* second connection; restart it$/);
});

for (
  const [what, at_ms, says] of [
    ["no message at all", 0, "nonsense"],
    ["an echo where data is due", 0, TEXT.heartbeat],
    ["data where an echo is due", 36_000, TEXT.data],
  ] as const
) {
  Deno.test(`an original server that says ${what} breaks the protocol`, async () => {
    const stage = await stageSilence();
    await stage.clock.advance(at_ms);
    await stage.ends[at_ms === 0 ? 0 : 1]!.say(says);
    const { by, reason, text } = closeReason(stage);
    assertEquals([by, reason], ["self", "protocol"]);
    assertMatch(text, new RegExp(`^"?${says}"? (from the server|is no message of the original)`));
    assertEquals([await stage.status, stage.clock.pending], [1, 0]);
  });
}

Deno.test("a client's connection that is not answered while it dials ends with the session", async () => {
  const stage = await stageSilence();
  await stage.clock.advance(34_000);
  stage.network.refuseWith = new TransportError("unanswered", "unanswered");
  await stage.clock.advance(41_000);
  assertEquals(closeReason(stage).at_ms, 75_000);
  assertEquals([await stage.status, stage.clock.pending], [1, 0]);
});
