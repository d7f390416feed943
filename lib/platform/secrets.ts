/**
 * Random bytes, ids and secrets; and what is computed with secrets.
 *
 * @module
 */
import type * as Crypto from "node:crypto";

/** Fills an array with random bytes. */
export type Random = (bytes: Uint8Array) => void;

/** The system's cryptographically secure source. */
export const systemRandom: Random = (bytes) => {
  crypto.getRandomValues(bytes);
};

/** An id of 64 random bits, in hexadecimal. */
export function randomId(random: Random): string {
  const bytes = new Uint8Array(8);
  random(bytes);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** How many characters of base64url 256 bits take. */
export const SECRET_LENGTH = 43;

const SECRET = new RegExp(`^[A-Za-z0-9_-]{${SECRET_LENGTH}}$`);

/** 256 random bits, in base64url. */
export function randomSecret(random: Random): string {
  const bytes = new Uint8Array(32);
  random(bytes);
  const base64 = btoa(String.fromCharCode(...bytes));
  return base64.replaceAll("+", "-").replaceAll("/", "_").slice(0, SECRET_LENGTH);
}

/** Whether a text is 256 bits in base64url, as a secret, a nonce, a hash or an HMAC is written. */
export function isSecret(text: unknown): text is string {
  return typeof text === "string" && SECRET.test(text);
}

/** The SHA-256 of a text. */
export function hashOf(text: string): string {
  return nodeCrypto().createHash("sha256").update(text).digest("base64url");
}

/** The HMAC-SHA-256 of a text under a secret. */
export function hmacOf(secret: string, text: string): string {
  const { createHmac, createSecretKey } = nodeCrypto();
  const key = createSecretKey(secret, "base64url");
  return createHmac("sha256", key).update(text).digest("base64url");
}

/** Whether two texts are the same; how long that takes does not depend on where they differ. */
export function isSameSecret(one: string, other: string): boolean {
  const [a, b] = [encoder.encode(one), encoder.encode(other)];
  return a.length === b.length && nodeCrypto().timingSafeEqual(a, b);
}

const encoder = new TextEncoder();

/**
 * Loaded when first needed, which takes 20 ms; WebCrypto would answer only later, and take six times as long. Not
 * by an import of `node:process`, which takes 8 ms of each start: the global object has it too.
 */
function nodeCrypto(): typeof Crypto {
  return globalThis.process.getBuiltinModule("node:crypto");
}
