/**
 * Real client and real server: wherever the connection is cut, each data message is delivered once and
 * in order, and the ledgers of both sides agree.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Client } from "../../lib/client/client.ts";
import { QueueSource } from "../../lib/client/source.ts";
import { TransportError } from "../../lib/platform/net/transport.ts";
import { Server } from "../../lib/server/server.ts";
import type { Summary } from "../../lib/session/ledger.ts";
import type { MessageOutput } from "../../lib/store/store.ts";
import { clientOptions } from "../support/client_options.ts";
import { MILL, ringOf } from "../support/keys.ts";
import { MemoryNetwork, type Path, type PathOptions } from "../support/memory_network.ts";
import { serverOptions } from "../support/server_options.ts";
import { Recorder } from "../support/stage.ts";
import { cameTo } from "../support/scripted_network.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const LINES = 20;

/** A client with 20 lines for a server that takes 5 ms to write some of them. */
function stage(
  options: { cut?: (path: Path, n: number) => void; window?: number; hasKeys?: boolean } = {},
) {
  const clock = new VirtualClock();
  const delivered: string[] = [];
  const paths: PathOptions = { latency_ms: 3, fragment: (bytes) => Math.min(bytes, 13) };
  const network = new MemoryNetwork(clock, paths);
  const connect = network.connect.bind(network);
  network.connect = async (address, more) => {
    const connection = await connect(address, more);
    options.cut?.(network.paths.at(-1)!, network.paths.length);
    return connection;
  };
  const common = { clock, transport: network };
  const serve = () => {
    const recorder = new Recorder(clock);
    const output = slowOutput(clock, delivered);
    const random = (bytes: Uint8Array) => bytes.fill(2);
    const keys = options.hasKeys ? ringOf() : undefined;
    const server = Server.listen(
      serverOptions({ ...common, keys, random, output, sink: recorder }),
    );
    return { server, recorder, status: server.run() };
  };
  const server = serve();
  const source = new QueueSource();
  for (let n = 1; n <= LINES; n++) source.put(new TextEncoder().encode(`line ${n}`));
  source.end();
  const recorder = new Recorder(clock);
  const client = new Client(clientOptions({
    ...common,
    source,
    window: options.window ?? 4,
    reconnect: { limit: 0 },
    ...options.hasKeys && { key: () => MILL },
    random: (bytes) => bytes.fill(bytes.length === 8 ? 1 : 0),
    sink: recorder,
  }));
  return { clock, network, delivered, serve, server, client: { client, recorder, source } };
}

function slowOutput(clock: VirtualClock, delivered: string[]): MessageOutput {
  return {
    async append(payloads) {
      await new Promise<void>((resolve) => clock.after(5, resolve));
      delivered.push(...payloads.map((payload) => new TextDecoder().decode(payload)));
    },
    close: () => Promise.resolve(),
  };
}

const ALL = Array.from({ length: LINES }, (_, n) => `line ${n + 1}`);

/** Runs a session to its end, and checks that nothing is lost, doubled or in doubt. */
async function assertWhole(staged: ReturnType<typeof stage>, what: string): Promise<Summary[]> {
  const { clock, client, delivered, server } = staged;
  const status = client.client.run();
  await settle();
  assertEquals<unknown>(await cameTo(status, clock, 600_000), 0, what);
  assertEquals(delivered, ALL, what);
  // A server that did not receive the client's TERMINATE retains the session until it stops.
  server.server.stop("shutdown");
  assertEquals<unknown>(await cameTo(server.status, clock, 2_000), 0, what);
  assertEquals(clock.pending, 0, what);
  const [ours, theirs] = [client.recorder.one("summary"), server.recorder.one("summary")];
  assertAgree(ours, theirs, what);
  return [ours, theirs];
}

/** Checks that the summaries of both sides agree. */
function assertAgree(client: Summary, server: Summary, what: string): void {
  for (const { confirmed_up_to, data_confirmed, in_doubt } of [client, server]) {
    assertEquals([confirmed_up_to, data_confirmed, in_doubt], [LINES, LINES, []], what);
  }
  assertEquals([client.data_sent, server.data_received], [LINES, LINES], what);
  assertEquals(client.data_bytes, server.data_bytes, what);
  assert(client.data_resent >= server.data_resent, what);
  // A connection whose WELCOME was lost was open to the server only, and nothing was sent on it.
  const [ours, others] = [client.by_connection, [...server.by_connection]];
  for (const [n, each] of ours.entries()) {
    while (others.length > ours.length - n && others[0]!.received === 0) others.shift();
    const other = others.shift()!;
    const where = `${what}, connection ${n + 1}`;
    assert(each.sent >= other.received && each.confirmed <= other.confirmed, where);
    assert(each.in_doubt >= 0 && other.in_doubt >= 0, where);
  }
  assertEquals(others, [], what);
}

/** Acts at the n-th read of either end. */
function atRead(n: number, act: (path: Path) => void) {
  return (path: Path) => {
    let reads = 0;
    const onRead = () => {
      if (++reads === n) act(path);
    };
    path.client.onRead = path.server.onRead = onRead;
  };
}

/** Ways to cut a connection. */
const CUTS: Record<string, (path: Path) => void> = {
  "reset": (path) => path.reset(),
  "closed by the path towards the server": (path) => path.client.finish(),
  "closed by the path towards the client": (path) => path.server.finish(),
  "silent towards the server": (path) => path.silence("to_server"),
  "silent towards the client": (path) => path.silence("to_client"),
  "silent": (path) => path.silence("to_server", "to_client"),
};

/** How many reads an undisturbed session takes at the least. */
const READS = 80;

Deno.test("an undisturbed session: the ledgers of both sides are the same", async () => {
  let reads = 0;
  const count = (path: Path) => path.client.onRead = path.server.onRead = () => reads++;
  const [client, server] = await assertWhole(stage({ cut: count }), "undisturbed");
  assert(reads >= READS, `${reads} reads`);
  assertEquals([client!.connections, server!.connections], [1, 1]);
  assertEquals(countersOf(client!), {
    sent: 20,
    received: 0,
    confirmed: 20,
    resent: 0,
    in_doubt: 0,
  });
  assertEquals(countersOf(server!), {
    sent: 0,
    received: 20,
    confirmed: 20,
    resent: 0,
    in_doubt: 0,
  });
});

/** What its one connection counted; how long that was open, each side has measured for itself. */
function countersOf({ by_connection }: Summary) {
  const { age_ms: _age_ms, idle_ms: _idle_ms, ...counters } = by_connection[0]!;
  return counters;
}

for (const [what, cut] of Object.entries(CUTS)) {
  Deno.test(`a connection that is ${what} at any read loses nothing and doubles nothing`, async () => {
    let resumed = 0;
    for (let n = 1; n <= READS; n++) {
      const once = (path: Path, dial: number) => dial === 1 && atRead(n, cut)(path);
      const staged = stage({ cut: once });
      await assertWhole(staged, `cut at read ${n}`);
      resumed += staged.client.recorder.all("resumed").length;
    }
    // Those that were cut before WELCOME, which takes two reads, or after the last confirmation, were not.
    assert(resumed >= READS / 2 - 2, `${resumed} resumed`);
  });
}

for (const what of ["reset", "silent towards the server", "silent towards the client"]) {
  Deno.test(`with keys, a connection that is ${what} at any read loses and doubles nothing`, async () => {
    for (let n = 1; n <= READS; n++) {
      const once = (path: Path, dial: number) => dial === 1 && atRead(n, CUTS[what]!)(path);
      await assertWhole(stage({ cut: once, hasKeys: true }), `cut at read ${n}`);
    }
  });
}

Deno.test("a connection that is reset again and again loses nothing and doubles nothing", async () => {
  for (let n = 20; n <= 60; n++) {
    for (const window of [1, 3, 256]) {
      const often = (path: Path, dial: number) => dial <= 5 && atRead(n, CUTS.reset!)(path);
      await assertWhole(stage({ cut: often, window }), `cut at each read ${n}, window ${window}`);
    }
  }
});

Deno.test("a server that is stopped and started again, without a store, loses and doubles nothing", async () => {
  for (let at_ms = 0; at_ms <= 60; at_ms++) {
    const staged = stage();
    const { clock, client, delivered, network, serve, server } = staged;
    const status = client.client.run();
    await clock.advance(at_ms);
    server.server.stop("shutdown");
    network.refuseWith = new TransportError("refused", "nobody listens");
    assertEquals<unknown>(await cameTo(server.status, clock, 2_000), 0);
    network.refuseWith = undefined;
    const next = serve();
    assertEquals<unknown>(await cameTo(status, clock, 60_000), 0, `stopped at ${at_ms}`);
    assertEquals(delivered, ALL, `stopped at ${at_ms}`);
    const { data_confirmed, in_doubt } = client.recorder.one("summary");
    assertEquals([data_confirmed, in_doubt], [LINES, []]);
    // Each server counts what it received itself.
    const summaries = [server, next].flatMap(({ recorder }) => recorder.all("summary"));
    const received = summaries.reduce((sum, each) => sum + each.data_received, 0);
    assertEquals(received, LINES, `stopped at ${at_ms}`);
    next.server.stop("shutdown");
    assertEquals<unknown>(await cameTo(next.status, clock, 2_000), 0);
  }
});
