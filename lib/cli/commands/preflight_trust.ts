/**
 * Checks the files that say who may come in, and who is to be believed: lists of addresses. They are read as
 * the command reads them.
 *
 * @module
 */
import { systemClock } from "../../platform/clock.ts";
import { UserError } from "../../platform/errors.ts";
import { isFileEntry, useAddressLists } from "../files/address_files.ts";
import type { Settings } from "../settings.ts";
import { about, type Finding } from "./findings.ts";

/** Nothing is reported of files that are read once. */
const ONCE = { clock: systemClock, report: () => {} };

/** How many entries of a list are shown. */
const SHOWN = 5;

/** Checks the lists of addresses, and the files in them. */
export function listFindings(settings: Settings): Finding[] {
  const { allow, deny } = settings;
  const [allowed, denied] = [about("allow"), about("deny")];
  try {
    useAddressLists(settings, { ...ONCE, use: () => {} })[Symbol.dispose]();
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
