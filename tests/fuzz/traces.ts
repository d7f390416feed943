/**
 * What can be seen of an exchange from outside: which events and answers followed which. What has never been seen
 * before is worth mutating further.
 *
 * @module
 */
import type { Event } from "../../lib/session/events.ts";

/** Collects what follows what. */
export class Traces {
  readonly #known = new Set<string>();
  #last = "";
  #isNew = false;

  /** How many different steps were seen. */
  get size(): number {
    return this.#known.size;
  }

  /** Begins an exchange. */
  begin(): void {
    this.#last = "";
    this.#isNew = false;
  }

  /** Whether the exchange has shown something new. */
  get isNew(): boolean {
    return this.#isNew;
  }

  /** Adds an event. */
  event(event: Event): void {
    const by = "by" in event ? event.by : "";
    const reason = "reason" in event ? event.reason : "";
    const to = "to" in event ? event.to : "";
    const text = "text" in event ? String(event.text).replace(/".*"|\d+/g, "_").slice(0, 60) : "";
    this.word(`${event.event} ${by} ${reason} ${to} ${text}`);
  }

  /** Adds anything else that was seen. */
  word(word: string): void {
    const step = `${this.#last} > ${word}`;
    this.#last = word;
    if (this.#known.has(step)) return;
    this.#known.add(step);
    this.#isNew = true;
  }
}
