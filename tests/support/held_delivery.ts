/**
 * A store and an output that finish what they are given when the test says so.
 *
 * @module
 */
import type { Entry, MessageOutput, Store, StoredSession } from "../../lib/store/store.ts";
import { settle } from "./virtual_clock.ts";

/** Calls of which each waits until it is let through. */
class Held<T> {
  /** What every call was given, the one that waits included. */
  readonly calls: T[] = [];
  /** Whether calls wait; if not, they are through at once. */
  held = true;
  /** Whether it has been closed. */
  closed = false;
  #waiting?: { resolve: () => void; reject: (error: Error) => void };

  protected call(given: T): Promise<void> {
    if (this.#waiting) throw new Error("two calls at once");
    this.calls.push(given);
    if (!this.held) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting = { resolve, reject });
  }

  /** Lets the call that waits through. */
  async letThrough(): Promise<void> {
    this.#take().resolve();
    await settle();
  }

  /** Has the call that waits fail. */
  async fail(text: string): Promise<void> {
    this.#take().reject(new Error(text));
    await settle();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  #take() {
    const waiting = this.#waiting;
    if (!waiting) throw new Error("no call waits");
    this.#waiting = undefined;
    return waiting;
  }
}

/** A store whose commits wait. */
export class HeldStore extends Held<readonly Entry[]> implements Store {
  readonly sessions: readonly StoredSession[];

  constructor({ held = true, sessions = [] }: { held?: boolean; sessions?: StoredSession[] } = {}) {
    super();
    this.held = held;
    this.sessions = sessions;
  }

  commit(entries: readonly Entry[]): Promise<void> {
    return this.call(entries);
  }

  /** What was committed, in words: `kind seq` of a message, else `kind`. */
  get told(): string[][] {
    return this.calls.map((entries) =>
      entries.map((each) => each.kind === "message" ? `message ${each.seq}` : each.kind)
    );
  }
}

/** An output whose appends wait. */
export class HeldOutput extends Held<readonly Uint8Array[]> implements MessageOutput {
  constructor({ held = true }: { held?: boolean } = {}) {
    super();
    this.held = held;
  }

  append(payloads: readonly Uint8Array[]): Promise<void> {
    return this.call(payloads);
  }

  /** What was appended, as texts. */
  get texts(): string[][] {
    return this.calls.map((each) => each.map((payload) => new TextDecoder().decode(payload)));
  }
}
