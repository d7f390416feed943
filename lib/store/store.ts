/**
 * Where data messages go before they are confirmed: the interfaces of the store and the output.
 *
 * @module
 */
import { UserError } from "../platform/errors.ts";

/**
 * What is stored, in the order in which it happened. Times `at` are wall-clock milliseconds since
 * 1970.
 */
export type Entry =
  /** A session begins; `received` is where it starts, usually 0. */
  | { kind: "opened"; session: string; at: number; peer: string; received: number }
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
  }
  /** A session ends. */
  | { kind: "ended"; session: string; at: number; by: string; reason: string; text: string };

/** An entry of one kind. */
export type EntryOf<Kind extends Entry["kind"]> = Extract<Entry, { kind: Kind }>;

/** A session that has not ended, as the store knows it at its opening. */
export interface StoredSession {
  /** Its id. */
  readonly id: string;
  /** Where it starts: what lies before its first message, usually 0. */
  readonly start: number;
  /** Everything up to this sequence number is in the store. */
  readonly received: number;
  /** The wall-clock time of the last thing that is known of it. */
  readonly seen_at: number;
  /** When its connection was lost; not given if the server ended while it had one. */
  readonly lost_at?: number;
}

/** Where the server keeps what it confirms. */
export interface Store {
  /** The sessions that had not ended when the store was opened. */
  readonly sessions: readonly StoredSession[];
  /**
   * Commits all of the entries or none; resolves once they are durable. One call at a time.
   *
   * @throws {StoreError} What is wrong, in one sentence; the same one from then on.
   */
  commit(entries: readonly Entry[]): Promise<void>;
  /** Ends the work on the file, once the commit under way is done. */
  close(): Promise<void>;
}

/** Where the payloads of delivered messages go, one a line. */
export interface MessageOutput {
  /**
   * Appends each payload and a newline; resolves when the operating system has them. One call at a
   * time.
   *
   * @throws {OutputError} What is wrong, in one sentence; the same one from then on.
   */
  append(payloads: readonly Uint8Array[]): Promise<void>;
  /** Ends the work on the output, when no call is under way. */
  close(): Promise<void>;
}

/** What is wrong with a store, in one sentence: what, where, and what would be right. */
export class StoreError extends UserError {
  /** The name of this kind of error. */
  override readonly name = "StoreError";
}

/** What is wrong with an output, in one sentence: what, where, and what would be right. */
export class OutputError extends UserError {
  /** The name of this kind of error. */
  override readonly name = "OutputError";
}

/** Up to which message, and to which length, an output is written. */
export interface Position {
  /** The output's path; `-` is stdout. */
  readonly path: string;
  /** The number of the last message that is in it. */
  readonly number: number;
  /** Its length at the end of that message; `null` of one that has no length. */
  readonly bytes: number | null;
}

/** Messages as lines of an output. */
export interface Lines {
  /** Payloads, a newline behind each. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The number of the last message that is in it. */
  readonly last: number;
}

/** Says how far an output is written, at a time by the wall clock, if that is to be noted now. */
export type PositionSource = (at: number) => Promise<Position | undefined>;

/** What an output that goes with a store needs of it. */
export interface OutputJournal {
  /** Asks before each commit how far an output is written, to note that together with it. */
  follow(source: PositionSource): void;
  /** Notes how far an output is written. */
  record(position: Position): Promise<void>;
  /** How far an output is written, if that is known, and the number of the last message. */
  position(path: string): Promise<{ position: Position | undefined; last: number }>;
  /** Messages behind the one of this number; some of them. */
  linesAfter(number: number): Promise<Lines>;
}
