/**
 * What a server holds of a session beyond its connections.
 *
 * @module
 */
import { hashOf, isSameSecret, type Random, randomSecret } from "../platform/secrets.ts";
import type { CloseReason } from "../session/close_reason.ts";
import type { Resumption } from "../session/events.ts";
import type { SessionConfig } from "../session/options.ts";
import type { Session } from "../session/session.ts";
import type { SessionState } from "../session/state.ts";
import { greetingOf, type NextStep } from "../session/timers.ts";
import { costOf, type Delivery, ENTRY_BYTES, type Recipient } from "../store/delivery.ts";
import type { EntryOf } from "../store/store.ts";
import type { Hello } from "../wire/hello.ts";
import {
  type Frame,
  type Greeting,
  type HoldReason,
  MAX_WINDOW,
  PROTOCOL_VERSION,
} from "../wire/protocol.ts";
import type { CountedSession, Refusal } from "./options.ts";

/**
 * What may wait for delivery of a session, in bytes, each message charged with what it costs, unless one
 * data message may be half as large.
 */
const MAX_UNDELIVERED_BYTES = 67_108_864 + MAX_WINDOW * ENTRY_BYTES;

/** In place of the hash of a token, of a session to which nobody may return: no token has it. */
export const NOBODYS = "";

/** What an admitted connection leads to. */
export interface Admitted {
  /** The session that the connection belongs to. */
  readonly record: SessionRecord;
  /** What is resent and what had arrived, of a session that was open before. */
  readonly resumption?: Resumption;
  /** What `WELCOME` says to this client alone: its token, if it does not have it, and the proof of its key. */
  readonly terms: Greeting;
}

/** What a server decides on a `HELLO`; `late` of one that came, or was to be proved, after its limit. */
export type AdmissionResult =
  | Admitted
  | Refusal
  | { readonly end: CloseReason }
  | "late"
  | "given up";

/** How a connection is refused: a client that does not know `full` is given `refused`, which it takes as final. */
export function refusalOf({ limit, refusal }: Refusal, { knows }: Hello): CloseReason {
  const reason = limit && knows.includes("full") ? "full" : "refused";
  return { by: "self", reason, text: refusal };
}

/** What was heard on the connection of a session. */
export type Heard = Pick<Session, "closeReason" | "dataFramesReceived" | "framesReceived">;

/** The connection that a session has. */
export interface Attachment {
  /** More has been delivered, and can be confirmed. */
  deliveredMore(): void;
  /** Confirmations have been waiting, for this. */
  held(reason: HoldReason): void;
  /** The client has reconnected: ends this connection, and returns how it ended. */
  supersede(): CloseReason;
  /** The client's address and port, for people. */
  readonly peer: string;
  /** Everything up to this sequence number is confirmed. */
  readonly confirmedUpTo: number;
  /** What happens next, if nothing is received. */
  readonly next?: NextStep;
}

/** What `WELCOME` says of the server. */
export type WelcomeTerms = Pick<SessionConfig, "maxMessageBytes" | "timers"> & {
  /** How long a session is held without a connection, in milliseconds. */
  readonly sessionLifetime_ms: number;
};

/** The time, and what a data message may have. */
export type ReceiveLimits = Pick<SessionConfig, "clock" | "maxMessageBytes">;

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
  reconnects: boolean;
  /** The connection that it has. */
  session?: Attachment;
  /** Its place among the sessions of the address that opened it, if those are counted. */
  counted?: CountedSession;
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
  /** The SHA-256 of the token that a return has to show; none of a session that is not kept. */
  declare tokenHash?: string;
  /** Set as long as no frame shows that the client has received that token. */
  declare isUnclaimed?: boolean;
  /** The name of the key that it was opened with. */
  declare who?: string;
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

  /** Why a `HELLO`, which may have been proved with a key, is not its client's; `undefined` if it may be. */
  refuseStranger({ knows, token }: Hello, who?: string): string | undefined {
    if (this.who !== undefined && this.who !== who) {
      return `session ${this.id} was opened with another key`;
    }
    if (this.tokenHash === undefined) return undefined;
    // The WELCOME with the token may have been lost.
    const isOpenToAll = this.isUnclaimed && knows.includes("token");
    if (isOpenToAll || token !== undefined && isSameSecret(hashOf(token), this.tokenHash)) return;
    return `session ${this.id} belongs to whoever opened it, and this HELLO does not show its token`;
  }

  /** Makes a token for a client that has none, or takes the one that it shows: gives what `WELCOME` has to say. */
  giveToken({ knows, token }: Hello, random: Random, at: number): Greeting {
    if (!this.reconnects) {
      // After a crash the store still has the session, and nobody may return to it.
      if (this.tokenHash === undefined) this.#store(NOBODYS, at);
      return {};
    }
    if (!knows.includes("token")) return {};
    if (token !== undefined) {
      if (this.tokenHash !== undefined && !this.isUnclaimed) return {};
      // It may be that of an earlier WELCOME: a late HELLO of the same client may have been given another one.
      this.tokenHash = hashOf(token);
      this.#claim(at);
      return {};
    }
    const made = randomSecret(random);
    this.tokenHash = hashOf(made);
    this.isUnclaimed = true;
    return { token: made };
  }

  /** Notes that its client has the token, if what was heard of it shows that: a TERMINATE may end a vain wait. */
  heard({ closeReason, dataFramesReceived, framesReceived }: Heard, at: number): void {
    // The first frame was HELLO.
    if (closeReason ? dataFramesReceived > 0 : framesReceived > 1) this.#claim(at);
  }

  /** Its client is known to have the token: only now the store has its hash. */
  #claim(at: number): void {
    this.isUnclaimed = undefined;
    this.#store(this.tokenHash!, at);
  }

  #store(token_hash: string, at: number): void {
    this.#delivery?.note({ kind: "claimed", session: this.id, at, token_hash });
  }

  /** The frame that opens or resumes it. */
  welcome({ maxMessageBytes, sessionLifetime_ms, timers }: WelcomeTerms, more: Greeting): Frame {
    const greeting = {
      ...greetingOf(timers, maxMessageBytes),
      received: this.deliveredUpTo,
      ...this.reconnects && { session_lifetime: sessionLifetime_ms / 1000 },
      ...more,
    };
    return { type: "WELCOME", version: PROTOCOL_VERSION, session: this.id, greeting };
  }

  /** Whether nothing more can be delivered, now or later. */
  get cannotDeliver(): boolean {
    return this.#delivery?.hasFailed ?? false;
  }

  /** Whether more of it waits for delivery than its share, so that it is to be held. */
  get isOverShare(): boolean {
    return this.#waitingBytes > (this.#delivery?.share ?? Infinity) && !this.cannotDeliver;
  }

  /** Resolves when it need not be held any more, or delivery has failed. */
  async room(): Promise<void> {
    await this.#delivery?.room();
  }

  /** Receives the next data message; false if more than may be is undelivered. */
  receive(seq: number, payload: Uint8Array, { clock, maxMessageBytes }: ReceiveLimits): boolean {
    this.receivedUpTo = seq;
    if (!this.#delivery) {
      this.deliveredUpTo = seq;
      return true;
    }
    const message: EntryOf<"message"> = {
      kind: "message",
      session: this.id,
      at: clock.wallTime(),
      seq,
      payload,
    };
    this.#waitingBytes += costOf(message);
    this.#delivery.message(this, message);
    const most = Math.max(MAX_UNDELIVERED_BYTES, 2 * (maxMessageBytes + ENTRY_BYTES));
    return this.#waitingBytes <= most &&
      this.receivedUpTo - this.deliveredUpTo <= MAX_WINDOW;
  }

  /** Its data messages, or the room for more, have been waited for; the first reason is the one. */
  held(reason: HoldReason): void {
    if (this.isSettled || this.state.held || this.state.closeReason) return;
    this.state.hold(reason);
    this.session?.held(reason);
  }

  /** Everything up to a sequence number is delivered. */
  delivered(seq: number, bytes: number): void {
    this.state.release();
    this.deliveredUpTo = seq;
    this.#waitingBytes -= bytes;
    this.session?.deliveredMore();
  }
}
