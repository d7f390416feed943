/**
 * The heartbeat phase, on both sides alike, to the millisecond.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { assertEventAfter } from "../support/instants.ts";
import { type Stage, stageClient, type StageOptions, stageServer } from "../support/stage.ts";
import type { Session } from "../../lib/session/session.ts";

/** Both sides: how to bring one to silence at 20 s, and the data that ends the silence. */
const SIDES = [
  { side: "client", stage: stageClient, data: "CONFIRM 1\n" },
  { side: "server", stage: stageServer, data: "DATA 1 1\nx\n" },
] as const;

type Staged = Stage<Session>;

function onBothSides(
  what: string,
  test: (silent: (options?: StageOptions) => Promise<Staged>, data: string) => Promise<void>,
) {
  for (const { side, stage, data } of SIDES) {
    const silent = async (options?: StageOptions) => {
      const staged: Staged = await stage(options);
      await staged.clock.advance(20_000);
      return staged;
    };
    Deno.test(`heartbeatLoop() at the ${side} ${what}`, () => test(silent, data));
  }
}

/** Answers every heartbeat after so many milliseconds. */
function answering({ clock, peer }: Staged, delay_ms: number): void {
  const answer = (line: string) => {
    const n = line.match(/^HEARTBEAT (\d+)/)?.[1];
    if (n) clock.after(delay_ms, () => peer.say(`HEARTBEAT_REPLY ${n}\n`));
    return undefined;
  };
  peer.heard.forEach((line) => answer(line.split(" ").slice(1).join(" ")));
  peer.answer = answer;
}

onBothSides("sends the first heartbeat in the instant of silence", async (silent) => {
  const { recorder } = await silent();
  assertEquals(recorder.story("phase", "heartbeat_sent").slice(-2), [
    "20000 phase data heartbeat 20000",
    "20000 heartbeat_sent 1",
  ]);
});

onBothSides("sends the next one heart_beat_interval after an answer", async (silent) => {
  const staged = await silent();
  answering(staged, 40);
  await staged.clock.advance(12_000);
  assertEquals(staged.recorder.story("heartbeat_sent", "heartbeat_answered", "heartbeat_missed"), [
    "20000 heartbeat_sent 1",
    "20040 heartbeat_answered 1 40",
    "25040 heartbeat_sent 2",
    "25080 heartbeat_answered 2 40",
    "30080 heartbeat_sent 3",
    "30120 heartbeat_answered 3 40",
  ]);
});

onBothSides("goes on for ever while heartbeats are answered", async (silent) => {
  const staged = await silent();
  answering(staged, 0);
  await staged.clock.advance(3_600_000);
  assertEquals(staged.recorder.all("terminated"), []);
  assertEquals(staged.recorder.all("heartbeat_answered").length, 721);
});

onBothSides("takes a reply in the very instant of its deadline for an answer", async (silent) => {
  const staged = await silent();
  answering(staged, 10_000);
  await staged.clock.advance(10_000);
  assertEquals(staged.recorder.all("heartbeat_missed"), []);
  assertEquals(staged.recorder.one("heartbeat_answered").at_ms, 30_000);
});

onBothSides(
  "counts a miss when a reply is a millisecond late, and is saved by it",
  async (silent) => {
    const staged = await silent();
    answering(staged, 10_001);
    await staged.clock.advance(10_001);
    const story = staged.recorder.story("heartbeat_sent", "heartbeat_answered", "heartbeat_missed");
    assertEquals(story, [
      "20000 heartbeat_sent 1",
      "30000 heartbeat_missed 1 1 3",
      "30000 heartbeat_sent 2",
      "30001 heartbeat_answered 2  1",
    ]);
  },
);

onBothSides(
  "is saved by a late reply to the first heartbeat at the last moment",
  async (silent) => {
    const { clock, peer, recorder } = await silent();
    await clock.advance(39_999);
    await peer.say("HEARTBEAT_REPLY 1\n");
    await clock.advance(1);
    assertEquals(recorder.all("terminated"), []);
    assertEquals(recorder.all("heartbeat_missed").length, 3);
    assertEquals(recorder.one("heartbeat_answered").n, 4);
  },
);

onBothSides("counts misses in a row only", async (silent) => {
  const { clock, peer, recorder } = await silent();
  await clock.advance(35_000);
  await peer.say("HEARTBEAT_REPLY 4\n");
  await assertEventAfter({ clock, recorder }, 45_000, "terminated");
  const { at_ms, detected_after_ms, detected_since, predicted_ms } = recorder.one("terminated");
  assertEquals([at_ms, detected_after_ms, predicted_ms], [100_000, 40_000, 40_000]);
  assertEquals(detected_since, "first_unanswered_heartbeat_sent");
  assertEquals(recorder.all("heartbeat_missed").map((each) => each.missed), [1, 2, 3, 1, 2, 3, 4]);
});

onBothSides(
  "declares no death before its prediction, however late a heartbeat goes out",
  async (silent) => {
    const { clock, peer, recorder } = await silent();
    await peer.say("HEARTBEAT_REPLY 1\n");
    await clock.advance(4_995);
    clock.stall(13);
    await clock.advance(50_000);
    const { detected_after_ms, predicted_ms } = recorder.one("terminated");
    assertEquals([detected_after_ms, predicted_ms], [40_000, 40_000]);
  },
);

onBothSides("takes the peer's own heartbeat for a sign of life, and answers it", async (silent) => {
  const { clock, peer, recorder } = await silent();
  await clock.advance(9_000);
  await peer.say("HEARTBEAT 7\n");
  await clock.advance(1_000);
  assertEquals(recorder.all("heartbeat_missed"), []);
  assertEquals(recorder.one("heartbeat_answered").rtt_ms, null);
  assertEquals(peer.heard.at(-1), "29000 HEARTBEAT_REPLY 7");
});

onBothSides("takes no unfinished frame for a sign of life", async (silent) => {
  const { clock, peer, recorder } = await silent();
  await clock.advance(9_000);
  await peer.say("HEARTBEAT_REPLY 1");
  await clock.advance(1_000);
  assertEquals(recorder.all("heartbeat_missed").length, 1);
  await peer.say("\n");
  assertEquals(recorder.one("heartbeat_answered").n, 2);
});

onBothSides("ends when data is heard while a heartbeat is unanswered", async (silent, data) => {
  const { clock, peer, recorder } = await silent();
  await clock.advance(14_321);
  await peer.say(data);
  assertEquals(recorder.story("phase").at(-1), "34321 phase heartbeat data 34321");
  assertEquals(recorder.all("heartbeat_answered"), [], "data is not reported as an answer");
});

onBothSides("ends when data is heard between two heartbeats", async (silent, data) => {
  const staged = await silent();
  answering(staged, 10);
  await staged.clock.advance(2_000);
  await staged.peer.say(data);
  assertEquals(staged.recorder.story("phase").at(-1), "22000 phase heartbeat data 22000");
  const { longest_silence_ms, silences } = staged.session.ledger.summary(0);
  assertEquals([longest_silence_ms, silences], [22_000, 1]);
});

onBothSides("ends when data is heard in the instant of death", async (silent, data) => {
  const { clock, peer, recorder } = await silent();
  clock.after(40_000, () => peer.say(data));
  await clock.advance(40_000);
  assertEquals(recorder.all("terminated"), []);
  assertEquals(recorder.story("phase").at(-1), "60000 phase heartbeat data 60000");
});

onBothSides(
  "declares death after the first miss when there are no further tries",
  async (silent) => {
    const { clock, recorder } = await silent({ timers: { heart_beat_additional_tries: 0 } });
    await assertEventAfter({ clock, recorder }, 10_000, "30000 terminated");
    assertEquals(recorder.one("terminated").predicted_ms, 30_000);
  },
);

onBothSides("numbers its heartbeats on through a second silence", async (silent, data) => {
  const { clock, peer, recorder } = await silent();
  await peer.say("HEARTBEAT_REPLY 1\n");
  await peer.say(data);
  await clock.advance(20_000);
  assertEquals(recorder.story("phase", "heartbeat_sent").slice(-2), [
    "40000 phase data heartbeat 20000",
    "40000 heartbeat_sent 2",
  ]);
});
