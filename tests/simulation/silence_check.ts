/**
 * Checks when one side declares its peer silent and dead, against what it has read and said: a second
 * opinion, reckoned from outside.
 *
 * @module
 */
import type { Event } from "../../lib/session/events.ts";
import type { Timers } from "../../lib/session/timers.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import {
  type Due,
  expectDueNow,
  expectNotOverdue,
  expectStalled,
  type Since,
  TOLERANCE_MS,
  windowOf,
} from "./due.ts";
import type { SimulatedProcess } from "./process.ts";
import { wasTroubled } from "./trouble.ts";
import { expect, expectSame } from "./violation.ts";
import type { Wire } from "./wire.ts";

/** What {@linkcode SilenceCheck} is made of. */
export interface SilenceCheckOptions {
  role: Role;
  timers: Timers;
  process: SimulatedProcess;
  /** Whether there is something to say now, or will be at a known time. */
  hasMore: () => boolean;
}

/** Watches one side of one session. */
export class SilenceCheck {
  readonly #options: SilenceCheckOptions;
  #wire?: Wire;
  #phase = "connecting";
  /** When each unconfirmed data message was sent last on this connection, the oldest first. */
  #unconfirmed: { seq: number; at_ms: number }[] = [];
  #data_ms = 0;
  #opened_ms = 0;
  #phaseBegan_ms = 0;
  /** The heartbeat that needs an answer; its number is one of those sent at that time. */
  #heartbeat?: { numbers: number[]; sent_ms: number; judgedFrom_ms: number };
  #answered_ms?: number;
  #missed = 0;
  #since?: Since;

  constructor(options: SilenceCheckOptions) {
    this.#options = options;
  }

  /** The session goes on over this connection. */
  connected(wire: Wire): void {
    this.#wire = wire;
    this.#unconfirmed = [];
    this.#data_ms = this.#opened_ms = this.#now;
    this.#heartbeat = this.#answered_ms = this.#since = undefined;
    if (this.#options.role === "client") return;
    wire.onFrame = (line) => {
      if (!line.startsWith("DATA ") || this.#wire !== wire) return;
      this.#data_ms = this.#now;
      this.#isUnassured = true;
    };
    wire.onPartialData = () => {
      if (this.#wire === wire) this.#data_ms = this.#now;
    };
    wire.onHoldEnd = (held_ms) => {
      if (this.#wire === wire) this.#releasedAfter(held_ms);
    };
  }

  /** Looks at the next event. */
  event(event: Event): void {
    switch (event.event) {
      case "data_sent":
        this.#unconfirmed.push({ seq: event.seq, at_ms: this.#now });
        break;
      case "data_confirmed":
        this.#data_ms = this.#now;
        while (this.#unconfirmed[0] && this.#unconfirmed[0].seq <= event.seq) {
          this.#unconfirmed.shift();
        }
        break;
      case "data_received":
        // Of what a held session has read, it takes some later.
        this.#isUnassured = true;
        break;
      case "phase":
        this.#enter(event.to);
        break;
      case "heartbeat_sent":
        this.#sent(event.n);
        break;
      case "heartbeat_answered":
        this.#answeredNow(event.rtt_ms);
        break;
      case "heartbeat_missed":
        this.#missedNow(event);
        break;
      case "local_stall":
        expectStalled(this.#options.process, event.ms);
        break;
      case "disconnected":
      case "terminated":
        this.#over(event);
    }
  }

  /** Fails if something was due that has not come. */
  checkDue(): void {
    const { process } = this.#options;
    if (process.dead || process.stalled) return;
    const due = this.#due();
    if (due) expectNotOverdue(process, due);
  }

  get #now(): number {
    return this.#options.process.now();
  }

  /** Whom the server did not read has all its time once more; what is only waited for goes on. */
  #releasedAfter(held_ms: number): void {
    this.#data_ms = this.#now;
    if (this.#heartbeat) this.#heartbeat.judgedFrom_ms = this.#now;
    if (this.#answered_ms !== undefined) this.#answered_ms += held_ms;
  }

  /** Whether this side reads nothing of its peer, and so may not judge it. */
  get #isHolding(): boolean {
    return this.#options.role === "server" && this.#wire?.isHeld === true;
  }

  /** What comes next unless something is heard before, and when. */
  #due(): Due | undefined {
    const { data_threshold_ms, heart_beat_interval_ms, heart_beat_threshold_ms } =
      this.#options.timers;
    if (this.#isHolding) return undefined;
    if (this.#phase === "data") {
      const from_ms = this.#silence()?.at_ms;
      if (from_ms === undefined) return undefined;
      const at_ms = from_ms + data_threshold_ms;
      return { what: "the heartbeat phase", from_ms, at_ms, again_ms: data_threshold_ms };
    }
    if (this.#phase !== "heartbeat" || !this.#heartbeat) return undefined;
    const { judgedFrom_ms, numbers: [n = 0] } = this.#heartbeat;
    if (this.#answered_ms === undefined) {
      const at_ms = judgedFrom_ms + heart_beat_threshold_ms;
      const again_ms = heart_beat_threshold_ms;
      return { what: `the miss of heartbeat ${n}`, from_ms: judgedFrom_ms, at_ms, again_ms };
    }
    const from_ms = this.#answered_ms;
    const at_ms = from_ms + heart_beat_interval_ms;
    return { what: `heartbeat ${n + 1}`, from_ms, at_ms, again_ms: 0 };
  }

  /** Since when no data has been heard that should have been. */
  #silence(): Since | undefined {
    const { hasMore, role, timers } = this.#options;
    const predicted_ms = timers.data_threshold_ms + this.#heartbeats_ms;
    const oldest = this.#unconfirmed[0];
    // With several in flight, each confirmation gives the next one its full time.
    if (oldest && oldest.at_ms >= this.#data_ms) {
      return { what: "first_unconfirmed_data_sent", at_ms: oldest.at_ms, predicted_ms };
    }
    if (role === "client" && !oldest && hasMore()) return undefined;
    const what = this.#data_ms === this.#opened_ms ? "session_opened" : "last_data_heard";
    return { what, at_ms: this.#data_ms, predicted_ms };
  }

  get #heartbeats_ms(): number {
    return this.#untilDead * this.#options.timers.heart_beat_threshold_ms;
  }

  get #untilDead(): number {
    return 1 + this.#options.timers.heart_beat_additional_tries;
  }

  #expectNow(): void {
    const due = this.#due();
    if (due) expectDueNow(this.#options.process, due);
  }

  #enter(phase: string): void {
    if (phase === "heartbeat") {
      expect(!this.#isHolding, () => "silence was declared of a peer that was not read");
      expect(this.#silence() !== undefined, () => "silence was declared while nothing was due");
      this.#expectNow();
      this.#since = this.#silence();
      this.#missed = 0;
      this.#heartbeat = this.#answered_ms = undefined;
      this.#isNextDue = false;
    } else if (phase === "data" && this.#phase === "heartbeat") {
      expectSame(this.#data_ms, this.#now, () => "the time of the data that ended a silence");
    }
    this.#phase = phase;
    this.#phaseBegan_ms = this.#now;
  }

  #sent(n: number): void {
    if (this.#isAssurance()) {
      if (this.#heartbeat?.sent_ms === this.#now) this.#heartbeat.numbers.push(n);
      return;
    }
    expectSame(this.#phase, "heartbeat", () => `the phase of heartbeat ${n}`);
    if (this.#answered_ms !== undefined) {
      this.#expectNow();
      this.#since = {
        what: "first_unanswered_heartbeat_sent",
        at_ms: this.#now,
        predicted_ms: this.#heartbeats_ms,
      };
    } else {
      const { sent_ms = this.#phaseBegan_ms } = this.#heartbeat ?? {};
      const last_ms = this.#missed > 0 ? this.#missed_ms : sent_ms;
      expectSame(this.#now, last_ms, () => `the time of heartbeat ${n}`);
    }
    this.#heartbeat = { numbers: [n], sent_ms: this.#now, judgedFrom_ms: this.#now };
    this.#answered_ms = undefined;
    this.#isNextDue = false;
  }

  /** Whether data has been heard since the last heartbeat that was only a sign of life. */
  #isUnassured = false;

  /**
   * Whether a heartbeat is sent now only as a sign of life of a server that can answer nothing, or to a
   * client whose data it has and may not have confirmed.
   */
  #isAssurance(): boolean {
    const { role } = this.#options;
    if (role === "client") return false;
    const isUnconfirmed = this.#isUnassured && this.#phase === "data";
    if (!isUnconfirmed && !this.#wire!.isMidData && !this.#isHolding) return false;
    this.#isUnassured = false;
    if (this.#phase !== "heartbeat" || this.#isHolding) return true;
    if (!this.#heartbeat || this.#isNextDue) return false;
    const due = this.#due()!;
    return this.#answered_ms === undefined ||
      this.#now < windowOf(this.#options.process, due).earliest_ms;
  }

  /** Whether the last heartbeat was missed, and the next one has not been sent. */
  #isNextDue = false;

  #missed_ms = 0;

  #answeredNow(rtt_ms: number | null): void {
    const { numbers, sent_ms } = this.#heartbeat!;
    const { lastSignOfLife_ms } = this.#wire!;
    const n = numbers[0]!;
    const rtts = [this.#wire!.isReplyTo(numbers) ? this.#now - sent_ms : null, null];
    expect(rtts.includes(rtt_ms), () => `rtt_ms ${rtt_ms} of heartbeat ${n}; expected ${rtts[0]}`);
    expectSame(
      lastSignOfLife_ms,
      this.#now,
      () => `the time of the sign of life after heartbeat ${n}`,
    );
    expect(lastSignOfLife_ms >= sent_ms, () => `heartbeat ${n} answered by what came before it`);
    this.#answered_ms = this.#now;
    this.#missed = 0;
  }

  #missedNow({ left, missed, n }: { left: number; missed: number; n: number }): void {
    const { sent_ms } = this.#heartbeat!;
    expect(!this.#isHolding, () => `heartbeat ${n} missed of a peer that was not read`);
    this.#expectNow();
    expect(
      this.#wire!.lastSignOfLife_ms <= sent_ms,
      () => `heartbeat ${n}, sent at ${sent_ms}, missed in spite of a frame since then`,
    );
    this.#missed_ms = this.#now;
    this.#isNextDue = true;
    expectSame(missed, ++this.#missed, () => "heartbeats missed in a row");
    expectSame(left, this.#untilDead - this.#missed, () => "heartbeats left until death");
  }

  #over(event: Event & { event: "disconnected" | "terminated" }): void {
    const wire = this.#wire;
    this.#wire = undefined;
    if (!wire || event.by !== "self" || event.reason !== "silent") return;
    expectSame(this.#missed, this.#untilDead, () => "heartbeats missed in a row until death");
    const since = this.#since!;
    expectSame(event.detected_since, since.what, () => "detected_since of death");
    expectSame(event.predicted_ms, since.predicted_ms, () => "predicted_ms of death");
    expectSame(
      event.detected_after_ms,
      this.#now - since.at_ms,
      () => "detected_after_ms of death",
    );
    if (this.#options.process.ranSince(since.at_ms - TOLERANCE_MS)) {
      expectSame(event.detected_after_ms, since.predicted_ms, () => "the time to detect death");
    }
    expect(
      wasTroubled(wire, since.at_ms),
      () =>
        `a live peer was declared dead: nothing was wrong with it or the path to it since ${since.at_ms}`,
    );
  }
}
