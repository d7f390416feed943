/**
 * What a server holds of a session beyond its connections.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import type { CloseReason } from "../session/close_reason.ts";
import type { SessionState } from "../session/state.ts";
import type { Delivery, Recipient } from "../store/delivery.ts";
import { MAX_WINDOW } from "../wire/protocol.ts";

/** How many bytes of a session may be undelivered, unless one data message may be half as large. */
const MAX_UNDELIVERED_BYTES = 67_108_864;

/** The connection that a session has. */
export interface Attachment {
  /** More has been delivered, and can be confirmed. */
  deliveredMore(): void;
  /** The client has reconnected: ends this connection, and returns how it ended. */
  supersede(): CloseReason;
}

/** Options for {@linkcode SessionRecord}. */
export interface SessionRecordOptions extends Pick<SessionRecord, "id" | "reconnects" | "state"> {
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
  /** The sequence number up to which all has been received. */
  receivedUpTo: number;
  /** The sequence number up to which all is delivered, and so can be confirmed. */
  deliveredUpTo: number;
  readonly #delivery?: Delivery;
  #waitingBytes = 0;

  /** Makes the record of a session. */
  constructor({ reconnects, state, delivered, delivery, id }: SessionRecordOptions) {
    this.id = id;
    this.state = state;
    this.reconnects = reconnects;
    this.#delivery = delivery;
    this.receivedUpTo = this.deliveredUpTo = delivered;
  }

  /** Whether all that was received is delivered. */
  get isSettled(): boolean {
    return this.deliveredUpTo === this.receivedUpTo;
  }

  /** Whether nothing more can be delivered, now or later. */
  get cannotDeliver(): boolean {
    return this.#delivery?.hasFailed ?? false;
  }

  /** Receives the next data message; false if more than may be is undelivered. */
  receive(seq: number, payload: Uint8Array, clock: Clock, maxMessageBytes: number): boolean {
    this.receivedUpTo = seq;
    if (!this.#delivery) {
      this.deliveredUpTo = seq;
      return true;
    }
    this.#waitingBytes += payload.length;
    this.#delivery.message(this, {
      kind: "message",
      session: this.id,
      at: clock.wallTime(),
      seq,
      // A copy: the reader reuses its buffer.
      payload: payload.slice(),
    });
    return !this.#delivery.isFull &&
      this.#waitingBytes <= Math.max(MAX_UNDELIVERED_BYTES, 2 * maxMessageBytes) &&
      this.receivedUpTo - this.deliveredUpTo <= MAX_WINDOW;
  }

  /** Everything up to a sequence number is delivered. */
  delivered(seq: number, bytes: number): void {
    this.deliveredUpTo = seq;
    this.#waitingBytes -= bytes;
    this.session?.deliveredMore();
  }
}
