/**
 * The version: the same wherever it stands.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { VERSION } from "../../lib/cli/help.ts";

Deno.test("VERSION is the version in deno.json", async () => {
  const text = await Deno.readTextFile(new URL("../../deno.json", import.meta.url));
  assertEquals(VERSION, JSON.parse(text).version);
  assertMatch(VERSION, /^\d+\.\d+\.\d+/);
});
