/**
 * Writes entries to the tables of the store, and reads what a restarted server needs of them.
 *
 * @module
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { joinLines } from "../../platform/bytes.ts";
import { decodeEntries, type EncodedEntries } from "../batch.ts";
import {
  type Entry,
  type EntryOf,
  type Lines,
  type OutputRecord,
  type Position,
  type StoredSession,
  StoreError,
} from "../store.ts";

/** Messages are read in pieces: the one that reaches this size ends a piece. */
const LINES_BYTES = 65_536;

/** The columns of `messages`. */
const COLUMNS = 6;

/** Messages that one statement inserts, which is faster by half than one at a time. */
const ROWS_AT_ONCE = 16;

/** A session that has not ended. */
interface OpenSession {
  readonly number: number;
  /** `received` in its row. */
  written: number;
  /** `received` in its row after this batch. */
  received: number;
  seen_at: number;
  /** The number of its last message; 0 if there is none. */
  last: number;
}

/** Reads and writes the tables of one store. */
export class StoreWriter {
  /** The sessions that had not ended when it was opened. */
  readonly sessions: StoredSession[] = [];
  readonly #statements: ReturnType<typeof prepareAll>;
  readonly #sessions = new Map<string, OpenSession>();
  readonly #changed = new Set<OpenSession>();
  /** Values of the messages that are yet to be inserted. */
  #values: SQLInputValue[] = [];
  #last: number;

  /**
   * Reads the sessions that have not ended.
   *
   * @throws {StoreError} If some of their messages are missing.
   */
  constructor(database: DatabaseSync) {
    this.#statements = prepareAll(database);
    this.#last = Number(this.#statements.last.get()!["last"]);
    for (const row of this.#statements.sessions.all()) this.#restore(row);
  }

  /** Commits entries and the position of an output before them; or throws, and commits nothing. */
  commit(entries: EncodedEntries, position?: Position): void {
    this.#statements.begin.run();
    try {
      if (position) this.#record(position);
      for (const entry of decodeEntries(entries)) this.#apply(entry);
      this.#insert();
      for (const session of this.#changed) this.#update(session);
      this.#changed.clear();
      this.#statements.commit.run();
    } catch (error) {
      // SQLite itself rolls back after an error of the disk.
      if (this.#statements.inTransaction()) this.#statements.rollback.run();
      throw error;
    }
  }

  /** What is known of an output. */
  position(path: string): OutputRecord {
    const row = this.#statements.position.get(path);
    const bytes = row?.["bytes"];
    const position = row && {
      path,
      number: Number(row["number"]),
      bytes: typeof bytes === "number" ? bytes : null,
    };
    const furthest = this.#statements.furthest.get()!["number"];
    return { position, start: Number(furthest ?? this.#last), last: this.#last };
  }

  /** Some of the messages after this number; `last` is this number if there are none. */
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

  /** Continues an open session. */
  #restore(row: Record<string, unknown>): void {
    const id = String(row["id"]);
    const received = Number(row["received"]);
    const seen_at = Number(row["seen_at"]);
    if (received !== row["in_messages"]) {
      throw new StoreError(
        `it is damaged: session ${id} has messages up to ${row["in_messages"]}, and should have ` +
          `those up to ${received}; restore a backup, or name another file`,
      );
    }
    const [number, last] = [Number(row["number"]), Number(row["last"])];
    this.#sessions.set(id, { number, written: received, received, seen_at, last });
    const lost_at = row["lost_at"] === null ? undefined : Number(row["lost_at"]);
    const text = (key: string) => row[key] === null ? undefined : String(row[key]);
    const owner = { token_hash: text("token_hash"), who: text("who") };
    this.sessions.push({ id, received, seen_at, lost_at, ...owner });
  }

  #apply(entry: Entry): void {
    switch (entry.kind) {
      case "message":
        return this.#message(entry);
      case "opened":
        return this.#open(entry);
      case "claimed":
        return this.#claim(entry);
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
    this.#values.push(++this.#last, session.number, seq, at, payload, session.last);
    if (this.#values.length === ROWS_AT_ONCE * COLUMNS) this.#insert();
    session.last = this.#last;
    session.received = seq;
    session.seen_at = at;
    this.#changed.add(session);
  }

  /** Inserts the gathered messages. */
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

  #open({ session: id, at, peer, received, who }: EntryOf<"opened">): void {
    if (this.#sessions.has(id)) throw defect(`session ${id} was opened twice`);
    const { lastInsertRowid } = this.#statements.open.run(
      id,
      peer,
      at,
      received,
      received,
      at,
      who ?? null,
    );
    const number = Number(lastInsertRowid);
    this.#sessions.set(id, { number, written: received, received, seen_at: at, last: 0 });
  }

  #claim({ session: id, at, token_hash }: EntryOf<"claimed">): void {
    const { number } = this.#touch(id, at, "a token");
    this.#statements.claim.run(token_hash, number);
  }

  #lose({ session: id, at, by, reason, text }: EntryOf<"lost">): void {
    const session = this.#touch(id, at, "an outage");
    this.#statements.lose.run(session.number, at, by, reason, text);
  }

  #resume(entry: EntryOf<"resumed">): void {
    const { session: id, at, peer, gap_ms, resent, already_there, who } = entry;
    const { seen_at } = this.#session(id, "a resumption");
    const { number } = this.#touch(id, at, "a resumption");
    // No server recorded the start of this outage if the one before was killed.
    this.#statements.loseUnseen.run(number, seen_at);
    this.#statements.resume.run(at, peer, Math.round(gap_ms), resent, already_there, number);
    if (who !== undefined) this.#statements.own.run(who, number);
  }

  #end({ session: id, at, by, reason, text }: EntryOf<"ended">): void {
    const session = this.#touch(id, at, "an end");
    this.#update(session);
    this.#changed.delete(session);
    this.#statements.end.run(at, by, reason, text, session.number);
    this.#sessions.delete(id);
  }

  /** Finds a session, and moves its `seen_at`. */
  #touch(id: string, at: number, what: string): OpenSession {
    const session = this.#session(id, what);
    session.seen_at = at;
    this.#changed.add(session);
    return session;
  }

  #session(id: string, what: string): OpenSession {
    const session = this.#sessions.get(id);
    if (!session) throw defect(`${what} came for session ${id}, which is not open`);
    return session;
  }

  /** Updates the row of a session, if nobody else has changed it. */
  #update(session: OpenSession): void {
    const { number, received, seen_at, last, written } = session;
    const { changes } = this.#statements.update.run(received, seen_at, last, number, written);
    if (changes !== 1) throw defect(`another program has changed session number ${number}`);
    session.written = received;
  }

  #record({ path, number, bytes }: Position): void {
    if (number > this.#last) {
      throw defect(`${path} has message ${number}, and the store has those up to ${this.#last}`);
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
    sessions: sql(`SELECT number, id, received, seen_at, last, token_hash, who,
       CASE received WHEN start THEN start ELSE coalesce(
         (SELECT seq FROM messages WHERE number = last AND session = sessions.number),
         (SELECT max(seq) FROM messages WHERE session = sessions.number),
         start) END AS in_messages,
      (SELECT lost_at FROM outages WHERE session = sessions.number AND resumed_at IS NULL) AS lost_at
      FROM sessions WHERE ended_at IS NULL ORDER BY number`),
    message: sql(insertMessages(1)),
    messages: sql(insertMessages(ROWS_AT_ONCE)),
    open: sql(`INSERT INTO sessions (id, peer, opened_at, start, received, seen_at, who)
      VALUES (?, ?, ?, ?, ?, ?, ?)`),
    claim: sql("UPDATE sessions SET token_hash = ? WHERE number = ?"),
    own: sql("UPDATE sessions SET who = ? WHERE number = ?"),
    update: sql(`UPDATE sessions SET received = ?, seen_at = ?, last = ?
      WHERE number = ? AND received = ? AND ended_at IS NULL`),
    end: sql(`UPDATE sessions SET ended_at = ?, ended_by = ?, end_reason = ?, end_text = ?
      WHERE number = ?`),
    lose: sql(`INSERT OR IGNORE INTO outages (session, lost_at, lost_by, reason, text)
      VALUES (?, ?, ?, ?, ?)`),
    loseUnseen: sql("INSERT OR IGNORE INTO outages (session, lost_at) VALUES (?, ?)"),
    resume: sql(`UPDATE outages SET resumed_at = ?, peer = ?, gap_ms = ?, resent = ?,
      already_there = ? WHERE session = ? AND resumed_at IS NULL`),
    position: sql("SELECT number, bytes FROM outputs WHERE path = ?"),
    furthest: sql("SELECT max(number) AS number FROM outputs"),
    record: sql("INSERT OR REPLACE INTO outputs VALUES (?, ?, ?)"),
    messagesAfter: sql("SELECT number, payload FROM messages WHERE number > ? ORDER BY number"),
  };
}
