/**
 * Where every connection comes first: what is told by its first bytes, and who serves it then.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { ORIGINAL_TEXT as TEXT } from "../lib/original_wire.ts";
import type { Placement, Pool } from "../lib/pool.ts";
import { HELLO_LIMIT_MS } from "../lib/protocol.ts";
import { type Caller, Reception } from "../lib/reception.ts";
import type { Connection } from "../lib/transport.ts";
import { type End, Path } from "./support/memory_network.ts";
import { settle, VirtualClock } from "./support/virtual_clock.ts";

const HERE: Placement = { at: "here" };
const HELLO = 'HELLO 1 s {"reconnect":true}\n';

/** What a caller is served as, and when. */
type Served = Omit<Caller, "connection"> & { at_ms: number };

/** A pool that places as it is told, and keeps what it is asked. */
class ToldPool implements Pool {
  readonly sessions = [];
  readonly isFull = false;
  readonly asked: (string | undefined)[] = [];
  readonly lent: { loan: number; connection: Connection; connected_ms: number }[] = [];
  readonly #placement: () => Placement | Promise<Placement>;

  constructor(placement: () => Placement | Promise<Placement>) {
    this.#placement = placement;
  }

  async place(session: string | undefined): Promise<Placement> {
    this.asked.push(session);
    return await this.#placement();
  }

  lend(loan: number, connection: Connection, connected_ms: number): Promise<void> {
    this.lent.push({ loan, connection, connected_ms });
    return Promise.resolve();
  }

  settled(): void {}
  begun(): void {}
  ended(): void {}
}

/** A reception, and the connection that it receives 1 s after the clock has started. */
async function stage(pool?: ToldPool, receive?: (reception: Reception, end: End) => void) {
  const clock = new VirtualClock();
  await clock.advance(1_000);
  const path = new Path(clock);
  const stopping = new AbortController();
  const served: Served[] = [];
  const connections: Connection[] = [];
  const reception = new Reception({
    clock,
    pool,
    stopping: stopping.signal,
    serve: ({ connection, ...caller }) => {
      connections.push(connection);
      served.push({ ...caller, at_ms: clock.now() });
    },
  });
  if (receive) receive(reception, path.server);
  else reception.receive(path.server);
  const say = async (text: string) => {
    await path.client.write(new TextEncoder().encode(text));
    await settle();
  };
  return { clock, path, stopping, served, connections, say };
}

/** What can be read of a connection by now, in one read. */
async function readText(connection: Connection): Promise<string> {
  const buffer = new Uint8Array(2_048);
  const count = await connection.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
}

/** How a caller is served that is nothing special. */
const plain = { connected_ms: 1_000, purpose: undefined, session: undefined };

Deno.test("Reception without a pool serves Pulsewire as soon as it is told from the original", async () => {
  const { clock, connections, say, served } = await stage();
  await say("H");
  assertEquals(served, [{ ...plain, at_ms: 1_000 }]);
  await say(HELLO.slice(1));
  assertEquals(await readText(connections[0]!), "H");
  assertEquals(await readText(connections[0]!), HELLO.slice(1));
  assertEquals(clock.pending, 0);
});

Deno.test("Reception serves original clients by what their connection is for", async () => {
  for (const [text, purpose] of [[TEXT.data, "data"], [TEXT.heartbeat, "heartbeat"]] as const) {
    const { clock, connections, say, served } = await stage();
    await say(text.slice(0, 5));
    await clock.advance(500);
    assertEquals(served, []);
    await say(text.slice(5));
    assertEquals(served, [{ ...plain, purpose, at_ms: 1_500 }]);
    assertEquals(await readText(connections[0]!), text);
  }
});

Deno.test("Reception asks its pool for a whole HELLO only, and says of which session it is", async () => {
  const pool = new ToldPool(() => HERE);
  const { clock, connections, say, served } = await stage(pool);
  for (const piece of [HELLO.slice(0, 3), HELLO.slice(3, 20), HELLO.slice(20, -1)]) {
    await say(piece);
    await clock.advance(1_000);
    assertEquals([pool.asked, served], [[], []]);
  }
  await say("\nDATA 1 1\nx\n");
  assertEquals(pool.asked, ["s"]);
  const caller = { ...plain, refusal: undefined, session: "s", at_ms: 4_000 };
  assertEquals(served, [caller]);
  assertEquals(await readText(connections[0]!), `${HELLO}DATA 1 1\nx\n`);
  assertEquals(clock.pending, 0);
});

Deno.test("Reception asks its pool for original clients, who name no session", async () => {
  const pool = new ToldPool(() => HERE);
  const { say, served } = await stage(pool);
  await say(TEXT.data);
  assertEquals(pool.asked, [undefined]);
  const caller = { ...plain, purpose: "data" as const, refusal: undefined, at_ms: 1_000 };
  assertEquals(served, [caller]);
});

Deno.test("Reception asks its pool for nobody whose session cannot be told", async () => {
  for (const text of ["nonsense\n", "HEARTBEAT 1\n", "HELLO 1\n", "x".repeat(2_000), "\n"]) {
    const pool = new ToldPool(() => HERE);
    const { clock, say, served } = await stage(pool);
    await say(text);
    assertEquals(served, [{ ...plain, at_ms: 1_000 }], text.slice(0, 20));
    assertEquals([pool.asked, clock.pending], [[], 0]);
  }
});

Deno.test("Reception serves whoever is silent for 5 s as nobody, with what was said by then", async () => {
  for (const text of ["", HELLO.slice(0, 20), TEXT.data.slice(0, 5)]) {
    for (const pool of [undefined, new ToldPool(() => HERE)]) {
      // Without a pool no more than that is needed to serve it.
      if (!pool && text.startsWith("H")) continue;
      const { clock, say, served } = await stage(pool);
      if (text !== "") await say(text);
      await clock.advance(HELLO_LIMIT_MS - 1);
      assertEquals(served, []);
      await clock.advance(1);
      assertEquals(served, [{ ...plain, at_ms: 1_000 + HELLO_LIMIT_MS }]);
      assertEquals([pool?.asked ?? [], clock.pending], [[], 0]);
    }
  }
});

Deno.test("Reception serves whoever closes or is reset at once, for that to be told", async () => {
  for (const end of ["finish", "reset"] as const) {
    const { clock, path, served } = await stage(new ToldPool(() => HERE));
    if (end === "finish") path.client.finish();
    else path.reset();
    await settle();
    assertEquals(served, [{ ...plain, at_ms: 1_000 }]);
    assertEquals(clock.pending, 0);
  }
});

Deno.test("Reception waits for nobody when it stops", async () => {
  const pool = new ToldPool(() => HERE);
  const { clock, say, served, stopping } = await stage(pool);
  await say(HELLO.slice(0, 10));
  stopping.abort();
  await clock.advance(0);
  assertEquals(served, [{ ...plain, at_ms: 1_000 }]);
  assertEquals([pool.asked, clock.pending], [[], 0]);
});

Deno.test("Reception serves whom its pool refuses with the reason, as of no session", async () => {
  const pool = new ToldPool(() => ({ at: "here", refusal: "there is no room" }));
  const { connections, say, served } = await stage(pool);
  await say(HELLO);
  assertEquals(served, [{ ...plain, refusal: "there is no room", at_ms: 1_000 }]);
  // Who it is, and that it is to be refused, is told by its session.
  assertEquals(await readText(connections[0]!), HELLO);
});

Deno.test("Reception lends a connection that is placed elsewhere, whole, and serves nobody", async () => {
  const placement = Promise.withResolvers<Placement>();
  const pool = new ToldPool(() => placement.promise);
  const { clock, say, served } = await stage(pool);
  await say(HELLO);
  await clock.advance(500);
  await say("DATA 1 1\nx\n");
  assertEquals(pool.lent, []);
  placement.resolve({ at: "elsewhere", loan: 7 });
  await settle();
  const [{ connected_ms, connection, loan }] = pool.lent as [typeof pool.lent[number]];
  assertEquals([loan, connected_ms, served], [7, 1_000, []]);
  assertEquals(await readText(connection), HELLO);
  assertEquals(await readText(connection), "DATA 1 1\nx\n");
});

Deno.test("Reception.take() serves what was lent to it, of whatever session, and asks nobody", async () => {
  const pool = new ToldPool(() => HERE);
  for (const [text, purpose] of [[HELLO, undefined], [TEXT.heartbeat, "heartbeat"]] as const) {
    const session = purpose ? undefined : "s";
    const take = (reception: Reception, end: End) => void reception.take(end, 300, session);
    const { connections, say, served } = await stage(pool, take);
    await say(text);
    assertEquals(served, [{ connected_ms: 300, purpose, session, at_ms: 1_000 }]);
    assertEquals(await readText(connections[0]!), text);
  }
  assertEquals(pool.asked, []);
});

Deno.test("Reception.take() counts the 5 s from when the connection was accepted", async () => {
  const take = (reception: Reception, end: End) => void reception.take(end, 300, "s");
  const { clock, served } = await stage(new ToldPool(() => HERE), take);
  await clock.advance(HELLO_LIMIT_MS - 701);
  assertEquals(served, []);
  await clock.advance(1);
  assertEquals(served, [{ ...plain, connected_ms: 300, session: "s", at_ms: 5_300 }]);
  assert(clock.pending === 0);
});
