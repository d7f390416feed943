/**
 * What a server holds of a session beyond its connections.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import type { CloseReason } from "../session/close_reason.ts";
import type { SessionState } from "../session/state.ts";
import { costOf, type Delivery, ENTRY_BYTES, type Recipient } from "../store/delivery.ts";
import type { EntryOf } from "../store/store.ts";
import { MAX_WINDOW } from "../wire/protocol.ts";

/**
 * What may wait for delivery of a session, in bytes, each message charged with what it costs, unless one
 * data message may be half as large.
 */
const MAX_UNDELIVERED_BYTES = 67_108_864 + MAX_WINDOW * ENTRY_BYTES;

/** The connection that a session has. */
export interface Attachment {
  /** The client's address and port, for people. */
  readonly peer: string;
  /** More has been delivered, and can be confirmed. */
  deliveredMore(): void;
  /** The client has reconnected: ends this connection, and returns how it ended. */
  supersede(): CloseReason;
}

/** Options for {@linkcode SessionRecord}. */
export interface SessionRecordOptions {
  /** Its id. */
  id: string;
  /** Its state. */
  state: SessionState;
  /** Whether its client reconnects after a lost connection. */
  reconnects: boolean;
  /** The sequence number up to which all is delivered. */
  delivered: number;
  /** Delivers its data messages; without one, a message is delivered when it is received. */
  delivery?: Delivery;
}

/** One session, with or without a connection. */
export class SessionRecord implements Recipient {
  /** Its id. */
  readonly id: string;
  /** Its state. */
  readonly state: SessionState;
  /** Whether its client reconnects after a lost connection. */
  readonly reconnects: boolean;
  /** The connection that it has. */
  session?: Attachment;
  /** The client's last known address and port, for people. */
  peer = "?";
  /** Resolves when the session is stored; `undefined` once it is. */
  opening?: Promise<void>;
  /** When it lost its connection, in monotonic milliseconds. */
  lost_ms = 0;
  readonly #delivery?: Delivery;
  #received: number;
  #delivered: number;
  #waitingBytes = 0;

  /** Makes the record of a session. */
  constructor({ reconnects, state, delivered, delivery, id }: SessionRecordOptions) {
    this.id = id;
    this.state = state;
    this.reconnects = reconnects;
    this.#delivery = delivery;
    this.#received = this.#delivered = delivered;
  }

  /** The sequence number up to which all has been received. */
  get receivedUpTo(): number {
    return this.#received;
  }

  /** The sequence number up to which all is delivered, and so can be confirmed. */
  get deliveredUpTo(): number {
    return this.#delivered;
  }

  /** Whether all that was received is delivered. */
  get isSettled(): boolean {
    return this.#delivered === this.#received;
  }

  /** Whether nothing more can be delivered, now or later. */
  get cannotDeliver(): boolean {
    return this.#delivery?.hasFailed ?? false;
  }

  /** Whether more of it waits for delivery than its share, so that it is to be held. */
  get isOverShare(): boolean {
    return this.#waitingBytes > (this.#delivery?.share ?? Infinity);
  }

  /** Resolves when it need not be held any more, or delivery has failed. */
  async room(): Promise<void> {
    await this.#delivery?.room();
  }

  /** Receives the next data message; false if more than may be is undelivered. */
  receive(seq: number, payload: Uint8Array, clock: Clock, maxMessageBytes: number): boolean {
    this.#received = seq;
    if (!this.#delivery) {
      this.#delivered = seq;
      return true;
    }
    const at = clock.wallTime();
    // A copy: the reader reuses its buffer.
    const copy = payload.slice();
    const message: EntryOf<"message"> = {
      kind: "message",
      session: this.id,
      at,
      seq,
      payload: copy,
    };
    this.#waitingBytes += costOf(message);
    this.#delivery.message(this, message);
    return this.#waitingBytes <=
        Math.max(MAX_UNDELIVERED_BYTES, 2 * (maxMessageBytes + ENTRY_BYTES)) &&
      this.#received - this.#delivered <= MAX_WINDOW;
  }

  /** Everything up to a sequence number is delivered. */
  delivered(seq: number, bytes: number): void {
    this.#delivered = seq;
    this.#waitingBytes -= bytes;
    this.session?.deliveredMore();
  }
}
