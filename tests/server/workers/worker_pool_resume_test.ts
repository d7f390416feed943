/**
 * Real clients and a server of several workers: wherever a connection is cut, and whichever worker the
 * next one comes to, each data message is stored and written once and in order.
 *
 * @module
 */
import { assertEquals, assertGreater } from "@std/assert";
import { Client } from "../../../lib/client/client.ts";
import { QueueSource } from "../../../lib/client/source.ts";
import { TransportError } from "../../../lib/platform/net/transport.ts";
import type { EntryOf } from "../../../lib/store/store.ts";
import { HeldOutput, HeldStore } from "../../support/held_delivery.ts";
import { MemoryNetwork, type Path } from "../../support/memory_network.ts";
import { startPool } from "../../support/pool_stage.ts";
import { cameTo } from "../../support/scripted_network.ts";
import { ADDRESS } from "../../support/server_options.ts";
import { DEFAULT_TIMERS, Recorder } from "../../support/stage.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const WORKERS = 3;
const CLIENTS = 4;
const LINES = 20;

/** Has something happen to a connection, by its number from 0 on. */
type Trouble = (path: Path, dial: number) => void;

/** Clients with lines for a server with a store and an output. */
async function stage(trouble: Trouble) {
  const clock = new VirtualClock();
  const fragment = (bytes: number) => Math.min(bytes, 13);
  const network = new MemoryNetwork(clock, { latency_ms: 3, fragment });
  const connect = network.connect.bind(network);
  network.connect = (address, more) => {
    const connecting = connect(address, more);
    trouble(network.paths.at(-1)!, network.paths.length - 1);
    return connecting;
  };
  const store = new HeldStore({ held: false });
  const output = new HeldOutput({ held: false });
  const options = { store, output };
  const server = await startPool({ clock, network, workers: WORKERS, options });
  const clients = Array.from({ length: CLIENTS }, (_, n) => startClient(n + 1, network, clock));
  return { clock, store, output, server, clients };
}

/** Starts a client: its lines begin with its number, and its session's id is made of that. */
function startClient(number: number, network: MemoryNetwork, clock: VirtualClock) {
  const source = new QueueSource();
  for (let n = 1; n <= LINES; n++) source.put(new TextEncoder().encode(`${number} line ${n}`));
  source.end();
  const recorder = new Recorder(clock);
  const client = new Client({
    clock,
    source,
    address: ADDRESS,
    transport: network,
    timers: DEFAULT_TIMERS,
    window: 4,
    maxMessageBytes: 1_000,
    reconnect: { limit: 0 },
    random: (bytes) => bytes.fill(bytes.length === 8 ? number : 0),
    sink: recorder,
  });
  return { number, recorder, status: client.run() };
}

/** Lives all sessions to their end, and checks that nothing is lost, doubled or in doubt. */
async function assertWhole(
  { clients, clock, output, server, store }: Awaited<ReturnType<typeof stage>>,
  what: string,
): Promise<void> {
  const statuses = Promise.all(clients.map(({ status }) => status));
  assertEquals<unknown>(await cameTo(statuses, clock, 600_000), clients.map(() => 0), what);
  server.server.stop("shutdown");
  assertEquals<unknown>(await cameTo(server.status, clock, 2_000), 0, what);
  assertEquals(clock.pending, 0, what);
  const isMessage = (each: { kind: string }): each is EntryOf<"message"> => each.kind === "message";
  const stored = store.calls.flat().filter(isMessage);
  const text = (payload: Uint8Array) => new TextDecoder().decode(payload);
  assertEquals(output.texts.flat(), stored.map(({ payload }) => text(payload)), what);
  for (const { number, recorder } of clients) {
    const ours = recorder.one("summary");
    const lines = stored.filter(({ session }) => session === ours.session);
    assertEquals(
      lines.map(({ payload, seq }) => `${seq}: ${text(payload)}`),
      Array.from({ length: LINES }, (_, n) => `${n + 1}: ${number} line ${n + 1}`),
      what,
    );
    const theirs = server.recorder.all("summary").filter((each) => each.session === ours.session);
    assertEquals(theirs.map(({ data_received }) => data_received), [LINES], what);
    for (const { confirmed_up_to, in_doubt } of [ours, ...theirs]) {
      assertEquals([confirmed_up_to, in_doubt], [LINES, []], what);
    }
  }
}

/** Has something happen at the n-th read of either end. */
function atRead(n: number, act: (path: Path) => void): Trouble {
  return (path) => {
    let reads = 0;
    path.client.onRead = path.server.onRead = () => {
      if (++reads === n) act(path);
    };
  };
}

Deno.test("undisturbed sessions over several workers are whole, and none is lent", async () => {
  const staged = await stage(() => {});
  await assertWhole(staged, "undisturbed");
  assertEquals(staged.server.lent(), 0);
});

const CUTS: Record<string, (path: Path) => void> = {
  "reset": (path) => path.reset(),
  "closed by the path": (path) => path.client.finish(),
  "silent": (path) => path.silence("to_server", "to_client"),
};

for (const [what, cut] of Object.entries(CUTS)) {
  Deno.test(`sessions whose connections are ${what} again and again, at any worker, are whole`, async () => {
    let lent = 0;
    for (let n = 1; n <= 60; n++) {
      // The first three of each client, so that each session comes to every worker.
      const often: Trouble = (path, dial) => dial < 3 * CLIENTS && atRead(n, cut)(path, dial);
      const staged = await stage(often);
      await assertWhole(staged, `cut at each read ${n}`);
      lent += staged.server.lent();
    }
    assertGreater(lent, 60);
  });
}

Deno.test("sessions that are taken over at other workers, seemingly alive, are whole", async () => {
  for (let n = 10; n <= 60; n++) {
    // Its client hears that it is reset; the server hears nothing any more.
    const halfDead = atRead(n, (path) => {
      path.silence("to_server", "to_client");
      path.client.fail(new TransportError("reset", "reset"));
    });
    const staged = await stage((path, dial) => dial < CLIENTS && halfDead(path, dial));
    const { recorder } = staged.server;
    await assertWhole(staged, `half dead at read ${n}`);
    const told = recorder.all("disconnected").map(({ reason }) => reason);
    assertEquals(told, Array(CLIENTS).fill("superseded"), `half dead at read ${n}`);
  }
});
