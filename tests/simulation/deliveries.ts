/**
 * What has been delivered, over all processes and crashes of the servers: each data message exactly
 * once and in order, and nothing confirmed that is not there.
 *
 * @module
 */
import { expect, expectSame } from "./violation.ts";

/** What is known of the data messages of one session. */
export interface Sender {
  /** What the data message of a sequence number says. */
  readonly payload: (seq: number) => string;
  /** How many of them may be unconfirmed. */
  readonly window: number;
}

/** One session's state of delivery. */
interface State {
  readonly sender: Sender;
  /** Where data messages of this session have to be before they are confirmed. */
  kind: "received" | "stored" | "written";
  received: number;
  stored: number;
  written: number;
}

const decoder = new TextDecoder();

/** The one truth on what was delivered. */
export class Deliveries {
  readonly #states = new Map<string, State>();

  /** Makes a session known, before anything of it can be seen. */
  add(session: string, sender: Sender, kind: State["kind"]): void {
    this.#states.set(session, { sender, kind, received: 0, stored: 0, written: 0 });
  }

  /** How much of a session is delivered for good. */
  delivered(session: string): number {
    const state = this.#state(session);
    return state[state.kind];
  }

  /** A server has told that it received a data message. */
  received(session: string, seq: number): void {
    const state = this.#state(session);
    state.received = seq;
    const waiting = seq - state[state.kind];
    expect(
      waiting <= state.sender.window,
      () => `${waiting} data messages wait for delivery; the window is ${state.sender.window}`,
    );
  }

  /** A data message is in the store. */
  stored(session: string, seq: number, payload: Uint8Array): void {
    const state = this.#state(session);
    expectSame(seq, ++state.stored, () => `the next data message of ${session} in the store`);
    expectSame(decoder.decode(payload), state.sender.payload(seq), () => `what ${seq} says`);
  }

  /** A session begins in the store after this sequence number. */
  storedFrom(session: string, received: number): void {
    const state = this.#state(session);
    expectSame(received, state.stored, () => `where ${session} begins in the store`);
  }

  /** A data message is in the output. */
  written(payload: Uint8Array): void {
    const text = decoder.decode(payload);
    const [session = ""] = text.split(" ");
    const state = this.#state(session);
    const seq = ++state.written;
    expectSame(text, state.sender.payload(seq), () => `the next line of ${session} in the output`);
    expect(
      state.kind !== "stored" || seq <= state.stored,
      () => `data message ${seq} of ${session} is in the output and not in the store`,
    );
  }

  /** The output has been made good from the store, after a crash. */
  rewritten(): void {
    for (const state of this.#states.values()) {
      if (state.kind === "stored") state.written = state.stored;
    }
  }

  /** A client has heard that all up to a sequence number is delivered. */
  confirmed(session: string, seq: number): void {
    const delivered = this.delivered(session);
    expect(
      seq <= delivered,
      () => `data message ${seq} of ${session} is confirmed; only ${delivered} are delivered`,
    );
  }

  #state(session: string): State {
    const state = this.#states.get(session);
    expect(state !== undefined, () => `session ${session}, which nobody has begun`);
    return state;
  }
}
