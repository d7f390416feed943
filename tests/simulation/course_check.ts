/**
 * Checks that one side tells of one session what can be: phases in an unbroken chain, one end, one
 * summary, attempts and delays within their bounds.
 *
 * @module
 */
import type { Event } from "../../lib/session/events.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import type { SimulatedProcess } from "./process.ts";
import { expect, expectSame } from "./violation.ts";
import type { Wire } from "./wire.ts";

/** How long, in milliseconds, a connection may take to be closed. */
const CLOSE_LIMIT_MS = 2_000;

/** What {@linkcode CourseCheck} is made of. */
export interface CourseCheckOptions {
  role: Role;
  process: SimulatedProcess;
  /** How long the server keeps a session without a connection. */
  sessionLifetime_ms?: number;
  /** How the client reconnects, if it does. */
  reconnect?: { limit: number };
}

/** Watches what one side tells of one session. */
export class CourseCheck {
  /** Whether it has told of the end. */
  terminated = false;
  /** The connection that it has, or had last. */
  wire?: Wire;
  /** Whether it has told the last word. */
  summarized = false;
  readonly #options: CourseCheckOptions;
  #phase = "connecting";
  #connections = 0;
  #isConnected = false;
  #attempt = 0;
  #healthy_ms = 0;
  /** When the unconfirmed data messages were sent, by sequence number, the oldest first. */
  readonly #sent_ms = new Map<number, number>();
  /** Whether the connection has confirmed any. */
  #hasConfirmed = false;
  #dialAt_ms?: number;
  #lost_ms?: number;

  constructor(options: CourseCheckOptions) {
    this.#options = options;
  }

  /** Whether nothing more is to be told. */
  get isOver(): boolean {
    return this.summarized || (this.terminated && this.#connections === 0);
  }

  /** Looks at the next event. */
  event(event: Event): void {
    expect(!this.summarized, () => `${event.event} after the summary`);
    // A confirmation that crosses this side's TERMINATE still counts.
    const isLast = ["summary", "notice", "data_confirmed"].includes(event.event);
    expect(!this.terminated || isLast, () => `${event.event} after terminated`);
    expect(
      !("reason" in event && (event.reason === "failed" || event.reason === "protocol")),
      () => `a defect of a program ended a session: ${JSON.stringify(event)}`,
    );
    switch (event.event) {
      case "phase":
        expectSame(event.from, this.#phase, () => `the phase left for ${event.to}`);
        expect(event.to !== event.from, () => `phase ${event.to} entered from itself`);
        this.#phase = event.to;
        return;
      case "connected":
        expectSame(this.#phase, "connecting", () => "the phase at connected");
        expect(!this.#isConnected, () => "connected twice at the same time");
        this.#isConnected = true;
        this.#hasConfirmed = false;
        this.#connections++;
        return;
      case "data_sent":
        this.#sent_ms.set(event.seq, this.#now);
        return;
      case "data_confirmed":
        this.#sent_ms.delete(event.seq);
        this.#hasConfirmed = true;
        return;
      case "resumed":
        expect(this.#isConnected, () => "resumed without a connection");
        return;
      case "disconnected":
        expectSame(this.#phase, "connecting", () => "the phase at disconnected");
        expect(this.#isConnected, () => "disconnected without a connection");
        this.#connectionOver();
        this.#lost_ms = this.#now;
        return;
      case "reconnecting":
        return this.#reconnecting(event);
      case "terminated":
        // What was never open has no phases to tell of.
        if (this.#connections > 0) {
          expectSame(this.#phase, "terminated", () => "the phase at terminated");
        } else expectSame(this.#phase, "connecting", () => "the phase of what never was open");
        if (this.#isConnected) this.#connectionOver();
        else if (event.by === "self" && event.reason === "silent") {
          // A session that has sent no data may make room for a new one at any time.
          if (!event.text.startsWith("made room")) this.#checkExpiry();
        }
        this.terminated = true;
        return;
      case "summary":
        expect(this.terminated, () => "a summary before the end");
        expect(
          this.#connections > 0 || event.lines_unsent !== undefined,
          () => "a summary of a session that never was open and had no input",
        );
        this.summarized = true;
    }
  }

  /** Its process dials. */
  dialled(): void {
    const { process } = this.#options;
    if (this.#dialAt_ms === undefined) return;
    const late_ms = this.#now - this.#dialAt_ms;
    expect(
      late_ms === 0 || (late_ms > 0 && !process.ranSince(this.#dialAt_ms)),
      () => `dialled at ${this.#now} instead of ${this.#dialAt_ms}`,
    );
  }

  /** All is over: fails unless everything has been told. */
  checkOver(): void {
    expect(this.terminated, () => "no terminated event at the end");
    expect(this.summarized || this.#connections === 0, () => "no summary at the end");
  }

  get #now(): number {
    return this.#options.process.now();
  }

  #connectionOver(): void {
    this.#isConnected = false;
    const { lastSignOfLife_ms, opened_ms } = this.wire!;
    // What came after the last sign of life was no health, nor is time in which nothing is confirmed.
    const [oldest_ms = Infinity] = this.#sent_ms.values();
    this.#healthy_ms = this.#hasConfirmed
      ? Infinity
      : Math.min(lastSignOfLife_ms, oldest_ms) - opened_ms;
  }

  /** A lost session is kept for its lifetime, from when its connection was closed. */
  #checkExpiry(): void {
    const { process, sessionLifetime_ms } = this.#options;
    if (sessionLifetime_ms === undefined || this.#lost_ms === undefined) return;
    const kept_ms = this.#now - this.#lost_ms;
    const isLate = kept_ms > sessionLifetime_ms + CLOSE_LIMIT_MS;
    expect(
      kept_ms >= sessionLifetime_ms && !(isLate && process.ranSince(this.#lost_ms)),
      () => `a session was kept for ${kept_ms} ms; expected ${sessionLifetime_ms}`,
    );
  }

  #reconnecting({ attempt, delay_ms }: { attempt: number; delay_ms: number }): void {
    const { reconnect } = this.#options;
    expect(reconnect !== undefined, () => "reconnecting though that is off");
    if (this.#healthy_ms >= 60_000) this.#attempt = 0;
    this.#healthy_ms = 0;
    expectSame(attempt, ++this.#attempt, () => "the number of the attempt");
    expect(
      reconnect.limit === 0 || attempt <= reconnect.limit,
      () => `attempt ${attempt} beyond the limit ${reconnect.limit}`,
    );
    const most_ms = Math.min(30_000, 500 * 2 ** attempt);
    expect(
      delay_ms >= 500 && delay_ms <= most_ms,
      () => `a delay of ${delay_ms} ms before attempt ${attempt}; expected 500 to ${most_ms}`,
    );
    this.#dialAt_ms = this.#now + delay_ms;
  }
}

/** How early, in milliseconds, a data message may be for the one before to have been late. */
const TOLERANCE_MS = 10;

/** Checks the pace of a client that sends at an interval: never quicker, whatever it has missed. */
export class PaceCheck {
  readonly #interval_ms: number;
  #last_ms = -Infinity;

  constructor(interval_ms: number) {
    this.#interval_ms = interval_ms;
  }

  /** Looks at the next event. */
  event(event: Event, now_ms: number): void {
    if (event.event !== "data_sent" || event.resent) return;
    const pause_ms = now_ms - this.#last_ms;
    expect(
      pause_ms >= this.#interval_ms - TOLERANCE_MS,
      () => `data message ${event.seq} came ${pause_ms} ms after the one before`,
    );
    this.#last_ms = now_ms;
  }
}
