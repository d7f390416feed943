/**
 * The relay of the other tests fails as it says, and otherwise forwards what it is given.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { FaultRelay } from "./fault_relay.ts";
import { Random } from "./random.ts";
import { Relay } from "./relay.ts";

const FRAME = new TextEncoder().encode("DATA 1 5\nhello\n");
const hostname = "127.0.0.1";

/** A client and a server with a relay between them. */
interface Path extends AsyncDisposable {
  relay: Relay;
  client: Deno.TcpConn;
  server: Deno.TcpConn;
}

async function openPath(): Promise<Path> {
  await using made = new AsyncDisposableStack();
  const listener = made.use(Deno.listen({ hostname, port: 0 }));
  const relay = made.use(await Relay.open(listener.addr.port));
  const client = made.use(await Deno.connect({ hostname, port: relay.port }));
  const server = made.use(await listener.accept());
  // Each direction has been through.
  await client.write(FRAME);
  assertEquals(await readSome(server), FRAME.length);
  await server.write(FRAME);
  assertEquals(await readSome(client), FRAME.length);
  const record = made.move();
  return { relay, client, server, [Symbol.asyncDispose]: () => record.disposeAsync() };
}

function readSome(connection: Deno.TcpConn): Promise<number | null> {
  return connection.read(new Uint8Array(65_536));
}

/** All that comes before a connection ends. */
async function readAll(connection: Deno.TcpConn, bytes: number[] = []): Promise<Uint8Array> {
  const buffer = new Uint8Array(65_536);
  for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
    bytes.push(...buffer.subarray(0, n));
  }
  return Uint8Array.from(bytes);
}

Deno.test("Line.cut() closes towards both sides", async () => {
  await using path = await openPath();
  path.relay.line.cut();
  assertEquals([await readSome(path.client), await readSome(path.server)], [null, null]);
});

for (const towards of ["client", "server"] as const) {
  Deno.test(`Line.reset() resets towards the ${towards}, and closes the other side`, async () => {
    await using path = await openPath();
    path.relay.line.reset(towards);
    const other = towards === "client" ? "server" : "client";
    await assertRejects(() => readSome(path[towards]), Deno.errors.ConnectionReset);
    assertEquals(await readSome(path[other]), null);
  });
}

Deno.test("Line.truncate() ends a direction in the middle of a frame", async () => {
  await using path = await openPath();
  const truncated = path.relay.line.truncate("toServer");
  await path.client.write(FRAME);
  assertEquals(await readAll(path.server), FRAME.slice(0, -3));
  await truncated;
  assertEquals(await readSome(path.client), null);
});

for (const again of [false, true]) {
  const when = again ? ", also when it is silenced again" : "";
  Deno.test(`Line.silence() holds one direction back${when}, and Line.heal() lets it through`, async () => {
    await using path = await openPath();
    path.relay.line.silence("toServer");
    await path.client.write(FRAME);
    const arrived = readSome(path.server).then((count) => ({ count }));
    // The relay has read it when something else has made its way through.
    await path.server.write(FRAME);
    assertEquals(await readSome(path.client), FRAME.length);
    if (again) path.relay.line.silence("toServer", "toClient");
    const first = await Promise.race([arrived, new Promise((resolve) => setTimeout(resolve, 50))]);
    assertEquals(first, undefined);
    path.relay.line.heal();
    assertEquals(await arrived, { count: FRAME.length });
  });
}

Deno.test("a relay hands on an end, and the other direction outlives it", async () => {
  await using path = await openPath();
  await path.client.closeWrite();
  assertEquals(await readSome(path.server), null);
  await path.server.write(FRAME);
  await path.server.closeWrite();
  assertEquals(await readAll(path.client), FRAME);
});

Deno.test("a relay hands on a reset", async () => {
  await using path = await openPath();
  await using second = await Relay.open(path.relay.port);
  const client = await Deno.connect({ hostname, port: second.port });
  await client.write(FRAME);
  while (path.relay.lines.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  path.relay.line.reset("client");
  await assertRejects(() => readSome(client), Deno.errors.ConnectionReset);
  client.close();
});

Deno.test("a relay closes what it cannot connect", async () => {
  const listener = Deno.listen({ hostname, port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using relay = await Relay.open(port);
  using client = await Deno.connect({ hostname, port: relay.port });
  assertEquals(await readSome(client).catch(() => null), null);
});

Deno.test("a fault relay loses, doubles and mixes up nothing until it ends a connection", async () => {
  const all = new Random(1).bytes(4_000_000);
  using listener = Deno.listen({ hostname, port: 0 });
  await using relay = await FaultRelay.open(listener.addr.port, 1);
  relay.startFaults();
  const isMissing = () => Object.values(relay.injected).some((count) => count === 0);
  while (isMissing()) {
    using client = await Deno.connect({ hostname, port: relay.port });
    using server = await listener.accept();
    const bytes: number[] = [];
    const received = readAll(server, bytes).catch((error) => {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    });
    const ended = await assertRejects(async () => {
      for (let sent = 0;; sent += await client.write(all.subarray(sent, sent + 100))) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });
    assert(ended instanceof Deno.errors.BrokenPipe || ended instanceof Deno.errors.ConnectionReset);
    await received;
    assert(bytes.every((byte, i) => byte === all[i]), `the ${relay.connections}th connection`);
  }
  const ends = relay.injected.cut + relay.injected.reset + relay.injected.truncate;
  assertEquals(ends, relay.connections);
});
