/**
 * The heartbeat phase, the same for client and server: its loop, and the numbers and counts of heartbeats.
 *
 * @module
 */
import type { Condition } from "../platform/condition.ts";
import type { Deadline } from "../platform/deadline.ts";
import type { LinkWatch } from "../platform/net/own_link.ts";
import { ProtocolError } from "../wire/protocol.ts";
import type { DetectedSince, Detection } from "./close_reason.ts";
import { type Ledger, roundMs } from "./ledger.ts";
import type { KernelWatch } from "../evidence/kernel_watch.ts";
import type { SessionStateOptions } from "./state.ts";
import {
  heartbeatPhase_ms,
  heartbeatsUntilDead,
  nextDeath,
  type NextStep,
  predictedDetection_ms,
  type Timers,
} from "./timers.ts";

/** Acts on each step of the heartbeat loop. */
export interface HeartbeatProbe {
  /** Sends the next heartbeat. A side that only expects the peer's heartbeats has none to send. */
  send?(): void;
  /** A sign of life arrived in time after the last heartbeat. */
  answered?(): void;
  /** The last heartbeat was missed: the number missed in a row, and the number left until death. */
  missed(missed: number, left: number): void;
}

/** Counts what a session receives. */
export interface ReceiveCounters {
  /** Monotonic milliseconds. */
  now(): number;
  /** Frames received so far: each is a sign of life. */
  readonly framesReceived: number;
  /** Data received so far: data messages at the server, confirmations at the client. */
  readonly dataFramesReceived: number;
  /** Notified whenever one of the two has changed. */
  readonly changes: Condition;
}

/** How a heartbeat phase ends. */
export type HeartbeatOutcome = "data heard" | "dead";

/**
 * Sends heartbeats until data is received again or too many in a row are missed.
 *
 * The first one is due from `from_ms` on: when `deadline` passed, unless the silence began otherwise.
 * Of heartbeats missed in a row, each is timed from the one before it, so that late timers do not add up.
 *
 * @throws The deadline's reason, if that ends.
 */
export async function heartbeatLoop(
  probe: HeartbeatProbe,
  received: ReceiveCounters,
  timers: Timers,
  deadline: Deadline,
  from_ms: number = deadline.passed_ms,
): Promise<HeartbeatOutcome> {
  const dataBefore = received.dataFramesReceived;
  const dataResumed = () => received.dataFramesReceived > dataBefore;
  const { heart_beat_interval_ms, heart_beat_threshold_ms } = timers;
  let missed = 0;
  for (;;) {
    const framesBefore = received.framesReceived;
    const signOfLife = () => received.framesReceived > framesBefore;
    probe.send?.();
    deadline.moveTo(from_ms + heart_beat_threshold_ms, { again_ms: heart_beat_threshold_ms });
    const answered = await received.changes.until(signOfLife, deadline);
    deadline.throwIfEnded();
    if (dataResumed()) return "data heard";

    if (answered) {
      missed = 0;
      probe.answered?.();
      if (probe.send) {
        deadline.moveTo(received.now() + heart_beat_interval_ms);
        const resumed = await received.changes.until(dataResumed, deadline);
        deadline.throwIfEnded();
        if (resumed) return "data heard";
      }
      // Should death follow, it is measured from the next heartbeat: that has its full time.
      from_ms = received.now();
    } else {
      missed++;
      from_ms = deadline.passed_ms;
      const left = heartbeatsUntilDead(timers) - missed;
      probe.missed(missed, left);
      if (left === 0) return "dead";
    }
  }
}

/** Options for {@linkcode Heartbeats}. */
export interface HeartbeatsOptions
  extends Pick<SessionStateOptions, "clock" | "events" | "timers"> {
  /** Sends a heartbeat with this number. */
  send: (n: number) => void;
  /** Looks at this host's own interface while they are not answered. */
  link?: LinkWatch;
  /** Asks the kernel about the connection meanwhile. */
  kernel?: KernelWatch;
  /** Counts them. */
  ledger: Ledger;
  /** Hears which are answered by their replies, and which are missed. */
  listener?: HeartbeatListener;
}

/** Hears of heartbeats. */
export interface HeartbeatListener {
  /** A heartbeat was answered by its reply. */
  onReplied(): void;
  /** A heartbeat was missed. */
  onMissed(): void;
}

/** Sends, numbers and counts the heartbeats of one session. */
export class Heartbeats implements HeartbeatProbe {
  readonly #options: HeartbeatsOptions;
  #last = 0;
  /** The number of the last one that needs an answer. */
  #probe = 0;
  #sent_ms = 0;
  #rtt_ms: number | null = null;
  #answered = false;
  /** How many were missed in a row. */
  #missed = 0;
  /** From when a death is measured; set once the session has been silent. */
  detection?: Detection;

  /** Creates the heartbeats of a session; none is sent yet. */
  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  /** What was wrong with this host's own interface in the present silence, if anything was found. */
  get linkFault(): string | undefined {
    return this.#options.link?.fault;
  }

  /** What watches the kernel's view of the connection, if anything does. */
  get kernel(): KernelWatch | undefined {
    return this.#options.kernel;
  }

  /** When the peer is dead if nothing is heard: what is due then is an answer, or else the next heartbeat. */
  next(due_ms: number): NextStep {
    const { timers } = this.#options;
    if (!this.#answered) return nextDeath(timers, due_ms, this.#missed);
    return nextDeath(timers, due_ms + timers.heart_beat_threshold_ms, 0);
  }

  /** Starts a heartbeat phase: until a heartbeat is answered, death is measured from the start of silence. */
  silent(since: DetectedSince, at_ms: number): void {
    this.#answered = false;
    this.#missed = 0;
    this.#options.link?.look();
    this.detection = { since, at_ms, predicted_ms: predictedDetection_ms(this.#options.timers) };
  }

  /** Sends the next heartbeat. */
  send(): void {
    const { clock, timers } = this.#options;
    this.#sent_ms = clock.now();
    this.#rtt_ms = null;
    if (this.#answered) {
      this.#answered = false;
      this.detection = {
        since: "first_unanswered_heartbeat_sent",
        at_ms: this.#sent_ms,
        predicted_ms: heartbeatPhase_ms(timers),
      };
    }
    this.assure();
    this.#probe = this.#last;
    this.#options.link?.judgedIn(timers.heart_beat_threshold_ms);
    this.#options.kernel?.judgedIn(timers.heart_beat_threshold_ms);
  }

  /** Sends a heartbeat only as this side's sign of life: whether it is answered does not matter. */
  assure(): void {
    const { events, ledger, send } = this.#options;
    ledger.heartbeatsSent++;
    send(++this.#last);
    events.emit("heartbeat_sent", { n: this.#last });
  }

  /**
   * Receives a reply, which may be late.
   *
   * @throws {ProtocolError} If no such heartbeat was sent.
   */
  onReply(n: number): void {
    if (n > this.#last) throw new ProtocolError(`HEARTBEAT_REPLY ${n} to a heartbeat never sent`);
    if (n === this.#probe) this.#rtt_ms ??= this.#options.clock.now() - this.#sent_ms;
  }

  /** Notes that a sign of life came after the last heartbeat. */
  answered(): void {
    const missed = this.#missed;
    this.#answered = true;
    this.#missed = 0;
    this.#options.link?.heard();
    this.#options.kernel?.answered();
    this.#options.ledger.heartbeatsAnswered++;
    const rtt_ms = this.#rtt_ms === null ? null : roundMs(this.#rtt_ms);
    const fields = { n: this.#probe, rtt_ms, ...missed > 0 && { missed } };
    this.#options.events.emit("heartbeat_answered", fields);
    if (rtt_ms !== null) this.#options.listener?.onReplied();
  }

  /** Ends a heartbeat phase: none is waited for. */
  over(): void {
    this.#options.link?.heard();
  }

  /** Notes that the last heartbeat was missed: how many in a row, and how many more until death. */
  missed(missed: number, left: number): void {
    this.#missed = missed;
    this.#options.ledger.heartbeatsMissed++;
    this.#options.events.emit("heartbeat_missed", { n: this.#probe, missed, left });
    this.#options.listener?.onMissed();
    this.#options.kernel?.missed();
  }
}
