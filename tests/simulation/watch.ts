/**
 * Watches one side of one session: everything that it tells goes through every check.
 *
 * @module
 */
import type { Event } from "../../lib/session/events.ts";
import type { Timers } from "../../lib/session/timers.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { CourseCheck } from "./course_check.ts";
import { LedgerCheck } from "./ledger_check.ts";
import type { SimulatedProcess } from "./process.ts";
import { SilenceCheck } from "./silence_check.ts";
import { expectSame } from "./violation.ts";
import type { Wire } from "./wire.ts";

/** What a {@linkcode Watch} is made of. */
export interface WatchOptions {
  role: Role;
  process: SimulatedProcess;
  timers: Timers;
  /** How many data messages may be unconfirmed. */
  window: number;
  /** How far the session had come, of one that an earlier process of the server has left in its store. */
  start?: number;
  /** How long the server keeps a session without a connection. */
  sessionLifetime_ms?: number;
  /** How the client reconnects, if it does. */
  reconnect?: { limit: number };
  /** Whether there is something to say, now or at a known time. */
  hasMore: () => boolean;
  /** The connection that the session has just been opened on. */
  wireOf: (peer: string) => Wire;
}

/** The events of frames that count as signs of life when they are taken: until then a hold may keep them. */
const TAKEN: ReadonlySet<string> = new Set(["data_received", "heartbeat_received"]);

/** One side of one session under watch. */
export class Watch {
  /** What it tells of the course of the session. */
  readonly state: CourseCheck;
  /** Its books, kept a second time. */
  readonly ledger: LedgerCheck;
  /** When it dies, reckoned a second time. */
  readonly silence: SilenceCheck;
  /** The connections that it has had. */
  readonly wires: Wire[] = [];
  /** How it told that the session ended, once it has. */
  end?: Event & { event: "terminated" };
  /** When the session was opened first. */
  opened_ms?: number;
  readonly #options: WatchOptions;
  /** When the last frame was read on the connection before, or taken, if its side was held meanwhile. */
  #lastSignOfLife_ms?: number;
  /** When the last frame was taken. */
  #taken_ms = -Infinity;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.state = new CourseCheck(options);
    this.ledger = new LedgerCheck(options);
    this.silence = new SilenceCheck(options);
  }

  /** Looks at the next event of the session. */
  event(event: Event): void {
    if (event.event === "connected") {
      const wire = this.#options.wireOf(event.peer);
      this.wires.push(wire);
      this.state.wire = wire;
      this.opened_ms ??= this.#options.process.now();
      this.silence.connected(wire);
    } else this.silence.checkDue();
    if (event.event === "terminated") this.end = event;
    if (TAKEN.has(event.event)) this.#taken_ms = this.#options.process.now();
    if (event.event === "disconnected") {
      this.#lastSignOfLife_ms = Math.max(this.wires.at(-1)!.lastSignOfLife_ms, this.#taken_ms);
    }
    if (event.event === "resumed" && this.#lastSignOfLife_ms !== undefined) {
      const gap_ms = this.#options.process.now() - this.#lastSignOfLife_ms;
      expectSame(event.gap_ms, gap_ms, () => "gap_ms of resumed");
    }
    this.state.event(event);
    this.ledger.event(event);
    this.silence.event(event);
    this.wires.at(-1)?.link.accounts.event(event, this, this.#options);
  }
}
