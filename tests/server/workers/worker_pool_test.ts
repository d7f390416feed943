/**
 * What the workers of a server share: the port, the sessions and their limit.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { TransportError } from "../../../lib/platform/net/transport.ts";
import type { StoredSession } from "../../../lib/store/store.ts";
import { BACK, data, heardAfter, refusalOf, welcomeOf } from "../../support/callers.ts";
import { HeldStore } from "../../support/held_delivery.ts";
import { MemoryNetwork } from "../../support/memory_network.ts";
import { type StagedThread, stagePool, startPool } from "../../support/pool_stage.ts";
import { cameTo } from "../../support/scripted_network.ts";
import { ADDRESS } from "../../support/server_options.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

const WORKERS = 3;
/** The refusal of one session more. */
const full = (id: string, most: number) =>
  `no room for session ${id}: this server has as many sessions as it may have (max_sessions ${most})`;

Deno.test("WorkerPool serves each new session where it comes, and emits the events of all in one stream", async () => {
  const { clock, hello, lent, network, recorder, threads } = await stagePool(WORKERS);
  const ids = Array.from({ length: 30 }, (_, n) => `s${n}`);
  assertEquals([threads.length, network.listening], [WORKERS, WORKERS]);
  for (const id of ids) {
    const caller = await hello(id);
    await caller.peer.say(data(1, 2));
    assertEquals(heardAfter(caller), ["CONFIRM 2"]);
  }
  await clock.advance(0);
  assertEquals(lent(), 0);
  assertEquals(recorder.all("connected").map(({ session }) => session), ids);
  const received = recorder.all("data_received").map(({ seq, session }) => `${session} ${seq}`);
  assertEquals(received, ids.flatMap((id) => [`${id} 1`, `${id} 2`]));
  const { host, port } = recorder.one("listening");
  assertEquals({ host, port }, ADDRESS);
});

Deno.test("WorkerPool.listen() opens one port that the system chooses, for all workers", async () => {
  const address = { host: "server", port: 0 };
  const { network, recorder, server } = await stagePool(WORKERS, { address });
  assertEquals([server.address.port, network.listening], [49_152, WORKERS]);
  assertEquals(recorder.one("listening").port, server.address.port);
});

Deno.test("WorkerPool.listen() rejects if the port is in use, shared or not, and leaves no thread", async () => {
  for (const isShared of [false, true]) {
    const clock = new VirtualClock();
    const network = new MemoryNetwork(clock);
    const other = network.listen(ADDRESS, { isShared });
    const threads: StagedThread[] = [];
    const starting = startPool({ clock, network, threads, workers: WORKERS });
    const error = await assertRejects(() => starting, TransportError);
    assertEquals([error.kind, network.listening, clock.pending], ["address_in_use", 1, 0]);
    assertEquals(threads, []);
    other.close();
  }
});

Deno.test("WorkerPool.listen() rejects if one worker cannot open the port, and ends all threads", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const listen = network.listen.bind(network);
  let calls = 0;
  network.listen = (address, options) => {
    // The first call finds out whether the port is free; then each worker opens it.
    if (++calls === 3) throw new TransportError("too_many_open_files", "EMFILE");
    return listen(address, options);
  };
  const threads: StagedThread[] = [];
  const starting = startPool({ clock, network, threads, workers: WORKERS });
  const error = await assertRejects(() => starting, TransportError);
  assertEquals([error.kind, error.message], ["too_many_open_files", "EMFILE"]);
  assertEquals(threads.map(({ isEnded }) => isEnded), [true, true, true]);
});

Deno.test("WorkerPool resumes a session over whichever worker its client comes to", async () => {
  for (let turn = 0; turn < WORKERS; turn++) {
    const { clock, hello, lent, network, resume } = await stagePool(WORKERS);
    const first = await hello("s", BACK);
    await first.peer.say(data(1, 2));
    first.path.reset();
    await clock.advance(1_000);
    network.turn = turn;
    const second = await resume("s", { confirmed: 1, sent: 2 });
    assertEquals(welcomeOf(second)["received"], 2);
    await second.peer.say(data(3, 4));
    assertEquals(heardAfter(second), ["CONFIRM 4"]);
    assertEquals(lent(), turn === 0 ? 0 : 1);
  }
});

Deno.test("WorkerPool forwards a connection with all that came with its HELLO", async () => {
  const { clock, connect, hello, network, resume, threads } = await stagePool(WORKERS);
  (await hello("s", BACK)).path.reset();
  await clock.advance(0);
  const caller = await connect();
  const large = `DATA 2 1000\n${"y".repeat(1_000)}\n`;
  await caller.peer.say("HELLO 1 s ");
  await clock.advance(2_000);
  await caller.peer.say(`{"reconnect":true,"confirmed":0}\n${data(1)}${large}HEARTBEAT 7\n`);
  await clock.advance(0);
  const forwarded = threads[0]!.told.find((message) => message.kind === "forwarded")!;
  const { forwarding: _, ...about } = forwarded;
  const addresses = { peer: "client:50000", local: "server:4000" };
  const placed = { session: "s", refusal: undefined };
  assertEquals(about, {
    kind: "forwarded",
    ...addresses,
    tls: undefined,
    age_ms: 2_000,
    ...placed,
  });
  assertEquals(heardAfter(caller), ["CONFIRM 1", "HEARTBEAT_REPLY 7", "CONFIRM 2"]);
  // The worker that serves it sees its client's close.
  await caller.peer.hangUp();
  await clock.advance(0);
  assert(network.paths.at(-1)!.server.closed);
  assertEquals(welcomeOf(await resume("s"))["received"], 2);
});

Deno.test("two connections of one new session at the same moment: one is served, one refused", async () => {
  const { clock, connect, recorder } = await stagePool(WORKERS);
  const both = [await connect(), await connect()];
  for (const { peer } of both) peer.say("HELLO 1 s {}\n");
  await settle();
  await clock.advance(0);
  const [first, second] = both;
  welcomeOf(first!);
  assertEquals(refusalOf(second!), "session s is already connected");
  assertEquals(recorder.all("connected").length, 1);
  await first!.peer.say(data(1));
  assertEquals(heardAfter(first!), ["CONFIRM 1"]);
});

Deno.test("two connections of one resuming session at the same moment: the last one has it", async () => {
  const { clock, connect, hello, recorder } = await stagePool(WORKERS);
  (await hello("s", BACK)).path.reset();
  await clock.advance(0);
  const both = [await connect(), await connect()];
  for (const { peer } of both) peer.say('HELLO 1 s {"reconnect":true,"confirmed":0}\n');
  await settle();
  await both[1]!.peer.say(data(1));
  await clock.advance(0);
  assertEquals(both.map(({ peer }) => peer.sawEnd), [true, false]);
  assertEquals(heardAfter(both[1]!), ["CONFIRM 1"]);
  assertEquals(recorder.all("terminated"), []);
});

Deno.test("a session asks whichever worker has its connection for this host's own link", async () => {
  const { clock, hello, lent, network, recorder, resume } = await stagePool(WORKERS);
  const first = await hello("s", BACK);
  first.path.reset();
  await clock.advance(1_000);
  network.turn = 1;
  const { path } = await resume("s");
  assertEquals(lent(), 1);
  Object.assign(path.server, { linkFault: () => Promise.resolve("no link on eth0 (down)") });
  path.silence("to_server", "to_client");
  await clock.advance(60_000);
  assertEquals(recorder.all("disconnected").map(({ reason, link }) => [reason, link]), [
    ["reset", undefined],
    ["silent", "no link on eth0 (down)"],
  ]);
});

Deno.test("a session that has ended may begin anew at another worker", async () => {
  const { clock, hello, lent } = await stagePool(WORKERS);
  for (let n = 0; n < 2 * WORKERS; n++) {
    const caller = await hello("s", BACK);
    welcomeOf(caller);
    await caller.peer.say(data(1) + "TERMINATE done\n");
    await clock.advance(0);
  }
  assertEquals(lent(), 0);
});

Deno.test("max_sessions counts the sessions of all workers, refuses one more, and recovers", async () => {
  const { clock, hello, resume } = await stagePool(WORKERS, { maxSessions: 4 });
  const callers = [];
  for (const id of ["a", "b", "c", "d"]) {
    const caller = await hello(id, BACK);
    await caller.peer.say(data(1));
    callers.push(caller);
  }
  // At every worker, repeatedly: a refused client takes no place.
  for (let n = 0; n < 2 * WORKERS; n++) assertEquals(refusalOf(await hello("e")), full("e", 4));
  callers[1]!.path.reset();
  await clock.advance(0);
  // It can be resumed, and then is no new session.
  assertEquals(refusalOf(await hello("e")), full("e", 4));
  welcomeOf(await resume("b", { confirmed: 1, sent: 1 }));
  await callers[2]!.peer.say("TERMINATE done\n");
  await clock.advance(0);
  welcomeOf(await hello("e"));
  assertEquals(refusalOf(await hello("f")), full("f", 4));
});

Deno.test("as many sessions at the same moment as there is room for are served, no more", async () => {
  const { clock, connect } = await stagePool(WORKERS, { maxSessions: 4 });
  const callers = [];
  for (let n = 0; n < 9; n++) callers.push(await connect());
  callers.forEach(({ peer }, n) => peer.say(`HELLO 1 s${n} {}\n`));
  await settle();
  await clock.advance(0);
  const first = callers.map(({ peer }) => peer.heard[0]!.split(" ").slice(1, 3).join(" "));
  assertEquals(first.filter((words) => words === "WELCOME 1").length, 4);
  assertEquals(first.filter((words) => words === "TERMINATE refused").length, 5);
});

Deno.test("a full server evicts a disconnected session that has sent nothing, of any worker", async () => {
  for (let turn = 0; turn < WORKERS; turn++) {
    const { clock, hello, network, recorder } = await stagePool(WORKERS, { maxSessions: 3 });
    const idle = await hello("idle", BACK);
    await (await hello("here", BACK)).peer.say(data(1));
    const lost = await hello("lost", BACK);
    await lost.peer.say(data(1));
    lost.path.reset();
    idle.path.reset();
    await clock.advance(0);
    network.turn = turn;
    welcomeOf(await hello("new"));
    const { session, text } = recorder.one("terminated");
    assertEquals(session, "idle");
    assertEquals(text, "made room for a new session: it had sent no data (max_sessions)");
    assertEquals(refusalOf(await hello("another")), full("another", 3));
  }
});

/** A session as an earlier process left it in the store. */
function stored(id: string, received: number): StoredSession {
  const at = Date.UTC(2026, 10, 22);
  return { id, received, lost_at: at, seen_at: at };
}

Deno.test("WorkerPool shares out the sessions of its store, and resumes each at any worker", async () => {
  for (let turn = 0; turn < WORKERS; turn++) {
    const sessions = Array.from({ length: 7 }, (_, n) => stored(`s${n}`, n));
    const store = new HeldStore({ held: false, sessions });
    const staged = await stagePool(WORKERS, { store, maxSessions: 7 });
    const { clock, hello, network, recorder, resume, server, status, threads } = staged;
    const shares = threads.map(({ told }) =>
      told[0]!.kind === "start" ? told[0]!.config.sessions.length : 0
    );
    assertEquals(shares, [3, 2, 2]);
    // The one that has sent nothing is evicted; all others count.
    welcomeOf(await hello("new"));
    assertEquals(refusalOf(await hello("newer")), full("newer", 7));
    network.turn = turn;
    for (const { id, received } of sessions.slice(1)) {
      const caller = await resume(id, { confirmed: received, sent: received });
      assertEquals(welcomeOf(caller)["received"], received);
      await caller.peer.say(data(received + 1));
      await clock.advance(0);
      assertEquals(heardAfter(caller), [`CONFIRM ${received + 1}`]);
    }
    assertEquals(recorder.all("resumed").length, 6);
    server.stop("shutdown");
    assertEquals<unknown>(await cameTo(status, clock, 2_000), 0);
  }
});

Deno.test("WorkerPool.wasReached says whether any worker has had a client, or a stranger", async () => {
  for (const first of ["HELLO 1 s {}\n", "GET / HTTP/1.1\r\n\r\n"]) {
    const { clock, connect, server } = await stagePool(WORKERS);
    await clock.advance(0);
    assertEquals(server.wasReached, false);
    const { peer } = await connect();
    await peer.say(first);
    await clock.advance(6_000);
    assertEquals(server.wasReached, true);
  }
});
