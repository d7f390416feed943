/**
 * What waits for delivery keeps its payload, though the reader reuses the buffer.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { NextBatch, Queue } from "../../lib/store/queue.ts";
import { message } from "../support/store_folder.ts";

Deno.test("entries keep their payloads, in a batch and in a queue, when their buffer is reused", () => {
  const buffer = Uint8Array.of(1, 2, 3);
  const [queue, batch] = [new Queue(), new NextBatch()];
  const called: string[] = [];
  batch.add({ ...message("a", 1), payload: buffer }, undefined);
  queue.add({ ...message("b", 1), payload: buffer }, () => called.push("stored"));
  buffer.fill(9);
  queue.moveTo(batch, 1);
  assertEquals(batch.entries.payloads(), [Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3)]);
  assertEquals([queue.isEmpty, batch.entries.length], [true, 2]);
  for (const each of batch.onStored) each();
  assertEquals(called, ["stored"]);
});
