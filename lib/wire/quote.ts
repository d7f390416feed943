/**
 * Text from anywhere, made fit to be shown in one line.
 *
 * @module
 */

/** What does not show, or changes how a terminal shows what follows. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The text with all that cannot be seen written as `\u` and its number. */
export function printable(text: string): string {
  return text.replace(
    UNSEEN,
    (each) => `\\u${each.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
}

const lenientDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What a peer sent, made fit to show: quoted, control characters escaped, cut to a glance. */
export function quoted(bytes: Uint8Array): string {
  return quotedText(lenientDecoder.decode(bytes.subarray(0, 160)));
}

/** A text that a peer sent, made fit to be shown: as `quoted`. */
export function quotedText(text: string): string {
  return printable(JSON.stringify(text.length > 40 ? text.slice(0, 40) + "…" : text));
}
