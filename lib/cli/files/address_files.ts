/**
 * The lists of addresses in the settings `allow` and `deny`, with those in files: one entry a line.
 *
 * @module
 */
import type { Clock } from "../../platform/clock.ts";
import { UsageError } from "../../platform/errors.ts";
import { AddressList, type Block, parseBlock } from "../../server/access/address_list.ts";
import { isFileEntry } from "../check.ts";
import { type FileContent, WatchedFiles } from "./watched_file.ts";

/** What the settings say, with `@FILE` for the entries of a file. */
export interface AddressSettings {
  /** Who may connect; empty: everybody. */
  readonly allow: readonly string[];
  /** Who may not. */
  readonly deny: readonly string[];
}

/** Options for {@linkcode useAddressLists}. */
export interface AddressFilesOptions {
  /** Uses the lists: at once, and again whenever a file has changed. */
  use: (lists: { allow: AddressList; deny: AddressList }) => void;
  /** Logs that a changed file was taken up, or why it was not. */
  report: (level: "info" | "warning", text: string) => void;
  /** Time. */
  clock: Clock;
}

/**
 * Reads the lists, and watches the files in them, if any.
 *
 * @throws {UserError} If a file cannot be read, or one of its entries is wrong.
 */
export function useAddressLists(
  settings: AddressSettings,
  { clock, report, use }: AddressFilesOptions,
): Disposable {
  const { allow, deny } = settings;
  const paths = [...new Set([...allow, ...deny].filter(isFileEntry).map(pathOf))];
  return new WatchedFiles({
    paths,
    clock,
    report,
    use: (files) => {
      const allowed = blocksOf(allow, files);
      if (allow.length > 0 && allowed.length === 0) {
        throw new UsageError(`${paths.join(", ")}: no entry for allow: nobody could connect`);
      }
      use({ allow: new AddressList(allowed), deny: new AddressList(blocksOf(deny, files)) });
    },
  });
}

function pathOf(entry: string): string {
  return entry.slice(1);
}

function blocksOf(entries: readonly string[], files: readonly FileContent[]): Block[] {
  return entries.flatMap((entry) => {
    if (!isFileEntry(entry)) return parseBlock(entry);
    return readBlocks(files.find(({ path }) => path === pathOf(entry))!);
  });
}

/** The entries of a file: one a line, with comments behind `#`. */
function readBlocks({ bytes, path }: FileContent): Block[] {
  const lines = new TextDecoder().decode(bytes).split("\n");
  return lines.flatMap((line, at) => {
    const entry = line.replace(/#.*/, "").trim();
    if (entry === "") return [];
    try {
      return parseBlock(entry);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(`${path}: line ${at + 1}: ${error.message}`);
    }
  });
}
