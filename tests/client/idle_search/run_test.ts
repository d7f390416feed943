/**
 * A run of a search, with a search that is given: what is shown, how it ends, and the soak.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { MAX_OPENED_PER_SECOND, type ProbePlan } from "../../../lib/client/idle_search/probe.ts";
import type {
  Bracket,
  ProbeResult,
  ProbeSearch,
  SearchProgress,
  SearchResult,
} from "../../../lib/client/idle_search/probe.ts";
import { Prober } from "../../../lib/client/idle_search/prober.ts";
import { IdleTimeoutRun } from "../../../lib/client/idle_search/run.ts";
import { IdleSearch } from "../../../lib/client/idle_search/search.ts";
import type { Transport } from "../../../lib/platform/net/transport.ts";
import type { ServerOptions } from "../../../lib/server/options.ts";
import { ForgetfulNetwork } from "../../support/forgetful_network.ts";
import { startPool } from "../../support/pool_stage.ts";
import { ScriptedNetwork } from "../../support/scripted_network.ts";
import { ADDRESS } from "../../support/server_options.ts";
import { DEFAULT_TIMERS, Recorder } from "../../support/stage.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

/** A search that probes given idle times, once in each direction, and believes the first answers. */
class SimpleSearch implements ProbeSearch {
  readonly results: ProbeResult[] = [];
  readonly #plans: ProbePlan[];
  readonly #count: number;

  constructor(seconds: readonly number[]) {
    this.#plans = seconds.flatMap((each, at) => [
      { id: 2 * at, idle_ms: each * 1000, first: "client" as const },
      { id: 2 * at + 1, idle_ms: each * 1000, first: "server" as const },
    ]);
    this.#count = this.#plans.length;
  }

  get isDone(): boolean {
    return this.results.length >= this.#count;
  }

  next(_now_ms: number, most: number): ProbePlan[] {
    return this.#plans.splice(0, Math.min(MAX_OPENED_PER_SECOND, most));
  }

  takeAbandoned(): number[] {
    return [];
  }

  add(result: ProbeResult): void {
    if (result.outcome !== "void") this.results.push(result);
  }

  progress(): SearchProgress {
    const under_way = this.#count - this.results.length;
    return { ...this.result(), under_way, done_in_ms: 80_000 };
  }

  result(): SearchResult {
    const of = (first: string) => this.results.filter(({ plan }) => plan.first === first);
    const bracket = (first: string): Bracket => {
      const alive = of(first).filter(({ outcome }) => outcome === "alive");
      const dead = of(first).filter(({ outcome }) => !["alive", "not_opened"].includes(outcome));
      const seconds = (results: ProbeResult[]) => results.map(({ plan }) => plan.idle_ms / 1000);
      return {
        survives_s: Math.max(0, ...seconds(alive)),
        forgotten_by_s: dead.length === 0 ? null : Math.min(...seconds(dead)),
        how: dead[0]?.outcome as Bracket["how"] ?? null,
      };
    };
    return {
      client_first: bracket("client"),
      server_first: bracket("server"),
      isComplete: this.isDone,
      contradictions: [],
    };
  }
}

async function stage(
  seconds: readonly number[],
  { server: options, shows, soak = false }: {
    server?: Partial<ServerOptions>;
    shows?: boolean;
    soak?: boolean;
  } = {},
) {
  const clock = new VirtualClock();
  const network = new ForgetfulNetwork(clock);
  const { recorder, server } = await startPool({ workers: 1, clock, network, options });
  const own = new Recorder(clock);
  const shown: string[] = [];
  let probers = 0;
  const world = { address: ADDRESS, clock, timers: DEFAULT_TIMERS };
  const search = new SimpleSearch(seconds);
  const run = new IdleTimeoutRun({
    ...world,
    ...{ search, soak, earlier: [], upTo_ms: Math.max(...seconds) * 1000, sink: own },
    ...shows && { show: (text: string) => void shown.push(text) },
    newProber: () =>
      new Prober({
        ...{ ...world, transport: network, search: `q${++probers}`, maxMessageBytes: 1_000 },
        random: (bytes) => void bytes.fill(7),
      }),
  });
  const lines = () => own.all("notice").map(({ text }) => text);
  return { clock, lines, network, own, recorder, run, search, server, shown };
}

Deno.test("a run tells what changes, then brackets, how they die and what to set", async () => {
  const { clock, lines, network, own, recorder, run, server } = await stage([5, 10, 15, 20, 25]);
  network.memory = (first) => ({
    timeout_ms: 17_000,
    how: first === "client" ? "drop" : "reset the speaker",
  });
  const status = run.run();
  await clock.advance(40_000);
  assertEquals(await status, 0);
  const { client_first, complete, server_first } = own.one("idle_timeout");
  assertEquals(client_first, { survives_s: 15, forgotten_by_s: 20, how: "silent" });
  assertEquals(server_first, { survives_s: 15, forgotten_by_s: 20, how: "reset_server" });
  assert(complete);
  const all = lines();
  assertMatch(all[0]!, /^client first: nothing known yet; .*10 sessions idle; done in 1 min 20 s/);
  const end = own.all("notice").filter(({ final }) => final).map(({ text }) => text);
  assertEquals(end.slice(0, 6), [
    "client first: survives 15 s, forgotten by 20 s (dropped silently)",
    "server first: survives 15 s, forgotten by 20 s (reset (RST) at the server)",
    "  a NAT whose mapping has changed shows as a reset, too",
    "to keep connections open, something has to be sent every 12 s (0.8 of what",
    "survives) or more often. Settings for that:",
    "  Pulsewire   data_interval = 12",
  ]);
  assertEquals(end.filter((text) => text.length > 80), []);
  assertEquals(own.all("idle_probe").length, 10);
  assertEquals(recorder.all("notice").filter(({ text }) => /search/.test(text)).length, 1);
  server.stop("done");
  await clock.advance(3_000);
  assertEquals(clock.pending, 0);
});

Deno.test("a run that shows its progress in place has no lines of it", async () => {
  const { clock, lines, run, shown } = await stage([5], { shows: true });
  const status = run.run();
  await clock.advance(10_000);
  assertEquals(await status, 0);
  assert(shown.length > 50);
  assertMatch(
    lines()[0]!,
    /^client first: no timeout up to 5 s: sessions that are idle so long survive$/,
  );
});

Deno.test("a run that is stopped says what is known so far", async () => {
  const { clock, lines, own, run, server } = await stage([5, 100]);
  const status = run.run();
  await clock.advance(20_000);
  run.stop("shutdown");
  await clock.advance(2_000);
  assertEquals(await status, 0);
  assertEquals(own.one("idle_timeout").complete, false);
  assertEquals(own.one("idle_timeout").client_first.survives_s, 5);
  assertMatch(lines().slice(-2).join(" "), /not at its end.*--record FILE/);
  server.stop("done");
  await clock.advance(3_000);
  assertEquals(clock.pending, 0);
});

Deno.test("a server that refuses, is full or is not there ends a run with its status", async () => {
  const capped = await stage([5, 20], { server: { maxIdle_ms: 10_000 } });
  const refused = capped.run.run();
  await capped.clock.advance(10_000);
  assertEquals(await refused, 4);
  assertMatch(capped.own.one("terminated").text, /max_idle/);

  const full = await stage([5], { server: { maxSessions: 0 } });
  const turnedAway = full.run.run();
  await full.clock.advance(10_000);
  assertEquals(await turnedAway, 4);

  const gone = await stage([5]);
  gone.server.stop("done");
  await gone.clock.advance(3_000);
  const unconnected = gone.run.run();
  await gone.clock.advance(60_000);
  assertEquals(await unconnected, 3);
  assertEquals(gone.own.all("idle_timeout"), []);
  // None of its sessions was idle.
  assertEquals([gone.own.all("idle_search"), gone.lines()], [[], []]);
});

/** A run of a search as the command makes it. */
function realRun(clock: VirtualClock, transport: Transport) {
  const sink = new Recorder(clock);
  const upTo_ms = 300_000;
  const world = { address: ADDRESS, clock, timers: DEFAULT_TIMERS };
  const run = new IdleTimeoutRun({
    ...{ ...world, sink, upTo_ms, earlier: [], soak: false },
    search: new IdleSearch({ up_to_ms: upTo_ms, precision_ms: 5_000, probes: 32 }),
    newProber: () =>
      new Prober({
        ...{ ...world, transport, search: "q", maxMessageBytes: 1_000 },
        random: (bytes) => void bytes.fill(7),
      }),
  });
  return { run, sink };
}

Deno.test("a run starts one session, with the longest idle time, and the others once it is open", async () => {
  const clock = new VirtualClock();
  const network = new ForgetfulNetwork(clock);
  const { server } = await startPool({ workers: 1, clock, network });
  const { run, sink } = realRun(clock, network);
  const status = run.run();
  await clock.advance(40);
  assertEquals(network.paths.length, 1);
  assertEquals(sink.all("notice"), []);
  await clock.advance(60);
  assertEquals(network.paths.length, MAX_OPENED_PER_SECOND);
  assertMatch(sink.all("notice")[0]!.text, /20 sessions idle; done in 5 min/);
  await clock.advance(880);
  assertEquals(network.paths.length, MAX_OPENED_PER_SECOND);
  await clock.advance(1_000);
  assertEquals(network.paths.length, 32);
  run.stop("done");
  await clock.advance(3_000);
  assertEquals(await status, 0);
  server.stop("done");
  await clock.advance(3_000);
  assertEquals(clock.pending, 0);
});

Deno.test("a server that refuses a search is asked once, for the longest idle time", async () => {
  const clock = new VirtualClock();
  const network = new ForgetfulNetwork(clock);
  await startPool({ workers: 1, clock, network, options: { maxIdle_ms: 10_000 } });
  const { run, sink } = realRun(clock, network);
  const status = run.run();
  await clock.advance(5_000);
  assertEquals(await status, 4);
  assertEquals(network.paths.length, 1);
  assertMatch(sink.one("terminated").text, /at most 10 s \(max_idle\), and 300 s were asked for/);
  assertEquals(sink.all("notice"), []);
});

const FINAL: [what: string, answer: (id: string) => string, status: number, text: RegExp][] = [
  ["an older server", (id) => `WELCOME 1 ${id} {}\n`, 4, /^this server is an older one/],
  ["a TLS port", () => "\x15\x03\x03\0\x02\x02F", 3, /^it sent a TLS alert.*switch tls on here/],
  ["a web server", () => "HTTP/1.1 400 Bad\r\n", 3, /^it sent an HTTP answer/],
];

for (const [what, answer, expected, text] of FINAL) {
  Deno.test(`${what} sees one session of a search`, async () => {
    const clock = new VirtualClock();
    const network = new ScriptedNetwork(clock);
    network.outcomes = [(line) => {
      const [, id] = /^HELLO 1 (\S+)/.exec(line) ?? [];
      return id === undefined ? undefined : answer(id);
    }];
    const { run, sink } = realRun(clock, network);
    const status = run.run();
    await clock.advance(5_000);
    assertEquals(await status, expected);
    assertEquals(network.dials_ms.length, 1);
    assertMatch(sink.one("terminated").text, text);
  });
}

Deno.test("a run starts the others where the first session is not opened", async () => {
  const clock = new VirtualClock();
  const network = new ScriptedNetwork(clock);
  network.outcomes = ["unanswered", "refused"];
  const { run } = realRun(clock, network);
  const status = run.run();
  await clock.advance(4_000);
  assertEquals(network.dials_ms.length, 1);
  await clock.advance(10_000);
  assertEquals(await status, 3);
  assertEquals(network.dials_ms.length, 1 + MAX_OPENED_PER_SECOND);
});

for (const isWrong of [false, true]) {
  const what = isWrong ? "says what did otherwise" : "confirms what was found";
  Deno.test(`the soak ${what}`, async () => {
    const { clock, lines, network, run } = await stage([5, 10, 15, 20], { soak: true });
    let timeout_ms = 17_000;
    network.memory = () => ({ timeout_ms, how: "drop" });
    const status = run.run();
    await clock.advance(28_000);
    if (isWrong) timeout_ms = 100_000;
    await clock.advance(120_000);
    assertEquals(await status, isWrong ? 1 : 0);
    const verdicts = lines().filter((text) => text.startsWith("soak")).slice(1);
    assertEquals(verdicts, [
      "soak: the session with something sent every 12 s has lived for 1 min 12 s, as it had to",
      ...["client", "server"].map((first) =>
        `soak: of 3 sessions idle for 22 s, ${first} first, ` +
        (isWrong ? "0 died, and all had to (alive, alive, alive)" : "all died, as they had to")
      ),
    ]);
  });
}

Deno.test("a run that is stopped as its search ends begins no soak", async () => {
  const { clock, lines, network, run, search } = await stage([5, 10], { soak: true });
  network.memory = () => ({ timeout_ms: 7_000, how: "drop" });
  const status = run.run();
  while (!search.isDone) await clock.advance(1);
  run.stop("shutdown");
  await clock.advance(5_000);
  assertEquals(lines().filter((text) => text.startsWith("soak")), []);
  assertEquals(await status, 0);
});
