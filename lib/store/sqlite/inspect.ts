/**
 * Looks at a store's file as it lies on the disk, without SQLite, which would make files beside it.
 *
 * @module
 */
import { lockFile } from "../file_lock.ts";
import { StoreError } from "../store.ts";
import { SQLITE, textOf, TEXTS } from "./error_text.ts";
import { pathOf } from "./file.ts";
import { APPLICATION_ID, newerText, OTHER_PROGRAM, SCHEMA_VERSION } from "./schema.ts";

/** What is at the path of a store: nothing yet, a store, one of an older version, or one in use. */
export type StoreState = "new" | "store" | "older" | "in use";

/** What an SQLite file begins with. */
const MAGIC = "SQLite format 3\0";

/** Where the version of the schema, the program and the number of tables and the like stand in it. */
const AT = { userVersion: 60, applicationId: 68, entries: 103 } as const;

/** How many bytes that takes. */
const HEADER_BYTES = 105;

/**
 * Looks at the file of a store: neither makes nor changes anything.
 *
 * @throws {StoreError} If it cannot be used as a store.
 */
export async function inspectStore(name: string): Promise<StoreState> {
  try {
    const path = pathOf(name);
    if (!isThere(path)) return "new";
    using file = Deno.openSync(path, { read: true, write: true });
    // Elsewhere the lock would collide with those of SQLite.
    if (Deno.build.os === "linux" && !await lockFile(file)) return "in use";
    return stateOf(file);
  } catch (error) {
    throw new StoreError(`cannot open the store ${name}: ${textOf(error)}`);
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function stateOf(file: Deno.FsFile): StoreState {
  const bytes = new Uint8Array(HEADER_BYTES);
  if (!file.readSync(bytes)) return "new";
  if (!new TextDecoder().decode(bytes).startsWith(MAGIC)) {
    throw new StoreError(TEXTS[SQLITE.NOTADB]!);
  }
  const header = new DataView(bytes.buffer);
  const [program, version] = [header.getUint32(AT.applicationId), header.getUint32(AT.userVersion)];
  if (program === 0 && version === 0 && header.getUint16(AT.entries) === 0) return "new";
  if (program !== APPLICATION_ID) throw new StoreError(OTHER_PROGRAM);
  if (version > SCHEMA_VERSION) throw new StoreError(newerText(version));
  return version < SCHEMA_VERSION ? "older" : "store";
}
