/**
 * Random ids, secrets, and what is computed with them.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import {
  hashOf,
  hmacOf,
  isSameSecret,
  isSecret,
  randomId,
  randomSecret,
  systemRandom,
} from "../../lib/platform/secrets.ts";

Deno.test("randomId() formats 64 random bits in hexadecimal", () => {
  assertEquals(randomId((bytes) => bytes.set([0, 1, 15, 16, 255])), "00010f10ff000000");
  assertMatch(randomId(systemRandom), /^[0-9a-f]{16}$/);
});

Deno.test("randomSecret() formats 256 random bits in base64url", () => {
  assertEquals(randomSecret((bytes) => bytes.fill(0xfb)), "-_v7".repeat(10) + "-_s");
  assertNotEquals(randomSecret(systemRandom), randomSecret(systemRandom));
});

Deno.test("isSecret() takes 43 characters of base64url", () => {
  assert(isSecret(randomSecret(systemRandom)));
  for (const other of ["A".repeat(42), "A".repeat(44), `${"A".repeat(42)}+`, 5, null, undefined]) {
    assert(!isSecret(other), String(other));
  }
});

Deno.test("hashOf() is SHA-256, and hmacOf() HMAC-SHA-256 under the bytes of the secret", () => {
  // Both as Python's hashlib and hmac have them.
  assertEquals(hashOf("abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
  const secret = randomSecret((bytes) => bytes.forEach((_, at) => bytes[at] = at));
  assertEquals(hmacOf(secret, "abc"), "8BM3KcQWPe3oHiHNR4OSVtpYFxI4yKDYdDl8c7FOHkc");
});

Deno.test("isSameSecret() compares whole texts", () => {
  assert(isSameSecret("abc", "abc"));
  assert(!isSameSecret("abc", "abd"));
  assert(!isSameSecret("abc", "ab"));
});
