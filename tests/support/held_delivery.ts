/**
 * A store and an output whose calls finish when the test lets them.
 *
 * @module
 */
import type { Entry, MessageOutput, Store, StoredSession } from "../../lib/store/store.ts";
import { settle } from "./virtual_clock.ts";

/** Calls that each wait until the test lets them through, or fails them. */
class Held<T> {
  /** The argument of every call, the waiting one included. */
  readonly calls: T[] = [];
  /** Whether calls wait; if not, they finish at once. */
  held = true;
  /** Whether `close` was called. */
  closed = false;
  #waiting?: { resolve: () => void; reject: (error: Error) => void };

  protected call(argument: T): Promise<void> {
    if (this.#waiting) throw new Error("two calls at once");
    this.calls.push(argument);
    if (!this.held) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting = { resolve, reject });
  }

  /** Finishes the waiting call. */
  async letThrough(): Promise<void> {
    this.#take().resolve();
    await settle();
  }

  /** Fails the waiting call. */
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

  /** What was committed: `message <seq>`, or the kind of another entry. */
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

  /** The appended payloads, as texts. */
  get texts(): string[][] {
    return this.calls.map((each) => each.map((payload) => new TextDecoder().decode(payload)));
  }
}
