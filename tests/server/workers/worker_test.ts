/**
 * A worker in its thread: its replies to the messages of the main thread.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Port } from "../../../lib/platform/thread_link.ts";
import type { FromWorker, ToWorker, WorkerConfig } from "../../../lib/server/workers/messages.ts";
import { ServerWorker } from "../../../lib/server/workers/worker.ts";
import { callers } from "../../support/callers.ts";
import { MemoryNetwork } from "../../support/memory_network.ts";
import { ADDRESS, KEEPING } from "../../support/server_options.ts";
import { DEFAULT_TIMERS } from "../../support/stage.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

const CONFIG: WorkerConfig = {
  ...KEEPING,
  address: ADDRESS,
  timers: DEFAULT_TIMERS,
  maxMessageBytes: 1_000,
  original: true,
  isJudged: false,
  isWatched: false,
  wantsMessages: true,
  sessions: [],
};

/** A worker; the test sends the main thread's messages. */
function stage() {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const sent: FromWorker[] = [];
  const port: Port = {
    onmessage: null,
    postMessage: (messages) => void sent.push(...messages as FromWorker[]),
  };
  const random = (bytes: Uint8Array) => void bytes.fill(1);
  new ServerWorker(port, { clock, random, transport: network });
  const send = async (...data: ToWorker[]) => {
    port.onmessage!(new MessageEvent("message", { data }));
    await settle();
  };
  /** The messages of a kind that the worker has sent. */
  const all = <Kind extends FromWorker["kind"]>(kind: Kind) =>
    sent.filter((each): each is Extract<FromWorker, { kind: Kind }> => each.kind === kind);
  return { clock, network, sent, send, all, ...callers(network, clock) };
}

/** A worker that serves; its sessions are stored if it has a delivery. */
async function stageServing(delivery?: WorkerConfig["delivery"]) {
  const staged = stage();
  await staged.send({ kind: "start", config: { ...CONFIG, delivery } }, { kind: "serve" });
  /** Answers the worker's first question: it serves the session itself. */
  const placeHere = () => {
    const [{ call }] = staged.all("place") as [FromWorker & { kind: "place" }];
    return staged.send({ kind: "place_result", call, placement: { at: "here" } });
  };
  return { ...staged, placeHere };
}

const settled = (isKept: boolean) => ({ kind: "placement_settled", session: "s", isKept } as const);

Deno.test("ServerWorker reports that it listens, or why it cannot", async () => {
  const { network, sent, send } = stage();
  assertEquals(network.listening, 0);
  await send({ kind: "start", config: CONFIG });
  const loaded = { kind: "loaded" };
  assertEquals<unknown>([network.listening, sent], [1, [loaded, { kind: "listening" }]]);
  const other = stage();
  other.network.listen(ADDRESS);
  await other.send({ kind: "start", config: CONFIG });
  const failure = { kind: "address_in_use", text: "address in use" };
  const failed = { kind: "listen_failed", failure };
  assertEquals<unknown>(other.sent, [loaded, failed]);
});

Deno.test("ServerWorker that has not begun has nothing for a monitor", async () => {
  const { all, send } = stage();
  await send({ kind: "watch", call: 7, request: { read: "totals" } });
  assertEquals<unknown>(all("watch_result"), [{
    kind: "watch_result",
    call: 7,
    result: undefined,
  }]);
});

Deno.test("ServerWorker accepts no connection before all workers listen", async () => {
  const { all, hello, send } = stage();
  await send({ kind: "start", config: CONFIG });
  await hello("s");
  assertEquals(all("place"), []);
  await send({ kind: "serve" });
  assertEquals(all("place").length, 1);
});

Deno.test("ServerWorker asks which worker serves a session, and reports the outcome", async () => {
  const { all, clock, hello, send, placeHere } = await stageServing();
  const { peer } = await hello("s");
  assertEquals([peer.heard, all("placement_settled")], [[], []]);
  assertEquals(all("place").map(({ session }) => session), ["s"]);
  await placeHere();
  assertStringIncludes(peer.heard[0]!, "WELCOME 1 s ");
  assertEquals(all("placement_settled"), [settled(true)]);
  await peer.say("TERMINATE done\n");
  await peer.hangUp();
  await clock.advance(0);
  assertEquals(all("session_ended"), [{ kind: "session_ended", session: "s" }]);
  await send({ kind: "stop", reason: "shutdown", text: "" });
  assertEquals(all("stopped"), [{
    kind: "stopped",
    counts: { served: 1, lost: 0, away: 0 },
  }]);
  assertEquals(clock.pending, 0);
});

Deno.test("ServerWorker reports a connection that opens no session", async () => {
  const { all, clock, hello, placeHere } = await stageServing();
  // It does not know a session that the client says was open before.
  await hello("s", { reconnect: true, confirmed: 5, sent: 6 });
  await placeHere();
  await clock.advance(0);
  assertEquals(all("placement_settled"), [settled(false)]);
});

Deno.test("ServerWorker sends no WELCOME for a session that was not stored", async () => {
  for (const hasFailed of [false, true]) {
    const { all, clock, hello, send, placeHere } = await stageServing({ isDurable: true });
    const { peer } = await hello("s");
    await placeHere();
    assertEquals(peer.heard, []);
    const [{ call, entry }] = all("store_and_reply") as [FromWorker & { kind: "store_and_reply" }];
    assertEquals([entry.kind, entry.session], ["opened", "s"]);
    // The reason follows later.
    await send({ kind: "delivery_result", call, hasFailed });
    await clock.advance(10);
    assertEquals(peer.heard.length, hasFailed ? 0 : 1);
  }
});

Deno.test("ServerWorker serves a forwarded connection, and counts the 5 s from its accept", async () => {
  const { all, clock, sent, send } = await stageServing();
  await clock.advance(10_000);
  const forwarding = {
    forwarding: 3,
    peer: "192.0.2.1:50000",
    local: "192.0.2.7:4000",
    session: "s",
  };
  await send({ kind: "forwarded", age_ms: 4_000, ...forwarding });
  const requested = all("io_request").map(({ forwarding, request }) => [forwarding, request.use]);
  assertEquals(requested, [[3, "read"]]);
  await clock.advance(999);
  assertEquals(all("stranger"), []);
  await clock.advance(1);
  // What becomes of it, the main thread reports for all workers together.
  assertEquals(all("stranger"), [{ kind: "stranger", peer: "192.0.2.1:50000", sent: "nothing" }]);
  assertEquals(all("event"), []);
  const written = sent.flatMap((each) =>
    each.kind === "io_request" && each.request.use === "write" ? [each.request.bytes] : []
  );
  assertStringIncludes(new TextDecoder().decode(written[0]), "TERMINATE silent");
  await clock.advance(2_000);
  assertEquals(all("placement_settled"), [settled(false)]);
});
