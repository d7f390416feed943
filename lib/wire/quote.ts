/**
 * Escapes untrusted text for display in one line.
 *
 * @module
 */

/** Characters that are invisible, or change how a terminal displays what follows. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Escapes unprintable characters as `\u` and their code. */
export function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (each) => `\\u${each.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
}

const lenientDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Quotes, escapes and truncates bytes from a peer. */
export function quoted(bytes: Uint8Array): string {
  return quotedText(lenientDecoder.decode(bytes.subarray(0, 160)));
}

/** Quotes, escapes and truncates a text from a peer. */
export function quotedText(text: string): string {
  return printable(JSON.stringify(text.length > 40 ? text.slice(0, 40) + "…" : text));
}
