/**
 * Writes entries to the tables of the store, and reads back what is to be known of them.
 *
 * @module
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { joinLines } from "../../platform/bytes.ts";
import {
  type Entry,
  type EntryOf,
  type Lines,
  type Position,
  type StoredSession,
  StoreError,
} from "../store.ts";
import { type Batch, decodeBatch } from "./batch.ts";

/** How many bytes of messages are read at once, before the last one. */
const LINES_BYTES = 1_048_576;

/** A message has so many columns; so many are inserted by one statement, which is faster by half. */
const COLUMNS = 5;

const ROWS_AT_ONCE = 16;

/** A session that has not ended. */
interface OpenSession {
  readonly number: number;
  /** What its row says. */
  written: number;
  /** What it will say at the end of the batch. */
  received: number;
  seen_at: number;
}

/** Writes to one store. */
export class StoreWriter {
  /** The sessions that had not ended before. */
  readonly sessions: StoredSession[] = [];
  readonly #statements: ReturnType<typeof prepareAll>;
  readonly #sessions = new Map<string, OpenSession>();
  readonly #changed = new Set<OpenSession>();
  /** The values of messages that are not inserted yet. */
  #values: SQLInputValue[] = [];
  #last: number;

  /**
   * Reads what the store knows.
   *
   * @throws {StoreError} If it contradicts itself.
   */
  constructor(database: DatabaseSync) {
    this.#statements = prepareAll(database);
    this.#last = Number(this.#statements.last.get()!["last"]);
    const lost_at = new Map<number, number>();
    for (const row of this.#statements.outages.all()) {
      lost_at.set(Number(row["session"]), Number(row["lost_at"]));
    }
    for (const row of this.#statements.sessions.all()) {
      const received = Number(row["received"]);
      const session = { number: Number(row["number"]), written: received, received };
      if (received !== row["in_messages"]) {
        throw new StoreError(
          `it is damaged: of session ${
            row["id"]
          } messages up to ${received} were stored, and there ` +
            `are those up to ${
              row["in_messages"]
            }; put a backup in its place, or name another file`,
        );
      }
      const open = { ...session, seen_at: Number(row["seen_at"]) };
      const id = String(row["id"]);
      this.#sessions.set(id, open);
      const { seen_at } = open;
      const start = Number(row["start"]);
      this.sessions.push({ id, start, received, seen_at, lost_at: lost_at.get(open.number) });
    }
  }

  /** The number of the last message. */
  get last(): number {
    return this.#last;
  }

  /** Commits a batch, and how far an output was written before it; or throws, and commits nothing. */
  commit(batch: Batch, position?: Position): void {
    this.#statements.begin.run();
    try {
      if (position) this.#record(position);
      for (const entry of decodeBatch(batch)) this.#apply(entry);
      this.#insert();
      for (const session of this.#changed) this.#update(session);
      this.#changed.clear();
      this.#statements.commit.run();
    } catch (error) {
      // An error of the disk has already undone it.
      if (this.#statements.inTransaction()) this.#statements.rollback.run();
      throw error;
    }
  }

  /** Up to where an output is written; `undefined` if nothing is known of it. */
  position(path: string): Position | undefined {
    const row = this.#statements.position.get(path);
    const bytes = row?.["bytes"];
    return row && {
      path,
      number: Number(row["number"]),
      bytes: typeof bytes === "number" ? bytes : null,
    };
  }

  /** Messages behind the one of this number, as many as are read at once; `last` is it if none. */
  linesAfter(number: number): Lines {
    const payloads: Uint8Array[] = [];
    let last = number;
    let length = 0;
    for (const row of this.#statements.messagesAfter.iterate(number)) {
      const payload = row["payload"] as Uint8Array;
      payloads.push(payload);
      length += payload.length + 1;
      last = Number(row["number"]);
      if (length >= LINES_BYTES) break;
    }
    return { bytes: joinLines(payloads), last };
  }

  #apply(entry: Entry): void {
    switch (entry.kind) {
      case "message":
        return this.#message(entry);
      case "opened":
        return this.#open(entry);
      case "lost":
        return this.#lose(entry);
      case "resumed":
        return this.#resume(entry);
      case "ended":
        return this.#end(entry);
    }
  }

  #message({ session: id, seq, at, payload }: EntryOf<"message">): void {
    const session = this.#session(id, "a message");
    if (seq !== session.received + 1) {
      throw defect(`message ${seq} of session ${id} came after ${session.received}`);
    }
    this.#values.push(++this.#last, session.number, seq, at, payload);
    if (this.#values.length === ROWS_AT_ONCE * COLUMNS) this.#insert();
    session.received = seq;
    session.seen_at = at;
    this.#changed.add(session);
  }

  /** Inserts the messages that have been gathered. */
  #insert(): void {
    const values = this.#values;
    if (values.length === ROWS_AT_ONCE * COLUMNS) {
      this.#statements.messages.run(...values);
    } else {
      for (let at = 0; at < values.length; at += COLUMNS) {
        this.#statements.message.run(...values.slice(at, at + COLUMNS));
      }
    }
    this.#values = [];
  }

  #open({ session: id, at, peer, received }: EntryOf<"opened">): void {
    if (this.#sessions.has(id)) throw defect(`session ${id} was opened twice`);
    const { lastInsertRowid } = this.#statements.open.run(id, peer, at, received, received, at);
    const number = Number(lastInsertRowid);
    this.#sessions.set(id, { number, written: received, received, seen_at: at });
  }

  #lose({ session: id, at, by, reason, text }: EntryOf<"lost">): void {
    const session = this.#see(id, at, "an outage");
    this.#statements.lose.run(session.number, at, by, reason, text);
  }

  #resume(entry: EntryOf<"resumed">): void {
    const { session: id, at, peer, gap_ms, resent, already_there } = entry;
    const { seen_at } = this.#session(id, "a resumption");
    const { number } = this.#see(id, at, "a resumption");
    // No server saw this outage begin, if the one before was killed.
    this.#statements.loseUnseen.run(number, seen_at);
    this.#statements.resume.run(at, peer, Math.round(gap_ms), resent, already_there, number);
  }

  #end({ session: id, at, by, reason, text }: EntryOf<"ended">): void {
    const session = this.#see(id, at, "an end");
    this.#update(session);
    this.#changed.delete(session);
    this.#statements.end.run(at, by, reason, text, session.number);
    this.#sessions.delete(id);
  }

  /** Notes that something was heard of a session. */
  #see(id: string, at: number, what: string): OpenSession {
    const session = this.#session(id, what);
    session.seen_at = at;
    this.#changed.add(session);
    return session;
  }

  #session(id: string, what: string): OpenSession {
    const session = this.#sessions.get(id);
    if (!session) throw defect(`${what} came of session ${id}, which is not open`);
    return session;
  }

  /** Brings the row of a session up to date, provided that it says what this server wrote last. */
  #update(session: OpenSession): void {
    const { number, received, seen_at, written } = session;
    const { changes } = this.#statements.update.run(received, seen_at, number, written);
    if (changes !== 1) throw defect(`another program has changed session number ${number}`);
    session.written = received;
  }

  #record({ path, number, bytes }: Position): void {
    if (number > this.#last) {
      throw defect(`${path} has message ${number}, and the store those up to ${this.#last}`);
    }
    this.#statements.record.run(path, number, bytes);
  }
}

function defect(text: string): StoreError {
  return new StoreError(`${text}: this is a defect of this program; nothing more is stored`);
}

function insertMessages(rows: number): string {
  const row = `(${Array(COLUMNS).fill("?").join(", ")})`;
  return `INSERT INTO messages VALUES ${Array(rows).fill(row).join(", ")}`;
}

function prepareAll(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    inTransaction: () => database.isTransaction,
    begin: sql("BEGIN IMMEDIATE"),
    commit: sql("COMMIT"),
    rollback: sql("ROLLBACK"),
    last: sql(`SELECT max(coalesce((SELECT max(number) FROM messages), 0),
      coalesce((SELECT max(number) FROM outputs), 0)) AS last`),
    sessions: sql(`SELECT number, id, start, received, seen_at, coalesce(
      (SELECT max(seq) FROM messages WHERE session = sessions.number), start) AS in_messages
      FROM sessions WHERE ended_at IS NULL ORDER BY number`),
    outages: sql("SELECT session, lost_at FROM outages WHERE resumed_at IS NULL"),
    message: sql(insertMessages(1)),
    messages: sql(insertMessages(ROWS_AT_ONCE)),
    open: sql(`INSERT INTO sessions (id, peer, opened_at, start, received, seen_at)
      VALUES (?, ?, ?, ?, ?, ?)`),
    update: sql(`UPDATE sessions SET received = ?, seen_at = ?
      WHERE number = ? AND received = ? AND ended_at IS NULL`),
    end: sql(`UPDATE sessions SET ended_at = ?, ended_by = ?, end_reason = ?, end_text = ?
      WHERE number = ?`),
    lose: sql(`INSERT OR IGNORE INTO outages (session, lost_at, lost_by, reason, text)
      VALUES (?, ?, ?, ?, ?)`),
    loseUnseen: sql("INSERT OR IGNORE INTO outages (session, lost_at) VALUES (?, ?)"),
    resume: sql(`UPDATE outages SET resumed_at = ?, peer = ?, gap_ms = ?, resent = ?,
      already_there = ? WHERE session = ? AND resumed_at IS NULL`),
    position: sql("SELECT number, bytes FROM outputs WHERE path = ?"),
    record: sql("INSERT OR REPLACE INTO outputs VALUES (?, ?, ?)"),
    messagesAfter: sql("SELECT number, payload FROM messages WHERE number > ? ORDER BY number"),
  };
}
