/**
 * Escapes untrusted text for display in one line.
 *
 * @module
 */

/** Nearly all text; to find this takes a tenth of the time. */
const PRINTABLE_ASCII = /^[ -~]*$/;

/** Escapes unprintable characters as `\u` and the four digits of each UTF-16 code unit, as JSON does. */
export function printable(text: string): string {
  if (PRINTABLE_ASCII.test(text)) return text;
  // Characters that are invisible, or change how a terminal displays what follows.
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
}

/** JSON in one line for any reader: what a string in it may hold raw, but is unprintable, is escaped. */
export function jsonLine(value: unknown): string {
  return printable(JSON.stringify(value));
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/** Made when it is needed: few processes need it. */
let lenientDecoder: TextDecoder | undefined;

/** Quotes, escapes and truncates bytes from a peer. */
export function quoted(bytes: Uint8Array): string {
  lenientDecoder ??= new TextDecoder("utf-8", { ignoreBOM: true });
  return quotedText(lenientDecoder.decode(bytes.subarray(0, 160)));
}

/** Quotes, escapes and truncates a text from a peer. */
export function quotedText(text: string): string {
  return printable(JSON.stringify(text.length > 40 ? text.slice(0, 40) + "…" : text));
}
