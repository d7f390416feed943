/**
 * The data messages that a client's session has sent and that are not confirmed yet, across its
 * connections.
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
  /** What it says. */
  readonly payload: Uint8Array;
  /** When it was sent last, in monotonic milliseconds. */
  sent_ms: number;
  /** How often it was sent. */
  times: number;
}

/** What an {@linkcode Outbox} is made of. */
export interface OutboxOptions {
  /** Where new data messages come from. */
  source: DataSource;
  /** How many may be unconfirmed at a time. */
  window: number;
  /** How many to send at all; without end, or to the source's end, if not given. */
  count?: number;
  /** What the session counts. */
  ledger: Ledger;
}

/** Numbers data messages, and keeps each until it is confirmed. */
export class Outbox {
  /** Where new data messages come from. */
  readonly source: DataSource;
  readonly #window: number;
  readonly #count: number;
  readonly #ledger: Ledger;
  readonly #unconfirmed: SentMessage[] = [];
  #bytes = 0;
  /** How many of the unconfirmed ones have been sent on this connection; the others come first. */
  #sentHere = 0;

  /** Makes an outbox that has sent nothing. */
  constructor(options: OutboxOptions) {
    this.source = options.source;
    this.#window = options.window;
    this.#count = options.count ?? Infinity;
    this.#ledger = options.ledger;
  }

  /** The one unconfirmed for longest. */
  get oldest(): SentMessage | undefined {
    return this.#unconfirmed[0];
  }

  /** Whether all that was asked for is sent and confirmed. */
  get done(): boolean {
    return this.#unconfirmed.length === 0 && this.#complete;
  }

  /** When the next may go out, in monotonic milliseconds; `Infinity` while it waits for anything else. */
  get next_ms(): number {
    if (this.#sentHere < this.#unconfirmed.length) return 0;
    const full = this.#unconfirmed.length >= this.#window || this.#bytes >= MAX_UNCONFIRMED_BYTES;
    return full || this.#complete ? Infinity : this.source.next_ms;
  }

  /** How many bytes the next has, when it may go out. */
  get nextBytes(): number {
    return this.#unconfirmed[this.#sentHere]?.payload.length ?? this.source.nextBytes;
  }

  /** Takes the next that is to be sent, when its time has come: again, or for the first time. */
  take(now_ms: number, connection: ConnectionLedger): SentMessage {
    connection.sent++;
    const message = this.#unconfirmed[this.#sentHere++] ?? this.#takeNew(now_ms);
    if (message.times++ > 0) this.#ledger.countResent(connection);
    message.sent_ms = now_ms;
    return message;
  }

  /**
   * Everything up to a sequence number is confirmed: gives each that was not before. On a connection,
   * those count that were sent on it.
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

  /** Another connection is open, and everything up to a sequence number has arrived before. */
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
