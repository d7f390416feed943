/**
 * A folder for the files of one test of the store, and entries to put into it.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import type { Entry, EntryOf } from "../../lib/store/store.ts";

const encoder = new TextEncoder();

/** When everything happens, unless a test says otherwise. */
export const AT = Date.parse("2026-11-22T05:43:42.686Z");

/** A session begins. */
export function opened(session: string, received = 0, at = AT): Entry {
  return { kind: "opened", session, at, peer: "192.0.2.1:4000", received };
}

/** Messages of a session: `<session> <seq>` each. */
export function messages(session: string, from: number, to: number, at = AT): EntryOf<"message">[] {
  return Array.from({ length: to - from + 1 }, (_, i) => message(session, from + i, at));
}

/** A message of a session. */
export function message(session: string, seq: number, at = AT): EntryOf<"message"> {
  return { kind: "message", session, at, seq, payload: encoder.encode(`${session} ${seq}`) };
}

/** An outage begins. */
export function lost(session: string, at = AT): Entry {
  return { kind: "lost", session, at, by: "network", reason: "reset", text: "RST" };
}

/** The outage ends. */
export function resumed(session: string, at = AT): Entry {
  const counts = { gap_ms: 1_500, resent: 2, already_there: 1 };
  return { kind: "resumed", session, at, peer: "192.0.2.1:4001", ...counts };
}

/** A session ends. */
export function ended(session: string, at = AT): Entry {
  return { kind: "ended", session, at, by: "peer", reason: "done", text: "bye" };
}

/** The payloads of entries, as an output takes them. */
export function payloadsOf(entries: readonly Entry[]): Uint8Array[] {
  return entries.flatMap((entry) => entry.kind === "message" ? [entry.payload] : []);
}

/** A folder that is removed with all that is in it. Dispose of it with `using`. */
export class StoreFolder implements Disposable {
  /** Where it is, links followed. */
  readonly path = Deno.realPathSync(Deno.makeTempDirSync());
  /** The file for the store. */
  readonly store = this.file("store.db");
  /** The file for the output. */
  readonly output = this.file("messages.txt");

  /** A file in it. */
  file(name: string): string {
    return `${this.path}/${name}`;
  }

  /** The names of the files in it. */
  get names(): string[] {
    return [...Deno.readDirSync(this.path)].map(({ name }) => name).toSorted();
  }

  /** What is in the output. */
  get written(): string {
    return Deno.readTextFileSync(this.output);
  }

  /** Runs statements on the store as any other program may. */
  change(sql: string): void {
    using database = new DatabaseSync(this.store);
    database.exec(sql);
  }

  /** The rows that a query gives to any other program. */
  query(sql: string): Record<string, unknown>[] {
    using database = new DatabaseSync(this.store, { readOnly: true });
    return database.prepare(sql).all().map((row) => ({ ...row }));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
