/**
 * A client behind something that cuts idle connections: what it is told to set really keeps them open.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { IntervalSource, QueueSource } from "../../lib/client/source.ts";
import type { Timers } from "../../lib/session/timers.ts";
import {
  type Answering,
  type Dialled,
  remembering,
  stageDialling,
} from "../support/scripted_network.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

/** How long, in milliseconds, a connection may be idle on this path. */
const IDLE_LIMIT_MS = 12_000;

/** How often, in milliseconds, the path looks. */
const LOOK_MS = 100;

/** How long, in milliseconds, a test runs: many times as long as anything in it. */
const RUN_MS = 1_800_000;

/** How long, in milliseconds, there is no input in between. */
const INPUT_MS = 50_000;

interface Run {
  /** How many connections were cut. */
  cuts: number;
  /** What was concluded last. */
  conclusion: string | undefined;
}

/** What the path does with an idle connection. */
type Forgets = (dialled: Dialled) => unknown;

const closes: Forgets = ({ peer }) => peer.hangUp();
const drops: Forgets = ({ path }) => path.silence("to_server", "to_client");

/** Runs a client that sends its input, or a message at an interval, with these timers. */
async function run(
  kind: "input" | "interval",
  changed: Partial<Timers>,
  forgets: Forgets = closes,
): Promise<Run> {
  const timers = { ...DEFAULT_TIMERS, ...changed };
  const payload = new TextEncoder().encode("x");
  const input = new QueueSource();
  const source = kind === "input" ? input : new IntervalSource(payload, timers.data_interval_ms);
  let traffic_ms = 0;
  const data = remembering();
  const answer: Answering = (line) => {
    traffic_ms = clock.now();
    const n = /^HEARTBEAT (\d+)/.exec(line)?.[1];
    return n === undefined ? data(line) : `HEARTBEAT_REPLY ${n}\n`;
  };
  const { client, clock, network, recorder, status } = stageDialling([answer], { source, timers });
  for (let at_ms = 0; at_ms < RUN_MS; at_ms += LOOK_MS) {
    if (kind === "input" && at_ms % INPUT_MS === 0) input.put(payload);
    await clock.advance(LOOK_MS);
    if (clock.now() - traffic_ms >= IDLE_LIMIT_MS) await forgets(network.last);
  }
  client.stop("done");
  await clock.advance(1_000);
  assertEquals(await status, 0);
  const notices = recorder.all("notice").map(({ text }) => text);
  return { cuts: recorder.all("disconnected").length, conclusion: notices.at(-1) };
}

Deno.test("a client whose idle connections are cut is told of a data_interval that keeps them open", async () => {
  const before = await run("interval", { data_interval_ms: 15_000 });
  assertMatch(
    before.conclusion!,
    /^cut 100 times, each 12 s after the last traffic: something on the path closes idle connections; a data_interval below 9\.6 s keeps them open$/,
  );
  assertEquals(await run("interval", { data_interval_ms: 9_600 }), NO_CUTS);
});

Deno.test("a client that sends its input is told of timers that keep its connections open without any", async () => {
  const before = await run("input", {});
  assertMatch(
    before.conclusion!,
    /^cut \d+ times, each 12 s after the last traffic: something on the path closes idle connections; a data_threshold and a heart_beat_interval below 9\.6 s keep them open, by heartbeats while there is no input$/,
  );
  const [data_threshold_ms, heart_beat_interval_ms] = [9_600, 9_600];
  assertEquals(await run("input", { data_threshold_ms, heart_beat_interval_ms }), NO_CUTS);
  // Neither does it alone, nor a data interval, which such a client does not have.
  const others = [
    { data_threshold_ms, heart_beat_interval_ms: 13_000 },
    { heart_beat_interval_ms },
    { data_interval_ms: 1_000 },
  ];
  for (const each of others) assertEquals((await run("input", each)).cuts > 10, true);
});

Deno.test("a client whose idle connections are dropped without a sign is told so, and what helps", async () => {
  const changed = { data_threshold_ms: 60_000, heart_beat_additional_tries: 0 };
  const before = await run("interval", { ...changed, data_interval_ms: 30_000 }, drops);
  assertMatch(
    before.conclusion!,
    /^lost \d+ times, each at the first traffic after a pause of 30 s: something on the path forgets connections that are idle so long, or less long; a data_interval far below that keeps them open$/,
  );
  assertEquals(await run("interval", { ...changed, data_interval_ms: 8_000 }, drops), NO_CUTS);
});

const NO_CUTS: Run = { cuts: 0, conclusion: undefined };
