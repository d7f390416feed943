/**
 * Untrusted text, escaped for display.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { quoted } from "../../lib/wire/quote.ts";
import { bytesOf } from "../support/decoding.ts";

Deno.test("quoted() escapes invisible characters, and truncates to 40 characters", () => {
  assertEquals(quoted(bytesOf('a "b" \\ é')), '"a \\"b\\" \\\\ é"');
  assertEquals(quoted(bytesOf("\n\x1b\x7f\x9f")), '"\\n\\u001b\\u007f\\u009f"');
  assertEquals(quoted(bytesOf("\ufeffa\u202eb\u2028c")), '"\\ufeffa\\u202eb\\u2028c"');
  assertEquals(quoted(Uint8Array.of(0xff, 0x61)), '"\ufffda"');
  assertEquals(quoted(bytesOf("x".repeat(40))), `"${"x".repeat(40)}"`);
  assertEquals(quoted(bytesOf("x".repeat(41))), `"${"x".repeat(40)}…"`);
  assertEquals(quoted(bytesOf("€".repeat(1_000_000))), `"${"€".repeat(40)}…"`);
});
