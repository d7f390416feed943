/**
 * Random ids.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { randomId, systemRandom } from "../../lib/platform/random.ts";

Deno.test("randomId() formats 64 random bits in hexadecimal", () => {
  assertEquals(randomId((bytes) => bytes.set([0, 1, 15, 16, 255])), "00010f10ff000000");
  assertMatch(randomId(systemRandom), /^[0-9a-f]{16}$/);
});
