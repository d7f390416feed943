/**
 * A connection that is looked at before it is read: nothing that was seen is lost or given twice.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { TransportError } from "../../lib/platform/net/transport.ts";
import { PeekedConnection } from "../../lib/server/first_bytes.ts";
import { MAX_LINE_BYTES } from "../../lib/wire/protocol.ts";
import { bytes, text } from "../support/bytes.ts";
import { Path, type PathOptions } from "../support/memory_network.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

/** A connection that is being peeked at, and the other end of it. */
function stage(options: PathOptions = {}) {
  const path = new Path(new VirtualClock(), options);
  return { path, far: path.client, peeked: new PeekedConnection(path.server) };
}

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
  assertEquals([first.length, all], [MAX_LINE_BYTES, "x".repeat(2000)]);
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
