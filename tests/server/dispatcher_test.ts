/**
 * Detecting the protocol of a connection by its first bytes, and picking the worker that serves it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { OriginalProtocol } from "../../lib/original/protocol.ts";
import { ORIGINAL_TEXT as TEXT } from "../../lib/original/wire.ts";
import type { Connection } from "../../lib/platform/net/transport.ts";
import { UnopenedConnections } from "../../lib/server/strangers.ts";
import type { Coordinator, Forwarded, Placement } from "../../lib/server/options.ts";
import { Dispatcher, type IncomingConnection } from "../../lib/server/dispatcher.ts";
import { OPEN_LIMIT_MS } from "../../lib/session/timers.ts";
import { NO_RESULTS } from "../support/coordinator.ts";
import { type End, Path } from "../support/memory_network.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const HERE: Placement = { at: "here" };
const HELLO = 'HELLO 1 s {"reconnect":true}\n';

/** What a connection is served as, and when. */
type Served = Omit<IncomingConnection, "connection"> & { at_ms: number };

/** A coordinator that places as the test says, and records what it is asked. */
class ScriptedCoordinator implements Coordinator {
  onStranger(): void {}
  readonly idleResults = NO_RESULTS;
  readonly sessions = [];
  readonly isFull = false;
  readonly asked: (string | undefined)[] = [];
  readonly lent: (Forwarded & { forwarding: number })[] = [];
  readonly #placement: () => Placement | Promise<Placement>;

  constructor(placement: () => Placement | Promise<Placement>) {
    this.#placement = placement;
  }

  async findWorker(session: string | undefined): Promise<Placement> {
    this.asked.push(session);
    return await this.#placement();
  }

  forward(to: Forwarded & { forwarding: number }): Promise<void> {
    this.lent.push(to);
    return Promise.resolve();
  }

  judge(): undefined {}
  sessionPlaced(): void {}
  sessionStarted(): void {}
  sessionEnded(): void {}
}

/** A dispatcher, and the connection that it receives 1 s after the clock has started. */
async function stage(
  coordinator?: ScriptedCoordinator,
  receive?: (dispatcher: Dispatcher, end: End) => void,
) {
  const clock = new VirtualClock();
  await clock.advance(1_000);
  const path = new Path(clock);
  const stopping = new AbortController();
  const served: Served[] = [];
  const connections: Connection[] = [];
  const ended: string[] = [];
  const unopened = new UnopenedConnections({
    clock,
    most: 1,
    stopping: stopping.signal,
    onStranger: ({ limit, sent = limit! }) => ended.push(sent),
  });
  const dispatcher = new Dispatcher({
    clock,
    unopened,
    coordinator,
    legacy: new OriginalProtocol(),
    serve: ({ connection, ...incoming }) => {
      connections.push(connection);
      served.push({ ...incoming, at_ms: clock.now() });
    },
  });
  if (receive) receive(dispatcher, path.server);
  else dispatcher.receive(path.server);
  const say = async (text: string) => {
    await path.client.write(bytes(text));
    await settle();
  };
  return { clock, path, stopping, served, connections, ended, unopened, say };
}

/** What can be read of a connection by now, in one read. */
async function readText(connection: Connection): Promise<string> {
  const buffer = new Uint8Array(2_048);
  const count = await connection.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
}

/** How any other connection is served. */
const plain = { connected_ms: 1_000, legacy: undefined, session: undefined };

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("Dispatcher without a coordinator serves Pulsewire as soon as it is told from the original", async () => {
  const { clock, connections, say, served } = await stage();
  await say("H");
  assertEquals(served, [{ ...plain, at_ms: 1_000 }]);
  await say(HELLO.slice(1));
  assertEquals(await readText(connections[0]!), "H");
  assertEquals(await readText(connections[0]!), HELLO.slice(1));
  assertEquals(clock.pending, 0);
});

Deno.test("Dispatcher serves legacy clients by their first bytes", async () => {
  for (const text of [TEXT.data, TEXT.heartbeat]) {
    const { clock, connections, say, served } = await stage();
    await say(text.slice(0, 5));
    await clock.advance(500);
    assertEquals(served, []);
    await say(text.slice(5));
    assertEquals(served, [{ ...plain, legacy: bytes(text), at_ms: 1_500 }]);
    assertEquals(await readText(connections[0]!), text);
  }
});

Deno.test("Dispatcher asks the coordinator after a whole HELLO only, with its session", async () => {
  const coordinator = new ScriptedCoordinator(() => HERE);
  const { clock, connections, say, served } = await stage(coordinator);
  for (const piece of [HELLO.slice(0, 3), HELLO.slice(3, 20), HELLO.slice(20, -1)]) {
    await say(piece);
    await clock.advance(1_000);
    assertEquals([coordinator.asked, served], [[], []]);
  }
  await say("\nDATA 1 1\nx\n");
  assertEquals(coordinator.asked, ["s"]);
  const expected = { ...plain, refusal: undefined, session: "s", at_ms: 4_000 };
  assertEquals(served, [expected]);
  assertEquals(await readText(connections[0]!), `${HELLO}DATA 1 1\nx\n`);
  assertEquals(clock.pending, 0);
});

Deno.test("Dispatcher asks the coordinator about legacy clients, which name no session", async () => {
  const coordinator = new ScriptedCoordinator(() => HERE);
  const { say, served } = await stage(coordinator);
  await say(TEXT.data);
  assertEquals(coordinator.asked, [undefined]);
  const expected = { ...plain, legacy: bytes(TEXT.data), refusal: undefined, at_ms: 1_000 };
  assertEquals(served, [expected]);
});

Deno.test("Dispatcher does not ask the coordinator about a connection that names no session", async () => {
  for (const text of ["nonsense\n", "HEARTBEAT 1\n", "HELLO 1\n", "x".repeat(2_000), "\n"]) {
    const coordinator = new ScriptedCoordinator(() => HERE);
    const { clock, say, served } = await stage(coordinator);
    await say(text);
    assertEquals(served, [{ ...plain, at_ms: 1_000 }], text.slice(0, 20));
    assertEquals([coordinator.asked, clock.pending], [[], 0]);
  }
});

Deno.test("Dispatcher ends a connection that is silent for 5 s, whatever has come of its first line", async () => {
  const sent: Record<string, string> = {
    "": "nothing",
    [HELLO.slice(0, 20)]: JSON.stringify(HELLO.slice(0, 20)),
    [TEXT.data.slice(0, 5)]: JSON.stringify(TEXT.data.slice(0, 5)),
  };
  for (const text of Object.keys(sent)) {
    for (const coordinator of [undefined, new ScriptedCoordinator(() => HERE)]) {
      // Without a coordinator no more than that is needed to serve it.
      if (!coordinator && text.startsWith("H")) continue;
      const { clock, ended, path, say, served } = await stage(coordinator);
      if (text !== "") await say(text);
      await clock.advance(OPEN_LIMIT_MS - 1);
      assertEquals(path.server.closed, false);
      await clock.advance(1);
      assertEquals([served, ended, path.server.closed], [[], [sent[text]!], true]);
      assertEquals(await readText(path.client), "TERMINATE silent no HELLO within 5 s\n");
      assertEquals([coordinator?.asked ?? [], clock.pending], [[], 0]);
    }
  }
});

Deno.test("Dispatcher serves a connection that is reset at once, so that this is reported", async () => {
  const { clock, path, served } = await stage(new ScriptedCoordinator(() => HERE));
  path.reset();
  await settle();
  assertEquals(served, [{ ...plain, at_ms: 1_000 }]);
  assertEquals(clock.pending, 0);
});

Deno.test("Dispatcher serves no connection that is closed at once, or gives way", async () => {
  for (const coordinator of [undefined, new ScriptedCoordinator(() => HERE)]) {
    for (const isClosed of [true, false]) {
      const { clock, ended, path, served, unopened } = await stage(coordinator);
      if (isClosed) path.client.finish();
      else unopened.add(new Path(clock).server);
      await clock.advance(0);
      assertEquals(served, []);
      assertEquals([ended, path.server.closed], [[isClosed ? "nothing" : "max_unopened"], true]);
      assertEquals(clock.pending, 0);
    }
  }
});

Deno.test("Dispatcher waits for no connection when the server stops", async () => {
  const coordinator = new ScriptedCoordinator(() => HERE);
  const { clock, say, served, stopping } = await stage(coordinator);
  await say(HELLO.slice(0, 10));
  stopping.abort();
  await clock.advance(0);
  assertEquals(served, [{ ...plain, at_ms: 1_000 }]);
  assertEquals([coordinator.asked, clock.pending], [[], 0]);
});

Deno.test("Dispatcher serves a connection that the coordinator refuses with the reason, without a session", async () => {
  const refusal = { refusal: "there is no room", limit: "max_sessions" } as const;
  const coordinator = new ScriptedCoordinator(() => ({ at: "here", refusal }));
  const { connections, say, served } = await stage(coordinator);
  await say(HELLO);
  assertEquals(served, [{ ...plain, refusal, at_ms: 1_000 }]);
  // ServerSession reads the HELLO again, and refuses it.
  assertEquals(await readText(connections[0]!), HELLO);
});

Deno.test("Dispatcher forwards a connection that is placed elsewhere, whole, and does not serve it", async () => {
  const placement = Promise.withResolvers<Placement>();
  const coordinator = new ScriptedCoordinator(() => placement.promise);
  const { clock, say, served } = await stage(coordinator);
  await say(HELLO);
  await clock.advance(500);
  await say("DATA 1 1\nx\n");
  assertEquals(coordinator.lent, []);
  placement.resolve({ at: "elsewhere", forwarding: 7 });
  await settle();
  const { connected_ms, connection, forwarding } = coordinator.lent[0]!;
  assertEquals([forwarding, connected_ms, served], [7, 1_000, []]);
  assertEquals(await readText(connection), HELLO);
  assertEquals(await readText(connection), "DATA 1 1\nx\n");
});

Deno.test("Dispatcher.serveForwarded() serves what was forwarded, of whatever session, without asking the coordinator", async () => {
  const coordinator = new ScriptedCoordinator(() => HERE);
  for (const [text, session] of [[HELLO, "s"], [TEXT.heartbeat, undefined]] as const) {
    const legacy = session === undefined ? bytes(text) : undefined;
    const forward = (dispatcher: Dispatcher, end: End) =>
      void dispatcher.serveForwarded({ connection: end, connected_ms: 300, session });
    const { connections, say, served } = await stage(coordinator, forward);
    await say(text);
    assertEquals(served, [{
      connected_ms: 300,
      legacy,
      session,
      refusal: undefined,
      at_ms: 1_000,
    }]);
    assertEquals(await readText(connections[0]!), text);
  }
  assertEquals(coordinator.asked, []);
});

Deno.test("Dispatcher.serveForwarded() counts the 5 s from when the connection was accepted", async () => {
  const forward = (dispatcher: Dispatcher, end: End) =>
    void dispatcher.serveForwarded({ connection: end, connected_ms: 300, session: "s" });
  const { clock, served } = await stage(new ScriptedCoordinator(() => HERE), forward);
  await clock.advance(OPEN_LIMIT_MS - 701);
  assertEquals(served, []);
  await clock.advance(1);
  const expected = { ...plain, connected_ms: 300, session: "s", refusal: undefined, at_ms: 5_300 };
  assertEquals(served, [expected]);
  assert(clock.pending === 0);
});
