/**
 * Text as bytes, and back.
 *
 * @module
 */

/** The bytes of a text. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The text that bytes stand for. */
export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
