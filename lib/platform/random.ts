/**
 * Random bytes and ids.
 *
 * @module
 */

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
