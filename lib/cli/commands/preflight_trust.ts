/**
 * Checks the files that say who may come in, and who is to be believed: lists of addresses. They are read as
 * the command reads them.
 *
 * @module
 */
import { type Clock, systemClock } from "../../platform/clock.ts";
import { UserError } from "../../platform/errors.ts";
import { isFileEntry } from "../check.ts";
import type { Settings } from "../settings.ts";
import { about, type Finding } from "./findings.ts";

/** How files are read, and watched until they are disposed of. */
export interface ReadOptions<Content> {
  /** Uses what is in them. */
  use: (content: Content) => void;
  /** Reports that they have changed. */
  report: () => void;
  /** Time. */
  clock: Clock;
}

/** Reads the files of a command as it does when it runs; each throws `UserError` if one cannot be used. */
export interface TrustReaders {
  /** Reads lists of addresses. */
  readonly lists?: (settings: Settings, options: ReadOptions<unknown>) => Disposable;
}

/** Nothing is reported of files that are read once. */
const ONCE = { clock: systemClock, report: () => {} };

/** How many entries of a list are shown. */
const SHOWN = 5;

/** Checks the lists of addresses, and the files in them. */
export function listFindings(settings: Settings, { lists }: TrustReaders): Finding[] {
  const { allow, deny } = settings;
  const [allowed, denied] = [about("allow"), about("deny")];
  try {
    lists?.(settings, { ...ONCE, use: () => {} })[Symbol.dispose]();
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause;
    return [(allow.some(isFileEntry) ? allowed : denied).error(cause.message)];
  }
  return [
    ...allow.length > 0 ? [allowed.ok(`only ${listText(allow)} may connect`)] : [],
    ...deny.length > 0 ? [denied.ok(`${listText(deny)} may not connect`)] : [],
  ];
}

function listText(entries: readonly string[]): string {
  const more = entries.length - SHOWN;
  return entries.slice(0, SHOWN).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
