/**
 * Joining byte arrays, and writing them in full.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { concat, copyOf, joinLines, writeAll } from "../../lib/platform/bytes.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const PARTS = [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)];

Deno.test("concat() copies all parts, joinLines() with a line feed after each", () => {
  assertEquals(concat(PARTS), Uint8Array.of(1, 2, 3));
  assertEquals(joinLines(PARTS), Uint8Array.of(1, 2, 10, 10, 3, 10));
  assertEquals([concat([]).length, joinLines([]).length], [0, 0]);
});

Deno.test("copyOf() keeps bytes whose buffer is reused, short and long, and holds little more", () => {
  const lengths = Array.from({ length: 400 }, (_, i) => i * 7 % 331);
  const source = new Uint8Array(400);
  const copies = lengths.map((length, i) => copyOf(source.fill(i % 256).subarray(0, length)));
  for (const [i, copy] of copies.entries()) {
    assertEquals(copy, new Uint8Array(lengths[i]!).fill(i % 256));
  }
  const held = new Set(copies.map(({ buffer }) => buffer));
  const bytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
  assert(bytes < 1.2 * lengths.reduce((sum, each) => sum + each) + 4_096, String(bytes));
});

Deno.test("writeAll() retries partial writes and a full sink until it is aborted", async () => {
  const clock = new VirtualClock();
  const written: number[] = [];
  const sink = {
    write(bytes: Uint8Array) {
      if (written.length === 2) return Promise.reject(new Deno.errors.WouldBlock());
      written.push(bytes[0]!);
      return Promise.resolve(1);
    },
  };
  const abort = new AbortController();
  const writing = writeAll(sink, concat(PARTS), { clock, signal: abort.signal });
  const rejecting = assertRejects(() => writing, Error, "stopped");
  await clock.advance(1_000);
  assertEquals(written, [1, 2]);
  abort.abort(new Error("stopped"));
  await rejecting;
  assertEquals(clock.pending, 0);
});
