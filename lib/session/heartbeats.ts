/**
 * Sends, numbers and counts the heartbeats of one side, and notes from when a death is measured.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { ProtocolError } from "../wire/protocol.ts";
import type { DetectedSince, Detection } from "./close_reason.ts";
import type { EventSource } from "./events.ts";
import type { HeartbeatProbe } from "./heartbeat_loop.ts";
import { type Ledger, roundMs } from "./ledger.ts";
import { heartbeatPhase_ms, predictedDetection_ms, type Timers } from "./timers.ts";

/** Options for {@linkcode Heartbeats}. */
export interface HeartbeatsOptions {
  /** The clock. */
  clock: Clock;
  /** The session's timers. */
  timers: Timers;
  /** Sends a heartbeat with this number. */
  send: (n: number) => void;
  /** Counts them. */
  ledger: Ledger;
  /** Emits their events. */
  events: EventSource;
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
  #detection?: Detection;

  /** Creates the heartbeats of a session; none is sent yet. */
  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  /** From when a death is measured; set once the session has been silent. */
  get detection(): Detection | undefined {
    return this.#detection;
  }

  /** Starts a heartbeat phase: until a heartbeat is answered, death is measured from the start of silence. */
  silent(since: DetectedSince, at_ms: number): void {
    this.#answered = false;
    this.#detection = { since, at_ms, predicted_ms: predictedDetection_ms(this.#options.timers) };
  }

  /** Sends the next heartbeat. */
  send(): void {
    const { clock, timers } = this.#options;
    this.#sent_ms = clock.now();
    this.#rtt_ms = null;
    if (this.#answered) {
      this.#answered = false;
      this.#detection = {
        since: "first_unanswered_heartbeat_sent",
        at_ms: this.#sent_ms,
        predicted_ms: heartbeatPhase_ms(timers),
      };
    }
    this.assure();
    this.#probe = this.#last;
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
    this.#answered = true;
    this.#options.ledger.heartbeatsAnswered++;
    const rtt_ms = this.#rtt_ms === null ? null : roundMs(this.#rtt_ms);
    this.#options.events.emit("heartbeat_answered", { n: this.#probe, rtt_ms });
  }

  /** Notes that the last heartbeat was missed: how many in a row, and how many more until death. */
  missed(missed: number, left: number): void {
    this.#options.ledger.heartbeatsMissed++;
    this.#options.events.emit("heartbeat_missed", { n: this.#probe, missed, left });
  }
}
