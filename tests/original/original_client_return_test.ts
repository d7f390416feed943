/**
 * How a client of an original server resumes data, and how its session ends when one side ends it.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { ORIGINAL_TEXT as TEXT } from "../../lib/original/wire.ts";
import { stageOriginalClient } from "../support/original_stage.ts";

type Options = Parameters<typeof stageOriginalClient>[0];

/** Confirms data on every connection, and echoes heartbeats on every connection. */
const asWilling = (text: string) => text === TEXT.data ? TEXT.reply : text;

/** A client that is silent at 20 s, because nothing answers it on its first connection. */
function stageSilence(options: Options = {}) {
  const answer = (text: string, number: number, at_ms: number) => {
    if (number === 0) return undefined;
    return options.answer ? options.answer(text, number, at_ms) : asWilling(text);
  };
  return stageOriginalClient({ ...options, answer });
}

Deno.test("a server that takes data again gets the unconfirmed message at once, then the next", async () => {
  const { clock, ends, recorder } = await stageSilence({ latency_ms: 10 });
  await clock.advance(30_000);
  assertEquals(recorder.story("phase", "data_sent", "data_confirmed"), [
    "0 phase connecting data 0",
    "0 data_sent 1 19",
    "20000 phase data heartbeat 20000",
    "20020 data_sent 1 19",
    "20040 data_confirmed 1 20",
    "20040 phase heartbeat data 20040",
    "25020 data_sent 2 19",
    "25040 data_confirmed 2 20",
  ]);
  assertEquals(ends.map(({ heard }) => heard), [
    [`10 ${TEXT.data}`],
    [`20010 ${TEXT.heartbeat}`],
    [`20030 ${TEXT.data}`, `25030 ${TEXT.data}`],
  ]);
  assertEquals([ends[0]!.over, ends[1]!.over], ["20010 closed", "20050 closed"]);
});

Deno.test("a server that closed after it had confirmed all gets the next message", async () => {
  const { clock, ends, recorder } = await stageOriginalClient({ answer: asWilling });
  await clock.advance(6_000);
  await ends[0]!.hangUp();
  await clock.advance(0);
  assertEquals(recorder.story("phase", "data_sent", "data_confirmed").slice(5), [
    "6000 phase data heartbeat 1000 true",
    "6000 data_sent 3 19",
    "6000 data_confirmed 3 0",
    "6000 phase heartbeat data 1000",
  ]);
  await clock.advance(5_000);
  assertEquals(recorder.story("data_sent").at(-1), "11000 data_sent 4 19");
});

Deno.test("data is offered after each answered heartbeat, until the server takes it", async () => {
  const { clock, ends, listens, recorder } = await stageSilence({ latency_ms: 10 });
  await clock.advance(20_001);
  // The second connection is made, and the server listens no more.
  listens(false);
  await clock.advance(13_000);
  assertEquals([ends.length, recorder.all("heartbeat_answered").length], [2, 3]);
  listens(true);
  await clock.advance(5_000);
  assertEquals(ends[2]!.heard, [`35090 ${TEXT.data}`]);
  assertEquals(recorder.story("phase").at(-1), "35100 phase heartbeat data 35100");
});

Deno.test("an offer of data that is not taken is made again after the next answer", async () => {
  const answer = (text: string) => text === TEXT.heartbeat ? text : undefined;
  const { clock, ends, recorder } = await stageSilence({ answer });
  await clock.advance(30_000);
  assertEquals(ends.length, 3, "one offer, as long as it is not turned down");
  assertEquals(ends[2]!.heard, [`20000 ${TEXT.data}`]);
  ends[2]!.path.reset();
  await clock.advance(5_000);
  assertEquals(ends[3]!.heard, [`35000 ${TEXT.data}`]);
  await ends[3]!.say(TEXT.reply);
  assertEquals(recorder.story("phase").at(-1), "35000 phase heartbeat data 35000");
});

Deno.test("a new original server takes the second connection for data, and is given data on it", async () => {
  const { clock, ends, recorder } = await stageSilence({ answer: () => TEXT.reply });
  await clock.advance(25_000);
  assertEquals(ends[1]!.heard, [
    `20000 ${TEXT.heartbeat}`,
    `20000 ${TEXT.data}`,
    `25000 ${TEXT.data}`,
  ]);
  assertEquals(recorder.story("phase", "data_confirmed").slice(2), [
    "20000 data_confirmed 1 0",
    "20000 phase heartbeat data 20000",
    "25000 data_confirmed 2 0",
  ]);
  assertMatch(recorder.one("notice").text, /restarted, and takes the second connection for data/);
  assertEquals([ends.length, ends[1]!.over, recorder.all("terminated")], [2, undefined, []]);
});

for (
  const [what, says, at_ms, reason, status] of [
    ["its first word", [TEXT.terminate], 0, "refused", 4],
    ["a later word", [TEXT.reply, TEXT.terminate], 0, "shutdown", 1],
    ["a word glued to a confirmation", [TEXT.reply + TEXT.terminate], 0, "shutdown", 1],
    ["a word that is cut", [TEXT.reply, "TERM", "INATE"], 0, "shutdown", 1],
    ["an answer to a heartbeat", [TEXT.terminate], 20_000, "refused", 4],
  ] as const
) {
  Deno.test(`TERMINATE as ${what} ends a session in order: ${reason}`, async () => {
    const { clock, ends, recorder, status: ended } = await stageSilence({
      answer: () => undefined,
    });
    await clock.advance(at_ms);
    for (const each of says) await ends.at(-1)!.say(each);
    const end = recorder.one("terminated");
    assertEquals([end.by, end.reason, await ended], ["peer", reason, status]);
    assertEquals([ends.at(-1)!.over, clock.pending], [`${at_ms} closed`, 0]);
  });
}

Deno.test("--count ends a session when so many are confirmed, through a silence too", async () => {
  const { clock, ends, recorder, status } = await stageSilence({ count: 2 });
  await clock.advance(25_000);
  assertEquals([recorder.one("terminated").reason, await status], ["done", 0]);
  const { data_sent, data_confirmed, in_doubt } = recorder.one("summary");
  assertEquals([data_sent, data_confirmed, in_doubt], [2, 2, []]);
  assertEquals([ends[2]!.over, clock.pending], ["25000 closed", 0]);
});

Deno.test("stopping the client closes its connections, in any phase, and leaves nothing", async () => {
  for (const at_ms of [0, 1_000, 20_000, 20_100, 22_000]) {
    const { clock, ends, listens, client, recorder, status } = await stageSilence();
    // At 20 s it cannot connect, and dials again and again.
    listens(at_ms !== 20_100);
    await clock.advance(at_ms);
    client.stop("shutdown");
    await clock.advance(0);
    assertEquals([recorder.one("terminated").reason, await status], ["shutdown", 0]);
    assertEquals(ends.filter(({ over }) => over === undefined), [], `stopped at ${at_ms}`);
    assertEquals(clock.pending, 0, `stopped at ${at_ms}`);
  }
});
