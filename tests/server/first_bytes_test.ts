/**
 * The first bytes of a connection: what they identify, and reading ahead.
 *
 * @module
 */
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { OriginalProtocol } from "../../lib/original/protocol.ts";
import { ORIGINAL_TEXT as TEXT } from "../../lib/original/wire.ts";
import { type KernelAnswer, TransportError } from "../../lib/platform/net/transport.ts";
import {
  identifiesProtocol,
  identifiesSession,
  parseHello,
  PeekedConnection,
} from "../../lib/server/first_bytes.ts";
import { MAX_LINE_BYTES } from "../../lib/wire/protocol.ts";
import { SMALLEST_READ_BYTES } from "../../lib/wire/reader.ts";
import { bytes } from "../support/bytes.ts";
import { Path, type PathOptions } from "../support/memory_network.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const legacy = new OriginalProtocol();

/** After how many bytes of a text this is so; `undefined` if it never is. */
function from(text: string, isSo: typeof identifiesProtocol): number | undefined {
  for (let count = 1; count <= text.length; count++) {
    if (isSo(bytes(text.slice(0, count)), legacy)) return count;
  }
}

const HELLO = 'HELLO 1 s {"reconnect":true,"confirmed":3,"sent":5}';

/** What is sent; after how many bytes its protocol, and the session or that it has none, is known. */
const SAID: [string, number | undefined, number | undefined][] = [
  [`${HELLO}\nDATA 1 1\nx\n`, 1, HELLO.length + 1],
  [`${HELLO}\r\n`, 1, HELLO.length + 2],
  [HELLO, 1, undefined],
  [`HEARTBEAT 1\n`, 1, 12],
  [TEXT.data, TEXT.data.length, TEXT.data.length],
  [TEXT.data + TEXT.data, TEXT.data.length, TEXT.data.length],
  [TEXT.heartbeat, TEXT.heartbeat.length, TEXT.heartbeat.length],
  // A client sends these to end a session, or never.
  [TEXT.terminate, TEXT.terminate.length, undefined],
  ["TERMINATE done\n", TEXT.terminate.length, 15],
  ["CLIENT_DATA\n", 12, 12],
  ["GET / HTTP/1.1\r\n", 1, 16],
  ["\n", 1, 1],
];

for (const [text, wire, session] of SAID) {
  Deno.test(`identifiesProtocol() and identifiesSession() on ${JSON.stringify(text.slice(0, 24))}`, () => {
    assertEquals([from(text, identifiesProtocol), from(text, identifiesSession)], [wire, session]);
    // More bytes change nothing.
    for (let count = session ?? Infinity; count <= text.length; count++) {
      assertEquals(identifiesSession(bytes(text.slice(0, count)), legacy), true);
    }
  });
}

Deno.test("without a legacy protocol, any byte identifies the protocol, and a line the session", () => {
  for (const text of [`${HELLO}\n`, `${TEXT.data}\n`]) {
    assertEquals(identifiesProtocol(bytes(text.slice(0, 1))), true);
    assertEquals(identifiesSession(bytes(text.slice(0, -1))), false);
    assertEquals(identifiesSession(bytes(text)), true);
  }
});

Deno.test("parseHello() gives the HELLO, whatever comes behind it", () => {
  const hello = {
    id: "s",
    reconnects: true,
    confirmed: 3,
    sent: 5,
    settled: false,
    token: undefined,
    threshold_ms: Infinity,
    knows: [],
  };
  for (const rest of ["", "DATA 1 1\nx\n", "DATA 1", "nonsense\n"]) {
    assertEquals(parseHello(bytes(`${HELLO}\n${rest}`)), hello, rest);
  }
});

Deno.test("parseHello() gives nothing where there is no HELLO, or none yet", () => {
  const none = ["", HELLO, "HEARTBEAT 1\n", "nonsense\n", "HELLO 1\n", "HELLO 1 s {\n", TEXT.data];
  for (const text of [...none, `DATA 1 1\nx\n${HELLO}\n`, "x".repeat(2_000)]) {
    assertEquals(parseHello(bytes(text)), undefined, text);
  }
});

/** A connection that is being peeked at, and the other end of it. */
function stage(options: PathOptions = {}) {
  const path = new Path(new VirtualClock(), options);
  return { path, far: path.client, peeked: new PeekedConnection(path.server) };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What one read of so many bytes gives; `null` at the end. */
async function readText(connection: PeekedConnection, length: number): Promise<string | null> {
  const buffer = new Uint8Array(length);
  const count = await connection.read(buffer);
  return count === null ? null : text(buffer.subarray(0, count));
}

Deno.test("PeekedConnection.peek() gives the first bytes, and reads give them again", async () => {
  const { far, peeked } = stage();
  await far.write(bytes("HELLO"));
  assertEquals(text(await peeked.peek()), "HELLO");
  assertEquals(text(await peeked.peek()), "HELLO");
  await far.write(bytes(" there"));
  assertEquals(await readText(peeked, 512), "HELLO");
  assertEquals(await readText(peeked, 512), " there");
});

Deno.test("PeekedConnection.peek() waits for bytes that are still to come", async () => {
  const { far, peeked } = stage();
  const peeking = peeked.peek();
  await settle();
  await far.write(bytes("later"));
  assertEquals(text(await peeking), "later");
  assertEquals(await readText(peeked, 512), "later");
});

Deno.test("PeekedConnection.read() gives the first bytes in steps of any size, then the rest", async () => {
  for (let step = 1; step <= 12; step++) {
    const { far, peeked } = stage();
    await far.write(bytes("first bytes"));
    await peeked.peek();
    await far.write(bytes(" and more"));
    far.close();
    let all = "";
    for (let next = await readText(peeked, step); next !== null;) {
      all += next;
      next = await readText(peeked, step);
    }
    assertEquals(all, "first bytes and more", `in steps of ${step}`);
  }
});

Deno.test("PeekedConnection.read() reads on where more came at once than is peeked at", async () => {
  const { far, peeked } = stage();
  await far.write(bytes("x".repeat(2000)));
  const first = await peeked.peek();
  let all = "";
  while (all.length < 2000) all += await readText(peeked, 300);
  assertEquals([first.length, all], [SMALLEST_READ_BYTES, "x".repeat(2000)]);
});

Deno.test("PeekedConnection.peek() gives as much as a line may have, where less is not enough", async () => {
  for (const step of [100, 256, 2000]) {
    const path = new Path(new VirtualClock(), { fragment: (bytes) => Math.min(bytes, step) });
    const peeked = new PeekedConnection(path.server, () => false);
    await path.client.write(bytes("x".repeat(2000)));
    assertEquals(text(await peeked.peek()), "x".repeat(MAX_LINE_BYTES), `${step} at a time`);
  }
});

Deno.test("PeekedConnection.taken() gives the connection itself once its first bytes are known", async () => {
  const { far, path, peeked } = stage();
  assertStrictEquals(peeked.taken().connection, peeked);
  await far.write(bytes("HELLO"));
  await peeked.peek();
  const { connection, first } = peeked.taken();
  assertStrictEquals(connection, path.server);
  assertEquals(text(first!.buffer.subarray(0, first!.count)), "HELLO");
});

Deno.test("PeekedConnection.read() may come before anything can be seen", async () => {
  const { far, peeked } = stage();
  const reading = readText(peeked, 512);
  await far.write(bytes("at last"));
  assertEquals(await reading, "at last");
});

Deno.test("PeekedConnection.peek() gives nothing when the peer closes, and read() the end", async () => {
  const { far, peeked } = stage();
  far.close();
  assertEquals(await peeked.peek(), new Uint8Array(0));
  assertEquals(await readText(peeked, 512), null);
  assertEquals(await readText(peeked, 512), null);
});

Deno.test("PeekedConnection.peek() gives nothing when the connection fails, and read() the error", async () => {
  const { path, peeked } = stage();
  path.reset();
  assertEquals(await peeked.peek(), new Uint8Array(0));
  const error = await assertRejects(() => readText(peeked, 512), TransportError);
  assertEquals(error.kind, "reset");
});

Deno.test("PeekedConnection leaves no failure unheard when nobody looks at it or reads it", async () => {
  const { path } = stage();
  path.reset();
  // A rejection that nobody has heard of by then fails the test.
  await settle();
  assertEquals(path.server.closed, false);
});

Deno.test("PeekedConnection.close() ends a peek and a read that wait", async () => {
  const { far, peeked } = stage();
  const peeking = peeked.peek();
  const reading = readText(peeked, 512);
  peeked.close();
  assertEquals(await peeking, new Uint8Array(0));
  const error = await assertRejects(() => reading, TransportError);
  assertEquals(error.kind, "closed");
  assertEquals(await far.read(new Uint8Array(1)), null);
});

Deno.test("PeekedConnection writes, closes its side and tells its peer as the connection does", async () => {
  const { far, path, peeked } = stage();
  assertEquals(peeked.peer, path.server.peer);
  assertEquals(await peeked.write(bytes("answer")), 6);
  await peeked.closeWrite();
  const buffer = new Uint8Array(16);
  assertEquals(text(buffer.subarray(0, await far.read(buffer) ?? 0)), "answer");
  assertEquals(await far.read(buffer), null);
  await far.write(bytes("still heard"));
  assertEquals(await readText(peeked, 512), "still heard");
});

Deno.test("PeekedConnection passes on what is wrong with the interface of its connection", async () => {
  const clock = new VirtualClock();
  const { client, server } = new Path(clock);
  const peeked = new PeekedConnection(server);
  assertEquals(await peeked.linkFault(clock), undefined);
  server.linkFault = () => Promise.resolve("no link on eth0 (down)");
  assertEquals(await peeked.linkFault(clock), "no link on eth0 (down)");
  client.close();
});

Deno.test("PeekedConnection passes on what the kernel knows of its connection", () => {
  const clock = new VirtualClock();
  const { client, server } = new Path(clock);
  const peeked = new PeekedConnection(server);
  const answers: KernelAnswer[] = [];
  const receiver = { onKernelView: (answer: KernelAnswer) => void answers.push(answer) };
  peeked.kernelView(clock, receiver);
  server.kernelView = (_clock, receiver) => receiver.onKernelView({ unreadable: "no /proc" });
  peeked.kernelView(clock, receiver);
  assertEquals(answers, [{ unreadable: "no /proc" }]);
  client.close();
});
