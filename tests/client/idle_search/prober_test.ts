/**
 * The prober against real servers in memory, over a middlebox that forgets: each fate is told apart.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Prober } from "../../../lib/client/idle_search/prober.ts";
import type { FirstSpeaker, ProbeResult } from "../../../lib/client/idle_search/probe.ts";
import type { ServerOptions } from "../../../lib/server/options.ts";
import { ForgetfulNetwork, type Forgetting } from "../../support/forgetful_network.ts";
import { startPool } from "../../support/pool_stage.ts";
import { ADDRESS } from "../../support/server_options.ts";
import { DEFAULT_TIMERS } from "../../support/stage.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const TIMEOUT_MS = 20_000;

async function stage(options: Partial<ServerOptions> = {}, workers = 1) {
  const clock = new VirtualClock();
  const network = new ForgetfulNetwork(clock);
  const { recorder, server, status } = await startPool({ workers, clock, network, options });
  const prober = new Prober({
    ...{ address: ADDRESS, clock, transport: network, search: "q", timers: DEFAULT_TIMERS },
    ...{ maxMessageBytes: 1_000, random: (bytes) => void bytes.fill(7) },
  });
  let id = 0;
  /** Probes, and lets time pass until that is over. */
  const probe = async (first: FirstSpeaker, idle_ms: number): Promise<ProbeResult> => {
    let result: ProbeResult | undefined;
    prober.probe({ id: ++id, first, idle_ms }).then((found) => result = found);
    for (let limit = 0; result === undefined; limit++) {
      assert(limit < 1_000, "the probe did not end");
      await clock.advance(100);
    }
    return result;
  };
  /** Ends all, and finds nothing left. */
  const end = async () => {
    await clock.advance(10_000);
    await prober.closed();
    server.stop("done");
    await clock.advance(3_000);
    assertEquals(await status, 0);
    assertEquals(clock.pending, 0);
  };
  return { clock, end, network, prober, probe, recorder, server };
}

for (const first of ["client", "server"] as const) {
  Deno.test(`a session lives below the timeout: ${first} first`, async () => {
    const { end, network, probe } = await stage();
    network.memory = () => ({ timeout_ms: TIMEOUT_MS, how: "drop" });
    const { idled_ms, outcome, plan } = await probe(first, TIMEOUT_MS - 100);
    assertEquals(outcome, "alive");
    assert(Math.abs(idled_ms - plan.idle_ms) <= 20, `${idled_ms}`);
    await end();
  });

  const fates: [Forgetting, ProbeResult["outcome"]][] = [
    ["drop", "silent"],
    ["reset the speaker", first === "client" ? "reset_client" : "reset_server"],
    ["reset the other", first === "client" ? "reset_server" : "reset_client"],
    ["reset both", "reset_both"],
  ];
  for (const [how, fate] of fates) {
    for (const workers of [1, 2]) {
      Deno.test(`${how}, ${first} first, with ${workers} workers: ${fate}`, async () => {
        const { end, network, probe } = await stage({}, workers);
        network.memory = (speaker) =>
          speaker === first ? { timeout_ms: TIMEOUT_MS, how } : undefined;
        assertEquals((await probe(first, TIMEOUT_MS + 100)).outcome, fate);
        assertEquals((await probe(first, TIMEOUT_MS - 100)).outcome, "alive");
        await end();
      });
    }
  }

  Deno.test(`what ends in the idle time is told with its time: ${first} first`, async () => {
    const { clock, end, network, prober } = await stage();
    const plan = { id: 1, idle_ms: 60_000, first } as const;
    const [closing, resetting] = [prober.probe(plan), prober.probe({ ...plan, id: 2 })];
    await clock.advance(15_000);
    network.paths[0]!.client.finish();
    network.paths[0]!.server.finish();
    network.paths[1]!.reset();
    await clock.advance(1_000);
    const [closed, reset] = await Promise.all([closing, resetting]);
    assertEquals([closed.outcome, reset.outcome], ["closed", "reset_both"]);
    for (const { ended_after_ms } of [closed, reset]) {
      assert(Math.abs(ended_after_ms! - 15_000) < 100, `${ended_after_ms}`);
    }
    await end();
  });

  Deno.test(`a stall of this host voids what it touched: ${first} first`, async () => {
    const { clock, end, prober } = await stage();
    const probing = prober.probe({ id: 1, idle_ms: 60_000, first });
    await clock.advance(10_000);
    clock.suspend(20_000);
    await clock.advance(70_000);
    const { outcome, text } = await probing;
    assertEquals(outcome, "void");
    assertMatch(text!, /stalled/);
    await end();
  });
}

Deno.test("several that end together are fetched together", async () => {
  const { clock, end, network, prober } = await stage();
  network.memory = () => ({ timeout_ms: TIMEOUT_MS, how: "drop" });
  const probing = Array.from(
    { length: 10 },
    (_, at) => prober.probe({ id: at, idle_ms: TIMEOUT_MS + 100, first: "server" }),
  );
  await clock.advance(60_000);
  for (const { outcome } of await Promise.all(probing)) assertEquals(outcome, "silent");
  assertEquals(network.paths.length, 11);
  await end();
});

Deno.test("what the kernel says of a connection without an answer is told", async () => {
  const { end, network, prober, probe } = await stage();
  network.memory = () => ({ timeout_ms: TIMEOUT_MS, how: "drop" });
  const connect = network.connect.bind(network);
  network.connect = async (...to) => {
    const connection = await connect(...to);
    connection.kernelView = (_clock, receiver) =>
      receiver.onKernelView({
        ...{ unacked_bytes: 12, unread_bytes: 0, retransmissions: 4, timer: "retransmit" },
        ...{ timer_ms: 100, probes: 0, rto_ms: 3_200, read_ms: 0 },
      });
    return connection;
  };
  const { kernel } = await probe("client", TIMEOUT_MS + 100);
  assertEquals(kernel, "12 bytes sent and not acknowledged, repeated 4 times in vain");
  assertEquals(prober.failures, 0);
  await end();
});

Deno.test("want of room, a cap and an older server are no timeouts", async () => {
  const small = await stage({ maxSessions: 1 });
  small.prober.probe({ id: 99, idle_ms: 30_000, first: "client" });
  await small.clock.advance(100);
  const full = await small.probe("client", 1_000);
  assertEquals(full.outcome, "not_opened");
  assertStringIncludes(full.text!, "max_sessions 1");
  assertEquals(small.prober.failure?.reason, "full");
  await small.clock.advance(40_000);
  await small.end();

  const capped = await stage({ maxIdle_ms: 10_000 });
  const long = await capped.probe("client", 10_001);
  assertEquals(long.outcome, "not_opened");
  assertStringIncludes(long.text!, "max_idle");
  assertEquals(capped.prober.failure?.reason, "refused");
  await capped.end();
});

Deno.test("a probe that is cancelled is void, wherever it is", async () => {
  const { clock, end, prober } = await stage();
  const early = prober.probe({ id: 1, idle_ms: 30_000, first: "server" });
  prober.cancel(1);
  const late = prober.probe({ id: 2, idle_ms: 30_000, first: "client" });
  await clock.advance(1_000);
  prober.cancel(2);
  prober.cancel(3);
  await clock.advance(1_000);
  assertEquals((await early).outcome, "void");
  assertEquals((await late).outcome, "void");
  await end();
});

Deno.test("a server that stops voids what is under way, and stopping the search does", async () => {
  const { clock, prober, server } = await stage();
  const probing = prober.probe({ id: 1, idle_ms: 30_000, first: "server" });
  await clock.advance(1_000);
  server.stop("shutdown");
  await clock.advance(3_000);
  assertEquals((await probing).outcome, "void");

  const other = await stage();
  const stopped = other.prober.probe({ id: 1, idle_ms: 30_000, first: "server" });
  await other.clock.advance(1_000);
  other.prober.stop("done");
  await other.clock.advance(1_000);
  assertEquals((await stopped).outcome, "void");
  await other.end();
});

Deno.test("a prober that is stopped at any moment of a dial opens no session", async () => {
  for (let moment = 0; moment < 16; moment++) {
    const { clock, end, prober } = await stage();
    const probing = prober.probe({ id: 1, first: "client", idle_ms: 3_600_000 });
    // A signal may be handled between any two steps of what follows the connect.
    for (let n = 0; n < moment; n++) await undefined;
    prober.stop("shutdown");
    await clock.advance(10_000);
    let result: unknown;
    probing.then(({ outcome }) => result = outcome);
    await clock.advance(0);
    assertEquals(result, "void", `stopped after ${moment}`);
    await end();
  }
});
