/**
 * Where the server's data messages go before they are confirmed. This file has the interfaces of the
 * store and the output; `delivery.ts` passes batches (`batch.ts`, `queue.ts`) to the store, then to the output, and
 * `hold_watch.ts` notices what waits;
 * `output_file.ts` appends to a file, a pipe or stdout; `stored_output.ts` completes such a file after
 * a crash; `files.ts` has the files of the machine, which tests replace; `file_lock.ts` excludes other
 * servers; `sqlite/` is the store on disk.
 *
 * The server's sessions and workers call `delivery.ts`; `server.ts` opens the rest. Nothing here may
 * report a message as delivered before it is committed and written, or store it twice; nothing here
 * knows connections, timers of sessions, or the wire.
 *
 * @module
 */
import type { Past } from "../monitor/watch.ts";
import { UserError } from "../platform/errors.ts";

/**
 * A record of the store, in the order of events. Times `at` are wall-clock milliseconds since 1970.
 */
export type Entry =
  /** A session begins after the sequence number `received`, usually 0, with the key of this name, if any. */
  | { kind: "opened"; session: string; at: number; peer: string; received: number; who?: string }
  /** The client has shown that it has the session's token, of which this is the SHA-256; empty if nobody may return. */
  | { kind: "claimed"; session: string; at: number; token_hash: string }
  /** A message is delivered. */
  | { kind: "message"; session: string; at: number; seq: number; payload: Uint8Array }
  /** An outage begins. */
  | { kind: "lost"; session: string; at: number; by: string; reason: string; text: string }
  /** The outage ends. */
  | {
    kind: "resumed";
    session: string;
    at: number;
    peer: string;
    gap_ms: number;
    resent: number;
    already_there: number;
    /** The name of the key, of a session that was opened without one. */
    who?: string;
  }
  /** A session ends. */
  | { kind: "ended"; session: string; at: number; by: string; reason: string; text: string };

/** An entry of one kind. */
export type EntryOf<Kind extends Entry["kind"]> = Extract<Entry, { kind: Kind }>;

/** A session that has not ended, as the store knows it at its opening. */
export interface StoredSession {
  /** Its id. */
  readonly id: string;
  /** Everything up to this sequence number is in the store. */
  readonly received: number;
  /** The wall-clock time of its last entry. */
  readonly seen_at: number;
  /** When its connection was lost; `undefined` if the server ended while it had one. */
  readonly lost_at?: number;
  /** The SHA-256 of its token, if its client is known to have one. */
  readonly token_hash?: string;
  /** The name of the key that it was opened with, if it was with one. */
  readonly who?: string;
}

/** Durable storage for what the server confirms. */
export interface Store {
  /** The sessions that had not ended when the store was opened. */
  readonly sessions: readonly StoredSession[];
  /**
   * Commits all of the entries or none; resolves once they are durable. It may be called again before
   * that: entries are committed in the order of the calls.
   *
   * @throws {StoreError} Every later call throws the same error.
   */
  commit(entries: Iterable<Entry>): Promise<void>;
  /** Closes the file, once the commit under way is done. */
  close(): Promise<void>;
}

/** The part of a store that knows of earlier processes. */
export interface StoreHistory {
  /** Reads at most so many outages, the latest ones. */
  past(count: number): Promise<Past>;
}

/** Writes the payloads of delivered messages, one per line. */
export interface MessageOutput {
  /**
   * Appends each payload and a newline; resolves when the operating system has them. One call
   * at a time.
   *
   * @throws {OutputError} Every later call throws the same error.
   */
  append(payloads: readonly Uint8Array[]): Promise<void>;
  /** Closes the output, when no call is under way. */
  close(): Promise<void>;
}

/** An error of a store; its message is one sentence: what, where, and how to fix it. */
export class StoreError extends UserError {
  /** The name of this kind of error. */
  override readonly name = "StoreError";
}

/** An error of an output; its message is one sentence: what, where, and how to fix it. */
export class OutputError extends UserError {
  /** The name of this kind of error. */
  override readonly name = "OutputError";
}

/** How far an output has been written. */
export interface Position {
  /** The output's path; `-` is stdout. */
  readonly path: string;
  /** The number of the last message in it. */
  readonly number: number;
  /** Its length after that message, in bytes; `null` for a pipe or stdout, which have none. */
  readonly bytes: number | null;
}

/** What a store knows of an output. */
export interface OutputRecord {
  /** Its recorded position, if there is one. */
  readonly position?: Position;
  /** A new output begins after this message: the last one in any output, or else in the store. */
  readonly start: number;
  /** The number of the last message in the store. */
  readonly last: number;
}

/** Messages as lines of an output. */
export interface Lines {
  /** Payloads, each followed by a newline. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The number of the last message in it. */
  readonly last: number;
}

/** Gives the position of an output if it is due to be recorded at this wall-clock time. */
export type PositionSource = (at: number) => Promise<Position | undefined>;

/** The part of a store that keeps the position of an output, for its recovery. */
export interface OutputJournal {
  /** Calls the source before each commit, and commits the position that it gives. */
  follow(source: PositionSource): void;
  /** Commits the position of an output. */
  record(position: Position): Promise<void>;
  /** What is known of an output. */
  position(path: string): Promise<OutputRecord>;
  /** Some of the messages after this number; `last` is this number if there are none. */
  linesAfter(number: number): Promise<Lines>;
}
