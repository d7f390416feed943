/**
 * Exchanges to begin with: recorded from real clients and servers, and some by hand.
 *
 * @module
 */
import { Client, type ClientOptions } from "../../lib/client/client.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import { Server } from "../../lib/server/server.ts";
import { KeyRing } from "../../lib/wire/proof.ts";
import { clientOptions } from "../support/client_options.ts";
import { MemoryNetwork, type Path } from "../support/memory_network.ts";
import { Random } from "../support/random.ts";
import { serverOptions } from "../support/server_options.ts";
import { saying } from "../support/stage.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { type Exchange, say, type Step } from "./exchange.ts";
import { CASE_RANDOM, clientSettings, KEY, randomOf, SERVER, TIMERS } from "./settings.ts";

/** What each side of the recorded runs has done. */
export interface Corpus {
  /** Of clients, to fuzz the server. */
  readonly client: Exchange[];
  /** Of servers, to fuzz the client. */
  readonly server: Exchange[];
  /** Of both, with keys. */
  readonly keyedClient: Exchange[];
  readonly keyedServer: Exchange[];
  /** Of original servers, to fuzz the client of one. */
  readonly originalServer: Exchange[];
}

/** Of each direction while it is recorded: a server that stores, too, welcomes a client before it is to send data. */
const LATENCY_MS = 20;

/** Records both sides of a run. */
class Recording {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork(this.clock, { latency_ms: LATENCY_MS });
  readonly client: Step[] = [];
  readonly server: Step[] = [];
  #last_ms = 0;
  /** The network of the clients, each of whose connections is recorded. */
  readonly transport = {
    listen: () => {
      throw new Error("a client does not listen");
    },
    connect: async (...to: Parameters<MemoryNetwork["connect"]>) => {
      const connection = await this.network.connect(...to);
      this.#record(this.network.paths.at(-1)!, this.network.paths.length - 1);
      return connection;
    },
  };

  /** Runs clients one after the other, and lets things happen to their paths. */
  async run(
    { client = {}, server = {}, seconds = 8, trouble }: Scenario,
  ): Promise<void> {
    const { clock, network } = this;
    const sink = { wantsMessages: true, emit: () => {} };
    const random = randomOf(new Random(CASE_RANDOM));
    const serving = Server.listen(
      serverOptions({ ...SERVER, clock, sink, transport: network, random, ...server }),
    );
    const served = serving.run();
    const calling = new Client(
      clientOptions({ ...clientSettings(), clock, sink, transport: this.transport, ...client }),
    );
    const called = calling.run();
    for (let second = 0; second < seconds; second++) {
      await clock.advance(1_000);
      trouble?.(network.paths, second);
    }
    calling.stop("done");
    serving.stop("shutdown");
    await clock.advance(5_000);
    await Promise.all([served, called]);
  }

  #record(path: Path, on: number): void {
    path.server.onRead = (bytes) => this.#add(this.client, { on, bytes: bytes.slice() });
    path.client.onRead = (bytes) => this.#add(this.server, { on, bytes: bytes.slice() });
  }

  #add(steps: Step[], step: Step): void {
    const wait_ms = this.clock.now() - this.#last_ms;
    if (wait_ms > 0) {
      for (const each of [this.client, this.server]) wait(each, wait_ms);
      this.#last_ms = this.clock.now();
    }
    steps.push(step);
  }
}

function wait(steps: Step[], wait_ms: number): void {
  const last = steps.at(-1);
  if (!last || !("wait_ms" in last)) steps.push({ wait_ms });
  else steps[steps.length - 1] = { wait_ms: last.wait_ms + wait_ms };
}

interface Scenario {
  readonly client?: Partial<ClientOptions>;
  readonly server?: Partial<ServerOptions>;
  readonly seconds?: number;
  /** Called after each second. */
  readonly trouble?: (paths: readonly Path[], second: number) => void;
}

const reconnect = { limit: 0 };

/** The last path is cut at a second, and heals at another. */
function outage(from: number, to: number): Scenario["trouble"] {
  return (paths, second) => {
    if (second === from) paths.at(-1)!.silence("to_server", "to_client");
    if (second === to) paths.at(-1)!.heal();
  };
}

const reset: Scenario["trouble"] = (paths, second) => {
  if (second === 2 || second === 4) paths.at(-1)!.reset();
};

const SCENARIOS: readonly Scenario[] = [
  {},
  { seconds: 3, client: { count: 2 } },
  { client: { reconnect }, trouble: reset },
  { client: { reconnect }, trouble: outage(1, 20), seconds: 12 },
  { client: { reconnect }, trouble: outage(1, 4) },
  {
    client: { ...saying("many ".repeat(60), { ...TIMERS, data_interval_ms: 50 }), window: 50 },
    seconds: 2,
  },
];

/** Both sides have the same key. */
function withKey(scenario: Scenario): Scenario {
  // What a ring draws when it is made is drawn before any exchange.
  let random = randomOf(new Random(0));
  const keys = new KeyRing([KEY], (bytes) => random(bytes));
  // Then one source for nonces and tokens, as when they are replayed.
  random = randomOf(new Random(CASE_RANDOM));
  const server = { keys, random, original: false };
  return { ...scenario, client: { ...scenario.client, key: () => KEY }, server };
}

const ORIGINAL: readonly Scenario[] = [
  { client: { original: true } },
  { client: { original: true }, trouble: outage(1, 5), seconds: 12 },
];

/** What no client of ours does. */
const BY_HAND: readonly Exchange[] = [
  [say(0, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
  [say(0, "PROXY TCP4 192.0.2.1 192.0.2.2 5 4000\r\n"), say(0, "HELLO 1 s {}\n")],
  [say(0, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")],
  [say(0, "HELLO 1 s {}\nDATA 1 1073741824\nxxxx"), { wait_ms: 3_000 }, say(0, "x")],
  [say(0, "HELLO 1 s {}\nDATA 1 4\nxx"), { wait_ms: 500 }, say(0, "xx\n"), {
    on: 0,
    act: "finish",
  }],
  [say(0, "HELLO 1 s {}\n"), { on: 0, act: "deafen" }, say(0, "HEARTBEAT 1\n".repeat(2_000))],
  [say(0, 'HELLO 1 s {"reconnect":true}\n'), say(1, 'HELLO 1 s {"reconnect":true}\n')],
  [say(0, "HELLO 1 s {}\n"), say(0, "HELLO 1 s {}\n")],
  ...(["client", "server"] as const).map((first) => [
    say(0, `HELLO 1 q-1 {"idle":{"seconds":1,"first":"${first}"}}\n`),
    ...[say(0, "HEARTBEAT 1\n"), { wait_ms: 1_000 }, say(0, "HEARTBEAT 2\nHEARTBEAT_REPLY 1\n")],
    ...[say(1, 'HELLO 1 ask {"idle_results":"q"}\n'), say(1, "TERMINATE done\n")],
  ]),
  [say(0, 'HELLO 1 s {"knows":["hold"]}\n'), { wait_ms: 2 * LATENCY_MS }, ...flood(12)],
];

/** More than may wait for a store. */
function flood(count: number): Step[] {
  return Array.from(
    { length: count },
    (_, n) => say(0, `DATA ${n + 1} 5000\n${"f".repeat(5_000)}\n`),
  );
}

/** Records all scenarios. */
export async function recordCorpus(): Promise<Corpus> {
  const plain = await recordAll(SCENARIOS);
  const original = await recordAll(ORIGINAL);
  const keyed = await recordAll(SCENARIOS.map(withKey));
  return {
    client: [...BY_HAND, ...plain.client, ...original.client],
    server: plain.server,
    originalServer: original.server,
    keyedClient: [...keyed.client, ...keyed.client, ...plain.client, ...BY_HAND],
    keyedServer: [...keyed.server, ...plain.server],
  };
}

async function recordAll(scenarios: readonly Scenario[]) {
  const recorded = { client: [] as Exchange[], server: [] as Exchange[] };
  for (const scenario of scenarios) {
    const recording = new Recording();
    await recording.run(scenario);
    recorded.client.push(recording.client);
    recorded.server.push(recording.server);
  }
  return recorded;
}
