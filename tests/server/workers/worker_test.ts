/**
 * A worker in its thread: does what the main thread says, and says what the main thread has to know.
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

const ORDER: WorkerConfig = {
  ...KEEPING,
  address: ADDRESS,
  timers: DEFAULT_TIMERS,
  maxMessageBytes: 1_000,
  original: true,
  wantsMessages: true,
  sessions: [],
};

/** A worker; the main thread says what the test says. */
function stage() {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const said: FromWorker[] = [];
  const port: Port = {
    onmessage: null,
    postMessage: (messages) => void said.push(...messages as FromWorker[]),
  };
  const random = (bytes: Uint8Array) => void bytes.fill(1);
  new ServerWorker(port, { clock, random, transport: network });
  const tell = async (...data: ToWorker[]) => {
    port.onmessage!(new MessageEvent("message", { data }));
    await settle();
  };
  /** What has been said of a kind. */
  const all = <Kind extends FromWorker["kind"]>(kind: Kind) =>
    said.filter((each): each is Extract<FromWorker, { kind: Kind }> => each.kind === kind);
  return { clock, network, said, tell, all, ...callers(network, clock) };
}

Deno.test("ServerWorker says that it listens, or why it cannot", async () => {
  const { network, said, tell } = stage();
  assertEquals(network.listening, 0);
  await tell({ kind: "start", order: ORDER });
  const loaded = { kind: "loaded" };
  assertEquals<unknown>([network.listening, said], [1, [loaded, { kind: "listening" }]]);
  const other = stage();
  other.network.listen(ADDRESS);
  await other.tell({ kind: "start", order: ORDER });
  const text = "address in use";
  const failed = { kind: "failed", error: "address_in_use", text };
  assertEquals<unknown>(other.said, [loaded, failed]);
});

Deno.test("ServerWorker accepts nobody before all others listen", async () => {
  const { all, hello, tell } = stage();
  await tell({ kind: "start", order: ORDER });
  await hello("s");
  assertEquals(all("place"), []);
  await tell({ kind: "serve" });
  assertEquals(all("place").length, 1);
});

Deno.test("ServerWorker asks where a session is to be, and says what becomes of it", async () => {
  const { all, clock, hello, tell } = stage();
  await tell({ kind: "start", order: ORDER }, { kind: "serve" });
  const { peer } = await hello("s");
  assertEquals([peer.heard, all("settled")], [[], []]);
  const [{ call, session }] = all("place") as [FromWorker & { kind: "place" }];
  assertEquals(session, "s");
  await tell({ kind: "placed", call, placement: { at: "here" } });
  assertStringIncludes(peer.heard[0]!, "WELCOME 1 s ");
  assertEquals(all("settled"), [{ kind: "settled", session: "s", isKept: true }]);
  await peer.say("TERMINATE done\n");
  await peer.hangUp();
  await clock.advance(0);
  assertEquals(all("ended"), [{ kind: "ended", session: "s" }]);
  await tell({ kind: "stop", reason: "shutdown", text: "" });
  assertEquals(all("over"), [{ kind: "over", served: 1, lost: 0 }]);
  assertEquals(clock.pending, 0);
});

Deno.test("ServerWorker says of a connection that comes to nothing that it did", async () => {
  const { all, clock, hello, tell } = stage();
  await tell({ kind: "start", order: ORDER }, { kind: "serve" });
  // It has nothing of a session that has been open before.
  await hello("s", { reconnect: true, confirmed: 5, sent: 5 });
  await tell({ kind: "placed", call: all("place")[0]!.call, placement: { at: "here" } });
  await clock.advance(0);
  assertEquals(all("settled"), [{ kind: "settled", session: "s", isKept: false }]);
});

Deno.test("ServerWorker does not welcome what could not be kept", async () => {
  for (const hasFailed of [false, true]) {
    const { all, clock, hello, tell } = stage();
    const delivery = { isDurable: true };
    await tell({ kind: "start", order: { ...ORDER, delivery } }, { kind: "serve" });
    const { peer } = await hello("s");
    await tell({ kind: "placed", call: all("place")[0]!.call, placement: { at: "here" } });
    assertEquals(peer.heard, []);
    const [{ call, entry }] = all("keep") as [FromWorker & { kind: "keep" }];
    assertEquals([entry.kind, entry.session], ["opened", "s"]);
    // Why, comes later.
    await tell({ kind: "done", call, hasFailed });
    await clock.advance(10);
    assertEquals(peer.heard.length, hasFailed ? 0 : 1);
  }
});

Deno.test("ServerWorker serves what is lent to it, and counts the 5 s from its beginning", async () => {
  const { all, clock, said, tell } = stage();
  await tell({ kind: "start", order: ORDER }, { kind: "serve" });
  await clock.advance(10_000);
  const forwarding = { forwarding: 3, peer: "192.0.2.1:50000", session: "s" };
  await tell({ kind: "take", age_ms: 4_000, ...forwarding });
  assertEquals(all("use").map(({ forwarding, what }) => [forwarding, what.use]), [[3, "read"]]);
  await clock.advance(999);
  assertEquals(all("event"), []);
  await clock.advance(1);
  const [end] = all("event").map(({ event }) => event);
  assertEquals(end?.event === "terminated" && [end.peer, end.text], [
    "192.0.2.1:50000",
    "no HELLO within 5 s",
  ]);
  const written = said.flatMap((each) =>
    each.kind === "use" && each.what.use === "write" ? [each.what.bytes] : []
  );
  assertStringIncludes(new TextDecoder().decode(written[0]), "TERMINATE silent");
  await clock.advance(2_000);
  assertEquals(all("settled"), [{ kind: "settled", session: "s", isKept: false }]);
});
