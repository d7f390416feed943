/**
 * Ids of sessions.
 *
 * @module
 */

/** An id of 64 random bits, in hexadecimal. */
export function randomId(random: (bytes: Uint8Array) => void): string {
  const bytes = new Uint8Array(8);
  random(bytes);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
