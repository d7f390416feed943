/**
 * A batch of entries survives the way to the store's thread.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { decodeBatch, encodeBatch } from "../../../lib/store/sqlite/batch.ts";
import { AT, ended, lost, message, opened, resumed } from "../../support/store_folder.ts";

Deno.test("decodeBatch() gives the entries that encodeBatch() was given", () => {
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
  const batch = encodeBatch(entries);
  buffer.fill(0);
  odd.payload = Uint8Array.from({ length: 283 }, (_, i) => i + 7);
  assertEquals([...decodeBatch(batch)], entries);
  assertEquals([...decodeBatch(encodeBatch([]))], []);
});
