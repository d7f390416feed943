/**
 * Numbers the data messages of a client's session, and retains them until they are confirmed, across
 * its connections.
 *
 * @module
 */
import type { Resumption } from "../session/events.ts";
import type { ConnectionLedger, Ledger } from "../session/ledger.ts";
import type { DataSource } from "./source.ts";

/** How many bytes may be unconfirmed, unless one data message alone is larger. */
const MAX_UNCONFIRMED_BYTES = 8_388_608;

/** A data message that has been sent. */
export interface SentMessage {
  /** Its sequence number. */
  readonly seq: number;
  /** Its bytes. */
  readonly payload: Uint8Array;
  /** When it was sent last, in monotonic milliseconds. */
  sent_ms: number;
  /** How many times it was sent. */
  times: number;
}

/** Options for {@linkcode Outbox}. */
export interface OutboxOptions {
  /** Where new data messages come from. */
  source: DataSource;
  /** How many may be unconfirmed at a time. */
  window: number;
  /** How many to send at all; if not given, until the source ends. */
  count?: number;
  /** The session's counters. */
  ledger: Ledger;
}

/** The data messages of a session: first those to be sent again, then new ones. */
export class Outbox {
  /** Where new data messages come from. */
  readonly source: DataSource;
  readonly #window: number;
  readonly #count: number;
  readonly #ledger: Ledger;
  readonly #unconfirmed: SentMessage[] = [];
  #bytes = 0;
  /** How many of the unconfirmed ones have been sent on this connection. The others go out next. */
  #sentHere = 0;

  /** Makes an outbox that has sent nothing. */
  constructor(options: OutboxOptions) {
    this.source = options.source;
    this.#window = options.window;
    this.#count = options.count ?? Infinity;
    this.#ledger = options.ledger;
  }

  /** The oldest unconfirmed one. */
  get oldest(): SentMessage | undefined {
    return this.#unconfirmed[0];
  }

  /** Whether everything asked for is sent and confirmed. */
  get done(): boolean {
    return this.#unconfirmed.length === 0 && this.#complete;
  }

  /** Whether any has been sent on this connection and is not confirmed. */
  get isInFlight(): boolean {
    return this.#sentHere > 0;
  }

  /** When the next may go out, in monotonic milliseconds; `Infinity` while none may. */
  get next_ms(): number {
    if (this.#sentHere < this.#unconfirmed.length) return 0;
    const full = this.#unconfirmed.length >= this.#window || this.#bytes >= MAX_UNCONFIRMED_BYTES;
    return full || this.#complete ? Infinity : this.source.next_ms;
  }

  /** The size of the next, in bytes. To be asked only when it may go out. */
  get nextBytes(): number {
    return this.#unconfirmed[this.#sentHere]?.payload.length ?? this.source.nextBytes;
  }

  /** Takes the next to be sent, for the first time or again. To be called only when it may go out. */
  take(now_ms: number, connection: ConnectionLedger): SentMessage {
    connection.sent++;
    const message = this.#unconfirmed[this.#sentHere++] ?? this.#takeNew(now_ms);
    if (message.times++ > 0) this.#ledger.countResent(connection);
    message.sent_ms = now_ms;
    return message;
  }

  /**
   * Everything up to a sequence number is confirmed: returns each that was not before. Of a connection,
   * those are counted that were sent on it.
   */
  confirm(seq: number, connection?: ConnectionLedger): SentMessage[] {
    let count = 0;
    while (count < this.#unconfirmed.length && this.#unconfirmed[count]!.seq <= seq) {
      this.#bytes -= this.#unconfirmed[count++]!.payload.length;
    }
    this.#ledger.confirmedUpTo = seq;
    if (connection) connection.confirmed += Math.min(count, this.#sentHere);
    this.#sentHere = Math.max(0, this.#sentHere - count);
    return this.#unconfirmed.splice(0, count);
  }

  /** Continues on a new connection, with a server that has everything up to a sequence number. */
  resume(received: number): Resumption {
    const already_there = this.confirm(received).length;
    this.#sentHere = 0;
    return { resent: this.#unconfirmed.length, already_there };
  }

  get #complete(): boolean {
    return this.source.ended || this.#ledger.dataSent >= this.#count;
  }

  #takeNew(now_ms: number): SentMessage {
    const payload = this.source.take(now_ms);
    const message = { seq: ++this.#ledger.dataSent, payload, sent_ms: now_ms, times: 0 };
    this.#ledger.dataBytes += payload.length;
    this.#bytes += payload.length;
    this.#unconfirmed.push(message);
    return message;
  }
}
