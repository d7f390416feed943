/**
 * A session whose host is suspended, and one whose wall clock is stepped, on the virtual clock.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { eventText } from "../../lib/output/event_text.ts";
import { DEFAULT_TIMERS, stageClient, stageServer } from "../support/stage.ts";
import { assertEventAfter } from "../support/instants.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";

const SIDES = [["client", stageClient], ["server", stageServer]] as const;

for (const [side, stage] of SIDES) {
  for (const ms of [3_000, 3_600_000]) {
    Deno.test(`a ${side} whose host was suspended for ${ms} ms gives data its full time once more`, async () => {
      const { clock, recorder, session } = await stage();
      await clock.advance(15_000);
      clock.suspend(ms);
      await clock.advance(5_000 + 19_999);
      assertEquals(recorder.story("local_stall", "phase"), [
        "0 phase connecting data 0",
        `${20_000 + ms} local_stall ${ms} suspended`,
      ]);
      await clock.advance(1);
      const silent_ms = 40_000 + ms;
      assertEquals(
        recorder.story("phase").at(-1),
        `${silent_ms} phase data heartbeat ${silent_ms}`,
      );
      assertEquals(session.ledger.summary(0).local_stalls, 1);
    });

    Deno.test(`a suspension of the ${side} for ${ms} ms costs no heartbeat, and death comes a full time later`, async () => {
      const { clock, recorder } = await stage();
      await clock.advance(55_000);
      clock.suspend(ms);
      await clock.advance(5_000);
      assertEquals(recorder.all("heartbeat_missed").length, 3);
      assertEquals(recorder.story("local_stall"), [
        `${60_000 + ms} local_stall ${ms} suspended`,
      ]);
      await assertEventAfter({ clock, recorder }, 10_000, `${70_000 + ms} terminated`);
      const { detected_after_ms, suspended_ms } = recorder.one("terminated");
      assertEquals([detected_after_ms, suspended_ms], [70_000 + ms, ms]);
    });
  }

  for (const how of ["reset", "closed"] as const) {
    Deno.test(`a ${side} that wakes to a connection ${how} says first that it was suspended`, async () => {
      const { clock, path, peer, recorder } = await stage();
      await clock.advance(800);
      clock.suspend(10_200);
      if (how === "reset") path.reset();
      else await peer.hangUp();
      await clock.advance(0);
      assertEquals(
        recorder.story("local_stall", "phase", "terminated").slice(1).map((line) =>
          line.split(" ").slice(0, 4).join(" ")
        ),
        [
          "11000 local_stall 10200 suspended",
          "11000 phase data terminated",
          `11000 terminated ${how === "reset" ? "network" : "peer"} ${how}`,
        ],
      );
      const end = recorder.one("terminated");
      const { detected_after_ms, silent_ms, suspended_ms } = end;
      assertEquals([detected_after_ms, silent_ms, suspended_ms], [11_000, 11_000, 10_200]);
      assertStringIncludes(
        eventText(end, side, DEFAULT_TIMERS)!.text,
        "(this host was suspended for 10.200 s since the last sign of life)",
      );
    });
  }

  Deno.test(`a ${side} that wakes to the peer's TERMINATE says first that it was suspended`, async () => {
    const { clock, peer, recorder } = await stage();
    await clock.advance(800);
    clock.suspend(70_000);
    await peer.say("HEARTBEAT 1\nTERMINATE silent\n");
    assertEquals(recorder.story("local_stall"), ["70800 local_stall 70000 suspended"]);
    const [first] = recorder.events.filter((each) => each.at_ms > 800);
    assertEquals(first?.event, "local_stall");
    const end = recorder.one("terminated");
    assertEquals([end.suspended_ms, end.stalled_ms], [70_000, undefined]);
    assertStringIncludes(
      eventText(end, side, DEFAULT_TIMERS)!.text,
      "did this process or its host",
    );
  });

  Deno.test(`a ${side} that was stopped says so when the peer has declared it dead meanwhile`, async () => {
    const { clock, peer, recorder } = await stage();
    await clock.advance(15_000);
    clock.stall(70_000);
    await clock.advance(0);
    assertEquals(recorder.all("local_stall").map(({ kind }) => kind), ["stopped"]);
    await peer.say("HEARTBEAT 1\nTERMINATE silent\n");
    const { stalled_ms, suspended_ms } = recorder.one("terminated");
    assertEquals([stalled_ms, suspended_ms], [recorder.one("local_stall").ms, undefined]);
  });

  Deno.test(`a ${side} blames no stall of before for what its peer declares later`, async () => {
    const { clock, peer, recorder } = await stage();
    await clock.advance(15_000);
    clock.stall(70_000);
    await clock.advance(1_000);
    await peer.say("TERMINATE silent\n");
    assertEquals(recorder.one("terminated").stalled_ms, undefined);
  });

  Deno.test(`a ${side} with a deadline far ahead says with the next frame that it was suspended`, async () => {
    const timers = { data_threshold_ms: 3_600_000, data_interval_ms: 3_500_000 };
    const { clock, peer, recorder } = await stage({ timers });
    await clock.advance(1_000);
    clock.suspend(5_000);
    await clock.advance(10_000);
    await peer.say("HEARTBEAT 1\n");
    await peer.say("HEARTBEAT 2\n");
    assertEquals(recorder.story("local_stall"), ["16000 local_stall 5000 suspended"]);
    assertEquals(recorder.all("phase").length, 1);
    await clock.advance(3_599_999);
    assertEquals(recorder.all("phase").length, 1);
    await clock.advance(1);
    assertEquals(recorder.all("phase").length, 2);
  });

  Deno.test(`a ${side} whose suspension cannot be known goes by the monotonic clock, and claims none`, async () => {
    const { clock, recorder } = await stage();
    clock.mayReadUptime = false;
    await clock.advance(15_000);
    clock.suspend(60_000);
    await clock.advance(5_000);
    assertEquals(recorder.story("local_stall", "phase"), [
      "0 phase connecting data 0",
      "20000 phase data heartbeat 20000",
    ]);
  });

  Deno.test(`a ${side} that is stopped while its host runs is not suspended, and the other way round`, async () => {
    const { clock, recorder } = await stage();
    await clock.advance(15_000);
    clock.stall(30_000);
    await clock.advance(15_000);
    clock.suspend(30_000);
    await clock.advance(5_000);
    assertEquals(recorder.story("local_stall"), [
      "45000 local_stall 25000 stopped",
      "95000 local_stall 30000 suspended",
    ]);
  });

  const STEPS: [what: string, step: (clock: VirtualClock) => Promise<void>][] = [
    ["forwards", (clock) => steps(clock, [3_600_000])],
    ["backwards", (clock) => steps(clock, [-3_600_000])],
    ["forwards and back", (clock) => steps(clock, [30_000, -30_000, 1_500, -1_500])],
    ["by small steps", (clock) => steps(clock, new Array(50).fill(40))],
  ];
  for (const [what, step] of STEPS) {
    Deno.test(`a wall clock that is stepped ${what} changes nothing at the ${side}`, async () => {
      const { clock, recorder } = await stage();
      await step(clock);
      assertEquals(clock.now(), 10_000);
      await clock.advance(10_000);
      assertEquals(recorder.story("local_stall", "phase"), [
        "0 phase connecting data 0",
        "20000 phase data heartbeat 20000",
      ]);
      await assertEventAfter({ clock, recorder }, 40_000, "60000 terminated");
      assertEquals(recorder.all("local_stall"), []);
    });
  }
}

/** Steps the wall clock again and again in 10 s. */
async function steps(clock: VirtualClock, steps_ms: number[]): Promise<void> {
  for (const step_ms of steps_ms) {
    clock.stepWall(step_ms);
    await clock.advance(10_000 / steps_ms.length);
  }
}

Deno.test("a client suspended between two confirmed messages sends the next when it wakes, and no burst", async () => {
  const { clock, peer, recorder } = await stageClient();
  peer.answer = (line) => line.startsWith("DATA") ? `CONFIRM ${line.split(" ")[1]}\n` : undefined;
  await peer.say("CONFIRM 1\n");
  await clock.advance(1_000);
  clock.suspend(16_000);
  await peer.say("HEARTBEAT 1\n");
  await clock.advance(10_000);
  assertEquals(recorder.all("data_sent").map((each) => each.at_ms), [0, 17_000, 22_000, 27_000]);
  assertEquals(recorder.story("local_stall"), ["17000 local_stall 16000 suspended"]);
});

Deno.test("a server suspended between two messages hears the next when it wakes, and waits from then", async () => {
  const { clock, peer, recorder } = await stageServer();
  await clock.advance(15_000);
  clock.suspend(10_000);
  await peer.say("DATA 1 1\nx\n");
  assertEquals(recorder.story("local_stall", "data_received"), [
    "25000 local_stall 10000 suspended",
    "25000 data_received 1 1",
  ]);
  await clock.advance(20_000);
  assertEquals(recorder.story("phase").at(-1), "45000 phase data heartbeat 20000");
});

Deno.test("a suspension between answered heartbeats is told once, and costs none", async () => {
  const { clock, peer, recorder } = await stageServer();
  peer.answer = (line) =>
    line.startsWith("HEARTBEAT ") ? `HEARTBEAT_REPLY ${line.split(" ")[1]}\n` : undefined;
  await clock.advance(21_000);
  clock.suspend(60_000);
  await clock.advance(4_000);
  assertEquals(recorder.story("local_stall", "heartbeat_sent", "heartbeat_missed"), [
    "20000 heartbeat_sent 1",
    "85000 local_stall 60000 suspended",
    "85000 heartbeat_sent 2",
  ]);
});
