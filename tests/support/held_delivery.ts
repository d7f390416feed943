/**
 * A store and an output whose calls finish when the test lets them.
 *
 * @module
 */
import type { Entry, MessageOutput, Store, StoredSession } from "../../lib/store/store.ts";
import { settle } from "./virtual_clock.ts";

/** Calls that each wait until the test lets them through, or fails them, in order. */
class Held<T> {
  /** The argument of every call, the waiting one included. */
  readonly calls: T[] = [];
  /** Whether calls wait; if not, they finish at once. */
  held: boolean;
  /** Whether `close` was called. */
  closed = false;
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  readonly #atOnce: number;

  constructor({ held = true, atOnce = 1 }: { held?: boolean; atOnce?: number } = {}) {
    this.held = held;
    this.#atOnce = atOnce;
  }

  protected call(argument: T): Promise<void> {
    if (this.#waiting.length === this.#atOnce) throw new Error("too many calls at once");
    this.calls.push(argument);
    if (!this.held) return Promise.resolve();
    const call = Promise.withResolvers<void>();
    this.#waiting.push(call);
    return call.promise;
  }

  /** Finishes the call that has waited longest. */
  async letThrough(): Promise<void> {
    this.#take().resolve();
    await settle();
  }

  /** Fails the call that has waited longest. */
  async fail(text: string): Promise<void> {
    this.#take().reject(new Error(text));
    await settle();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  #take() {
    const waiting = this.#waiting.shift();
    if (!waiting) throw new Error("no call waits");
    return waiting;
  }
}

/** A store whose commits wait. */
export class HeldStore extends Held<readonly Entry[]> implements Store {
  readonly sessions: readonly StoredSession[];

  constructor({ held = true, sessions = [] }: { held?: boolean; sessions?: StoredSession[] } = {}) {
    super({ held, atOnce: 2 });
    this.sessions = sessions;
  }

  commit(entries: Iterable<Entry>): Promise<void> {
    return this.call([...entries]);
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
  append(payloads: readonly Uint8Array[]): Promise<void> {
    return this.call(payloads);
  }

  /** The appended payloads, as texts. */
  get texts(): string[][] {
    return this.calls.map((each) => each.map((payload) => new TextDecoder().decode(payload)));
  }
}
