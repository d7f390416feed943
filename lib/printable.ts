/**
 * Makes any text fit to be shown to a person, in one line.
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
