/**
 * The client's data phase, to the millisecond: several data messages in flight, and none for want of data.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { IntervalSource, QueueSource } from "../../lib/client/source.ts";
import { assertEventAfter } from "../support/instants.ts";
import { stageClient, stageUnopenedClient } from "../support/stage.ts";

/** A client with a data message every 5 s and this window. */
function stageWindow(window: number) {
  return stageClient({ source: new IntervalSource(new Uint8Array(1), 5_000), window });
}

/** Answers heartbeats, and nothing else. */
const echoing = (line: string) =>
  /^HEARTBEAT \d+$/.test(line) ? line.replace(" ", "_REPLY ") + "\n" : undefined;

/** A client that sends lines; the first ones are already there. */
async function stageLines(count: number, window = 3) {
  const source = new QueueSource();
  const put = (line: string) => void source.put(new TextEncoder().encode(line));
  for (let n = 1; n <= count; n++) put("x");
  return { ...await stageClient({ source, window }), source, put };
}

Deno.test("a window of 3: a message goes out every interval until 3 are in flight", async () => {
  const { clock, peer, recorder } = await stageWindow(3);
  await clock.advance(17_000);
  assertEquals(recorder.all("data_sent").map(({ at_ms }) => at_ms), [0, 5_000, 10_000]);
  await peer.say("CONFIRM 2\n");
  await clock.advance(10_000);
  // The delayed one goes out at once, and the grid starts anew with it.
  assertEquals(recorder.all("data_sent").slice(3).map(({ at_ms }) => at_ms), [17_000, 22_000]);
});

Deno.test("lines go out at once, as many as the window takes, and the next as it opens", async () => {
  const { clock, peer, recorder } = await stageLines(7);
  await clock.advance(40);
  await peer.say("CONFIRM 1\n");
  await clock.advance(10);
  await peer.say("CONFIRM 4\n");
  await clock.advance(0);
  assertEquals(recorder.story("data_sent", "data_confirmed"), [
    "0 data_sent 1 1",
    "0 data_sent 2 1",
    "0 data_sent 3 1",
    "40 data_confirmed 1 40",
    "40 data_sent 4 1",
    "50 data_confirmed 2 50",
    "50 data_confirmed 3 50",
    "50 data_confirmed 4 10",
    "50 data_sent 5 1",
    "50 data_sent 6 1",
    "50 data_sent 7 1",
  ]);
});

Deno.test("with several in flight, none of them confirmed, silence counts from the oldest", async () => {
  const { clock, recorder } = await stageWindow(3);
  await clock.advance(60_000);
  const { at_ms, detected_after_ms, detected_since, predicted_ms } = recorder.one("terminated");
  assertEquals(recorder.story("phase")[1], "20000 phase data heartbeat 20000");
  assertEquals([at_ms, detected_after_ms, predicted_ms], [60_000, 60_000, 60_000]);
  assertEquals(detected_since, "first_unconfirmed_data_sent");
});

Deno.test("with several in flight, a confirmation gives the others their full time from then", async () => {
  const { clock, peer, recorder } = await stageWindow(3);
  await clock.advance(19_000);
  await peer.say("CONFIRM 1\n");
  await assertEventAfter({ clock, recorder }, 20_000, "39000 phase data heartbeat 20000");
  await clock.advance(40_000);
  // What was measured is what was predicted.
  const { at_ms, detected_after_ms, predicted_ms } = recorder.one("terminated");
  assertEquals([at_ms, detected_after_ms, predicted_ms], [79_000, 60_000, 60_000]);
});

Deno.test("a confirmation of the oldest at the instant of its deadline is in time", async () => {
  const { clock, peer, recorder } = await stageWindow(3);
  clock.after(20_000, () => peer.say("CONFIRM 1\n"));
  await assertEventAfter({ clock, recorder }, 40_000, "40000 phase data heartbeat 20000");
});

Deno.test("in the heartbeat phase nothing new is sent, though the window has room", async () => {
  const { clock, peer, recorder } = await stageWindow(100);
  await clock.advance(20_000);
  peer.answer = echoing;
  const sent = recorder.all("data_sent").length;
  await clock.advance(100_000);
  assertEquals(recorder.all("data_sent").length, sent);
  assertEquals(recorder.story("phase").length, 2);
});

Deno.test("a silence that ends with others overdue is no stall of this process", async () => {
  const { clock, peer, recorder } = await stageLines(3);
  await clock.advance(20_000);
  assertEquals(recorder.story("phase").at(-1), "20000 phase data heartbeat 20000");
  await clock.advance(5_000);
  await peer.say("CONFIRM 1\n");
  await clock.advance(0);
  assertEquals(recorder.all("local_stall"), []);
  // What is overdue then has its full time from the end of the silence.
  await clock.advance(19_999);
  assertEquals(recorder.story("phase").slice(2), ["25000 phase heartbeat data 25000"]);
  await clock.advance(1);
  assertEquals(recorder.story("phase").at(-1), "45000 phase data heartbeat 20000");
  assertEquals(recorder.all("local_stall"), []);
});

Deno.test("a path that confirms slowly but steadily is never silent", async () => {
  const { clock, peer, recorder } = await stageLines(60, 60);
  for (let seq = 1; seq <= 60; seq++) {
    await clock.advance(19_000);
    await peer.say(`CONFIRM ${seq}\n`);
  }
  assertEquals(recorder.all("local_stall"), []);
  assertEquals(recorder.story("phase"), ["0 phase connecting data 0"]);
});

Deno.test("a stalled client with several in flight gives each its full time once more", async () => {
  const { clock, peer, recorder } = await stageWindow(3);
  await clock.advance(15_000);
  clock.stall(30_000);
  await clock.advance(0);
  assertEquals(recorder.one("local_stall").ms, 25_000);
  await clock.advance(19_999);
  assertEquals(recorder.story("phase").length, 1);
  await peer.say("CONFIRM 1\n");
  // The second was sent at 5,000; the time in which nothing ran does not count.
  await clock.advance(19_999);
  assertEquals(recorder.story("phase").length, 1);
  await clock.advance(2);
  assertEquals(recorder.story("phase").at(-1), "84999 phase data heartbeat 20000");
});

Deno.test("what is sent after a stall has its full time from when it was sent", async () => {
  const { clock, peer, recorder } = await stageWindow(3);
  await clock.advance(15_000);
  clock.stall(30_000);
  await clock.advance(1_000);
  await peer.say("CONFIRM 3\n");
  await assertEventAfter({ clock, recorder }, 20_000, "66000 phase data heartbeat 20000");
});

Deno.test("a client without a line falls silent data_threshold after the last confirmation", async () => {
  const { clock, peer, recorder } = await stageLines(1);
  await clock.advance(300);
  await peer.say("CONFIRM 1\n");
  await assertEventAfter({ clock, recorder }, 20_000, "20300 phase data heartbeat 20000 true");
});

Deno.test("a client that never had a line falls silent data_threshold after its WELCOME", async () => {
  const { clock, peer, recorder } = stageUnopenedClient({ source: new QueueSource(), window: 3 });
  await clock.advance(3_000);
  await peer.say("WELCOME 1 s {}\n");
  await assertEventAfter({ clock, recorder }, 20_000, "23000 phase data heartbeat 20000 true");
  await clock.advance(40_000);
  const { at_ms, detected_after_ms, detected_since } = recorder.one("terminated");
  assertEquals([at_ms, detected_after_ms, detected_since], [63_000, 60_000, "session_opened"]);
});

Deno.test("the summary counts no silence of a client that had nothing to send", async () => {
  const { clock, recorder, session } = await stageLines(0);
  await clock.advance(21_000);
  session.stop("done");
  await clock.advance(1_000);
  const { longest_silence_ms, silences } = recorder.one("summary");
  assertEquals([silences, longest_silence_ms], [0, 0]);
});

Deno.test("a client whose next message is due much later is not silent meanwhile", async () => {
  const source = new IntervalSource(new Uint8Array(1), 90_000);
  const { clock, peer, recorder } = await stageClient({ source, window: 1 });
  await peer.say("CONFIRM 1\n");
  await clock.advance(90_000);
  assertEquals(recorder.story("phase", "data_sent").slice(1), [
    "0 data_sent 1 1",
    "90000 data_sent 2 1",
  ]);
});

Deno.test("a stalled client without a line gives the server its full time once more", async () => {
  const { clock, recorder } = await stageLines(0);
  await clock.advance(5_000);
  clock.stall(60_000);
  await clock.advance(19_999);
  assertEquals([recorder.one("local_stall").ms, recorder.story("phase").length], [45_000, 1]);
  await clock.advance(1);
  assertEquals(recorder.story("phase").length, 2);
});

Deno.test("a line in the heartbeat phase goes out at once, and its confirmation ends the phase", async () => {
  const { clock, peer, put, recorder } = await stageLines(0);
  peer.answer = echoing;
  await clock.advance(31_000);
  put("late");
  await clock.advance(2_000);
  await peer.say("CONFIRM 1\n");
  await clock.advance(1_000);
  assertEquals(recorder.story("phase", "heartbeat_sent", "data_sent", "data_confirmed"), [
    "0 phase connecting data 0",
    "20000 phase data heartbeat 20000 true",
    "20000 heartbeat_sent 1",
    "25000 heartbeat_sent 2",
    "30000 heartbeat_sent 3",
    "31000 data_sent 1 4",
    "33000 data_confirmed 1 2000",
    "33000 phase heartbeat data 33000 true",
  ]);
  await assertEventAfter({ clock, recorder }, 19_000, "53000 phase data heartbeat 20000 true");
});

Deno.test("a line in the data phase goes out at once, and counts from then", async () => {
  const { clock, put, recorder } = await stageLines(0);
  await clock.advance(19_000);
  put("late");
  await clock.advance(0);
  assertEquals(recorder.one("data_sent").at_ms, 19_000);
  await assertEventAfter({ clock, recorder }, 20_000, "39000 phase data heartbeat 20000");
});

for (const [phase, at_ms] of [["data", 1_000], ["heartbeat", 31_000]] as const) {
  for (const failure of [undefined, "line 3 of stdin has more than 9 bytes"]) {
    const what = failure ? "that fails" : "that ends";
    Deno.test(`an input ${what} in the ${phase} phase ends the session when all is confirmed`, async () => {
      const { clock, ended, peer, recorder, source } = await stageLines(1);
      await peer.say("CONFIRM 1\n");
      peer.answer = echoing;
      await clock.advance(at_ms);
      source.end(failure);
      await clock.advance(0);
      const { at_ms: ended_ms, by, reason, text } = recorder.one("terminated");
      const expected = failure ? ["refused", failure] : ["done", ""];
      assertEquals([ended_ms, by, reason, text], [at_ms, "self", ...expected]);
      await clock.advance(500);
      await ended;
      assertEquals(recorder.one("summary").in_doubt, []);
    });
  }
}

Deno.test("an input that ends while lines are unconfirmed waits for their confirmation", async () => {
  const { clock, peer, recorder, source } = await stageLines(5);
  source.end();
  await clock.advance(1_000);
  await peer.say("CONFIRM 3\n");
  await clock.advance(1_000);
  await peer.say("CONFIRM 4\n");
  assertEquals(recorder.all("terminated"), []);
  await peer.say("CONFIRM 5\n");
  await clock.advance(0);
  const { at_ms, reason } = recorder.one("terminated");
  assertEquals([at_ms, reason, recorder.all("data_sent").length], [2_000, "done", 5]);
});
