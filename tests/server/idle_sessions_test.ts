/**
 * Idle sessions at the server: silence, who speaks after it, what is kept of it, and what is refused; with one
 * worker and with several.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import type { ServerOptions } from "../../lib/server/options.ts";
import { KeyRing } from "../../lib/wire/proof.ts";
import { MILL } from "../support/keys.ts";
import { IDLE_RESULTS_KEPT_MS } from "../../lib/session/idle/idle_results.ts";
import { heardAfter, type IncomingConnection, refusalOf, welcomeOf } from "../support/callers.ts";
import { type PoolStage, stagePool } from "../support/pool_stage.ts";

const IDLE = { seconds: 300, first: "client" };

async function call(
  { clock, connect }: PoolStage,
  id: string,
  greeting: object,
): Promise<IncomingConnection> {
  const called = await connect();
  await clock.advance(0);
  await called.peer.say(`HELLO 1 ${id} ${JSON.stringify(greeting)}\n`);
  await clock.advance(0);
  return called;
}

/** Opens a session that is idle from now on. */
async function idle(stage: PoolStage, id: string, terms: object): Promise<IncomingConnection> {
  const called = await call(stage, id, { idle: terms });
  await say(stage, called, "HEARTBEAT 1\n");
  return called;
}

async function say({ clock }: PoolStage, { peer }: IncomingConnection, text: string) {
  await peer.say(text);
  await clock.advance(0);
}

/** What the server says of the sessions of a search. */
async function resultsOf(stage: PoolStage, search: string): Promise<unknown> {
  const called = await call(stage, "ask", { idle_results: search });
  assertEquals(welcomeOf(called).idle_results, search);
  assertEquals(welcomeOf(called).knows, ["hold", "account", "full", "token", "idle"]);
  const frames = heardAfter(called).map((line) => JSON.parse(line.replace("IDLE_RESULTS ", "")));
  await say(stage, called, "TERMINATE done\n");
  await called.peer.hangUp();
  await stage.clock.advance(1_000);
  return frames.flatMap(({ results }) => results);
}

for (const workers of [1, 2]) {
  const stage = (options: Partial<ServerOptions> = {}) => stagePool(workers, options);
  const of = workers === 1 ? "a server" : `a server of ${workers} workers`;

  Deno.test(`${of} says nothing in the idle time, and answers the client after it`, async () => {
    const staged = await stage();
    const called = await idle(staged, "q-1", IDLE);
    assertEquals(welcomeOf(called).idle, IDLE);
    assertEquals(heardAfter(called), ["HEARTBEAT_REPLY 1"]);
    await staged.clock.advance(300_000);
    assertEquals(heardAfter(called), ["HEARTBEAT_REPLY 1"]);
    assertEquals(await resultsOf(staged, "q"), [[1, "idle", 0]]);
    await say(staged, called, "HEARTBEAT 2\n");
    assertEquals(heardAfter(called, 2), ["HEARTBEAT_REPLY 2"]);
    assertEquals(await resultsOf(staged, "q"), [[1, "alive", 301_000]]);
    await called.peer.hangUp();
  });

  Deno.test(`${of} speaks first if it is to, and notes that it was answered`, async () => {
    const staged = await stage();
    const called = await idle(staged, "q-1", { seconds: 300, first: "server" });
    await staged.clock.advance(299_999);
    assertEquals(heardAfter(called, 2), []);
    await staged.clock.advance(1);
    assertEquals(heardAfter(called, 2), ["HEARTBEAT 1"]);
    await say(staged, called, "HEARTBEAT_REPLY 1\nHEARTBEAT 2\n");
    assertEquals(heardAfter(called, 3), ["HEARTBEAT_REPLY 2"]);
    assertEquals(await resultsOf(staged, "q"), [[1, "alive", 300_000]]);
  });

  Deno.test(`${of} notes what only it has seen: a reset, a close, silence`, async () => {
    const staged = await stage();
    const terms = { seconds: 300, first: "server" };
    const reset = await idle(staged, "q-1", terms);
    const closed = await idle(staged, "q-2", terms);
    const silent = await idle(staged, "q-3", terms);
    await idle(staged, "other-4", terms);
    silent.path.silence("to_client");
    await staged.clock.advance(20_000);
    reset.path.reset();
    await closed.peer.hangUp();
    await staged.clock.advance(280_000);
    assertEquals(await resultsOf(staged, "q"), [
      [1, "reset", 20_000],
      [2, "closed", 20_000],
      [3, "spoken", 300_000],
    ]);
    await staged.clock.advance(6_000);
    assertEquals((await resultsOf(staged, "q") as unknown[]).at(-1), [3, "silent", 300_000]);
    await staged.clock.advance(IDLE_RESULTS_KEPT_MS);
    assertEquals(await resultsOf(staged, "q"), []);
  });

  Deno.test(`${of} counts idle sessions as sessions, and nowhere else`, async () => {
    const staged = await stage({ maxSessions: 1 });
    const called = await idle(staged, "q-1", { seconds: 1, first: "server" });
    const second = await call(staged, "q-2", { idle: IDLE, knows: ["full"] });
    assertMatch(second.peer.heard[0]!, /TERMINATE full no room for session q-2: .*max_sessions 1/);
    const ordinary = await call(staged, "s", { knows: ["full"] });
    assertMatch(ordinary.peer.heard[0]!, /TERMINATE full no room for session s/);
    await called.peer.hangUp();
    await staged.clock.advance(1_000);
    const next = await call(staged, "q-3", { idle: IDLE });
    assertEquals(welcomeOf(next).idle, IDLE);
    const [search, ...more] = staged.recorder.all("notice").filter(({ text }) => /idle/.test(text));
    assertEquals(more, []);
    assertMatch(search!.text, /^idle-timeout search q from client: /);
    const names = staged.recorder.events.map(({ event }) => event);
    for (const name of ["connected", "phase", "terminated", "summary"] as const) {
      assertEquals(names.includes(name), false, name);
    }
    staged.server.stop("shutdown");
    await staged.clock.advance(3_000);
    assertMatch(staged.recorder.all("notice").at(-1)!.text, /sessions served: 0, of them lost: 0/);
    assertEquals(heardAfter(next), ["TERMINATE shutdown"]);
  });

  Deno.test(`${of} refuses more than max_idle, and what is there already`, async () => {
    const staged = await stage({ maxIdle_ms: 300_000 });
    const long = await call(staged, "q-1", { idle: { seconds: 300.1, first: "client" } });
    assertEquals(
      refusalOf(long),
      "this server lets a session be idle for at most 300 s (max_idle), and 300.1 s were asked for",
    );
    await idle(staged, "q-2", IDLE);
    const again = await call(staged, "q-2", { idle: IDLE });
    assertEquals(refusalOf(again), "session q-2 is already connected");
    const off = await stage({ maxIdle_ms: 0 });
    const any = await call(off, "q-1", { idle: { seconds: 1, first: "client" } });
    assertMatch(refusalOf(any), /^this server lets no session be idle \(max_idle 0\)/);
  });
}

Deno.test("a client without the key opens no idle session, and is counted among the strangers", async () => {
  const keys = new KeyRing([MILL], (bytes) => void bytes.fill(3));
  const staged = await stagePool(1, { keys, original: false });
  const called = await call(staged, "q-1", { idle: IDLE });
  assertMatch(refusalOf(called), /takes only clients with a key/);
  assertEquals(staged.recorder.all("strangers").map(({ sent }) => sent), [["HELLO without a key"]]);
  assertEquals(staged.recorder.all("terminated"), []);
  await called.peer.hangUp();
});

Deno.test("a server for one session has none that is idle", async () => {
  const staged = await stagePool(1, { once: true });
  const called = await call(staged, "q-1", { idle: IDLE });
  assertEquals(
    refusalOf(called),
    "no room for session q-1: this server serves one session only (--once), and none that is to be idle",
  );
  await called.peer.hangUp();
});
