/**
 * The server as a whole, in memory: many sessions at once, whatever happens to the others.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Client, type ClientOptions } from "../../lib/client/client.ts";
import { TransportError } from "../../lib/platform/net/transport.ts";
import { ACCEPT_BACKOFF_MS } from "../../lib/server/acceptor.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import { Server } from "../../lib/server/server.ts";
import type { StoredSession } from "../../lib/store/store.ts";
import { data } from "../support/callers.ts";
import { clientOptions } from "../support/client_options.ts";
import { HeldStore } from "../support/held_delivery.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import { stageRawServer } from "../support/raw_server.ts";
import { ADDRESS, serverOptions } from "../support/server_options.ts";
import { Recorder } from "../support/stage.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

/** A server in memory, and clients for it. */
function stage(options: Partial<ServerOptions> = {}) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, { latency_ms: 1 });
  const recorder = new Recorder(clock);
  const common = { maxMessageBytes: 1_000_000, transport: network, clock };
  const server = Server.listen(serverOptions({ ...common, sink: recorder, ...options }));
  const status = server.run();
  let clients = 0;
  const client = async (more: Partial<ClientOptions> = {}) => {
    const sink = new Recorder(clock);
    const random = (bytes: Uint8Array) => bytes.fill(++clients);
    const client = new Client(clientOptions({ ...common, random, sink, ...more }));
    const ended = client.run();
    await settle();
    return { client, recorder: sink, ended, path: network.paths.at(-1)! };
  };
  const connect = () => network.connect(ADDRESS, { signal: new AbortController().signal });
  return { clock, network, recorder, server, status, client, connect };
}

type Staged = ReturnType<typeof stage>;

/** Stops the server, which ends as asked. */
async function assertStops({ clock, server, status }: Staged): Promise<void> {
  server.stop("shutdown");
  await clock.advance(1_000);
  assertEquals(await status, 0);
}

Deno.test("the server holds many sessions, and the trouble of one touches no other", async () => {
  const staged = stage();
  const { clock, recorder, client } = staged;
  const clients = [];
  for (let n = 0; n < 50; n++) clients.push(await client());
  await clock.advance(60_002);
  clients[7]!.path.silence("to_client", "to_server");
  clients[8]!.path.reset();
  clients[9]!.client.stop("done");
  clients[10]!.path.client.write(new TextEncoder().encode("nonsense\n"));
  await clock.advance(240_000);
  const ended = recorder.all("terminated").map(({ session, by, reason }) => [session, by, reason]);
  const id = (n: number) => (n + 1).toString(16).padStart(2, "0").repeat(8);
  assertEquals(ended, [
    [id(8), "network", "reset"],
    [id(9), "peer", "done"],
    [id(10), "self", "protocol"],
    [id(7), "self", "silent"],
  ]);
  for (const [n, { recorder }] of clients.entries()) {
    if (n >= 7 && n <= 10) continue;
    assertEquals(recorder.all("data_confirmed").length, 60, `client ${n}`);
    assertEquals(recorder.all("heartbeat_sent"), [], `client ${n}`);
  }
  await assertStops(staged);
  assertEquals(clock.pending, 0);
});

Deno.test("the server goes on after it could accept no connection for a while", async () => {
  const staged = stage();
  const { clock, network, recorder, client } = staged;
  const first = await client();
  for (let n = 0; n < 3; n++) {
    network.failAccept(new TransportError("too_many_open_files", "EMFILE"));
  }
  const second = await client();
  await clock.advance(3 * ACCEPT_BACKOFF_MS - 1);
  assertEquals(second.recorder.all("connected"), []);
  await clock.advance(1_000);
  assertEquals(second.recorder.all("connected").length, 1);
  assertEquals(first.recorder.all("terminated"), []);
  assertEquals(recorder.all("notice").map((each) => each.level), ["error", "info"]);
  await assertStops(staged);
});

Deno.test("the server refuses a session id that is connected, and takes it when it has ended", async () => {
  const staged = stage();
  const { clock, recorder, client } = staged;
  const random = (bytes: Uint8Array) => bytes.fill(0xab);
  const first = await client({ random });
  await clock.advance(10);
  const second = await client({ random });
  await clock.advance(10);
  const { by, reason, text } = second.recorder.one("terminated");
  assertEquals([by, reason], ["peer", "refused"]);
  assertEquals(text, "session abababababababab is already connected");
  assertEquals(await second.ended, 4);
  // Whoever is refused is not told of as the session that has this id.
  assertEquals(recorder.one("terminated").session, null);
  first.client.stop("done");
  await clock.advance(1_000);
  const third = await client({ random });
  await clock.advance(10);
  assertEquals(third.recorder.all("connected").length, 1);
  await assertStops(staged);
});

Deno.test("stopping the server ends every session politely, and those not yet open", async () => {
  const { clock, server, status, client, connect } = stage();
  const clients = [await client(), await client()];
  await clock.advance(10);
  const mute = await connect();
  await clock.advance(10);
  server.stop("shutdown");
  await clock.advance(2_000);
  assertEquals(await status, 0);
  for (const { recorder, ended } of clients) {
    const { by, reason } = recorder.one("terminated");
    assertEquals([by, reason, await ended], ["peer", "shutdown", 1]);
  }
  assertEquals(await mute.read(new Uint8Array(100)), "TERMINATE shutdown\n".length);
  assertEquals(clock.pending, 0);
});

for (
  const [what, act, expected] of [
    ["ended as asked", (c) => c.client.stop("done"), 0],
    ["was stopped at the client", (c) => c.client.stop("shutdown"), 0],
    ["was reset", (c) => c.path.reset(), 1],
    ["fell silent and died", (c) => c.path.silence("to_client", "to_server"), 1],
  ] as [string, (staged: Awaited<ReturnType<Staged["client"]>>) => void, number][]
) {
  Deno.test(`a server for one session exits with ${expected} when that ${what}`, async () => {
    const { clock, status, client, connect } = stage({ once: true });
    (await connect()).close();
    await clock.advance(10);
    const only = await client();
    await clock.advance(10);
    act(only);
    await clock.advance(120_000);
    assertEquals(await status, expected);
    assertEquals(clock.pending, 0);
  });
}

Deno.test("a server for one session refuses a second that comes while the first is open", async () => {
  const { clock, status, client } = stage({ once: true });
  const first = await client();
  const second = await client();
  await clock.advance(10);
  assertEquals(second.recorder.one("terminated").reason, "refused");
  assertEquals(await second.ended, 4);
  first.client.stop("done");
  await clock.advance(1_000);
  assertEquals(await status, 0);
});

Deno.test("a server for one session ends with it, whoever else is connected and says nothing", async () => {
  const { clock, status, client, connect } = stage({ once: true });
  await connect();
  const only = await client();
  await clock.advance(10);
  only.client.stop("done");
  let over = false;
  status.then(() => over = true);
  await clock.advance(1_500);
  assertEquals(over, true);
});

Deno.test("a defect in one session is told of, and the others go on", async () => {
  const { clock, hello, recorder, server, status } = stageRawServer();
  const emit = recorder.emit.bind(recorder);
  recorder.emit = (event) => {
    if (event.event === "data_received" && event.seq === 3) throw new TypeError("a defect");
    emit(event);
  };
  const healthy = await hello("healthy");
  const unlucky = await hello("unlucky");
  await unlucky.peer.say(data(1, 3));
  await clock.advance(1_000);
  await healthy.peer.say(data(1));
  const told = recorder.one("notice").text;
  assertEquals(told.startsWith("a defect of this program ended session unlucky: TypeError"), true);
  assertEquals(recorder.all("data_received").at(-1)!.session, "healthy");
  server.stop("shutdown");
  await clock.advance(1_000);
  assertEquals(await status, 0);
});

/** A session as an earlier process left it. */
function stored(id: string, token_hash?: string): StoredSession {
  const at = Date.UTC(2026, 10, 22);
  return { id, received: 1, seen_at: at, lost_at: at, token_hash };
}

Deno.test("a server logs how many sessions in its store wait for their clients, if any do", () => {
  // After a crash it has those, too, to which nobody may return.
  const nobodys = stored("c", "");
  for (const sessions of [[], [nobodys], [stored("a"), stored("b", "5feceb66"), nobodys]]) {
    const store = new HeldStore();
    const { recorder } = stageRawServer({
      store: { sessions, commit: (entries) => store.commit(entries), close: () => store.close() },
    });
    const texts = recorder.all("notice").map(({ text }) => text);
    const expected = "sessions in the store that wait for their clients: 2";
    assertEquals(texts, sessions.length < 2 ? [] : [expected]);
  }
});

Deno.test("Server.wasReached says whether anybody has connected, whatever they sent", async () => {
  const staged = stage();
  await settle();
  assertEquals(staged.server.wasReached, false);
  await staged.connect();
  await settle();
  assertEquals(staged.server.wasReached, true);
  await assertStops(staged);
});
