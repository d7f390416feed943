/**
 * A batch of entries survives the way to the store's thread.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Batch, decodeEntries } from "../../lib/store/batch.ts";
import { AT, ended, lost, message, opened, resumed } from "../support/store_folder.ts";

Deno.test("A batch gives the entries that it was given, here and in another thread", () => {
  const buffer = Uint8Array.from({ length: 300 }, (_, i) => i);
  const odd = { ...message("a", 3), payload: buffer.subarray(7, 290) };
  const entries = [
    opened("a"),
    message("a", 1),
    opened("b – ü", 2 ** 52),
    { ...message("b – ü", 2 ** 52 + 1, AT + 0.5), payload: new Uint8Array() },
    odd,
    lost("a"),
    resumed("a"),
    ended("a"),
  ];
  const batch = Batch.of(entries);
  buffer.fill(0);
  odd.payload = Uint8Array.from({ length: 283 }, (_, i) => i + 7);
  assertEquals([...batch], entries);
  assertEquals([...decodeEntries(structuredClone(batch.encoded))], entries);
  assertEquals([batch.length, batch.lastAt], [entries.length, AT]);
  assertEquals([...decodeEntries(new Batch().encoded)], []);
});
