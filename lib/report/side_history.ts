/**
 * What one run of a process recorded of one session, in a memory that does not grow with its length.
 *
 * @module
 */
import { type Cause, isCause, type Stall } from "../evidence/side.ts";
import { stallKind } from "../platform/suspension.ts";
import { Histogram } from "../session/histogram.ts";
import { countIn, durationIn, type Entry, textIn } from "./entries.ts";

/** How many outages of a side are kept in full, and how many stalls. */
const MAX_OUTAGES = 1_000;
const MAX_STALLS = 1_000;
const MAX_PHASES = 4_000;

/** Of how many entries it is known when they were: more than come at once after a stall. */
const LATELY = 64;

/** How a side noticed an outage. */
export type Noticed = "silent" | "reset" | "closed" | "other";

/** An outage, as one side recorded it. Moments are in milliseconds of the monotonic clock of its run. */
export interface SideOutage {
  /** When it was noticed. */
  readonly noticed_ms: number;
  /** As what it was noticed. */
  readonly how: Noticed;
  /** How long no data had been heard by then. */
  readonly silent_ms: number;
  /** Which connection it began on; 0 if none is known. */
  readonly connection: number;
  /** When the connection ended, if it did. */
  ended_ms?: number;
  /** Why it ended, as the event has it. */
  ended_as?: { by: string; reason: string; text: string };
  /** When the session ended in it, if it did. */
  closed_ms?: number;
  /** When data was heard again, or the session was resumed. */
  over_ms?: number;
  /** How long after which moment the peer was declared dead, and how long was predicted. */
  detected_ms: number | null;
  /** How long that was predicted to take. */
  predicted_ms: number | null;
  /** What the kernel's views said, in order. */
  readonly causes: Cause[];
  /** Whether nothing had to be transmitted again when it was noticed; absent if not known. */
  transmits?: boolean;
  /** What confirmations waited for, if they did. */
  held?: string;
  /** The last data message confirmed before it, and the last one sent by its end. */
  confirmed: number;
  /** The last data message sent by its end. */
  sent: number;
  /** Whether it ended with a resume. */
  resumed: boolean;
  /** Whether a heartbeat was missed in it. */
  hasMissed?: boolean;
}

/** A phase of a session. */
export interface PhaseSpan {
  /** Its name. */
  readonly phase: string;
  /** When it began. */
  readonly from_ms: number;
}

/** The history of one side of a session, in one run. */
export class SideHistory {
  /** Times from data messages to their confirmations. */
  readonly roundTrips = new Histogram();
  /** Its outages, in order. */
  readonly outages: SideOutage[] = [];
  /** Its stalls, in order. */
  readonly stalls: Stall[] = [];
  /** Its phases, in order. */
  readonly phases: PhaseSpan[] = [];
  /** How often a connection was opened. */
  connections = 0;
  /** Connections with a complete handshake, and those that were used after it. */
  readonly welcomed = new Set<number>();
  /** Connections on which more than `HELLO`, and a `TERMINATE` for want of an answer, was received. */
  readonly used = new Set<number>();
  /** The first and the last number of data messages on each connection. */
  readonly numbers = new Map<number, [first: number, last: number]>();
  /** The highest numbers that were recorded. */
  sent = 0;
  /** The last data message received. */
  received = 0;
  /** The last data message confirmed. */
  confirmed = 0;
  /** When the first entry was, in milliseconds of the monotonic clock. */
  first_ms: number = Infinity;
  /** When the last entry was. */
  last_ms: number = -Infinity;
  /** When the session ended here, and why; absent if that was not recorded. */
  ended?: { at_ms: number; by: string; reason: string };
  /** Its last event, with its counters. */
  summary?: Entry;
  /** How many outages, stalls and phases were left out. */
  leftOut = 0;
  #open?: SideOutage;
  /** When the last entries were. */
  readonly #lately_ms: number[] = [];
  #lately = 0;
  #idle = false;
  /** How many heartbeats in a row were answered while no confirmation was owed. */
  #answers = 0;
  #held?: string;

  /** Takes one entry of this session; of others than those wanted, the round trip does not count. */
  take(entry: Entry, isWanted = true): void {
    const at_ms = entry.mono_us / 1_000;
    this.#lately_ms[this.#lately++ % LATELY] = at_ms;
    if (at_ms < this.first_ms) this.first_ms = at_ms;
    if (at_ms > this.last_ms) this.last_ms = at_ms;
    switch (entry.event) {
      case "frame_sent":
      case "frame_received":
        return this.#frame(entry, at_ms);
      case "data_sent":
        return this.#sent(countIn(entry, "seq") ?? 0);
      case "data_received":
        this.received = Math.max(this.received, countIn(entry, "seq") ?? 0);
        return;
      case "data_confirmed":
        return this.#confirmed(entry, isWanted);
      case "phase":
        return this.#phase(entry, at_ms);
      case "heartbeat_missed":
        return this.#missed(entry, at_ms);
      case "heartbeat_answered":
        return this.#answered(entry, at_ms);
      case "local_stall":
        return this.#stall(entry, at_ms);
      case "hold":
        this.#held = textIn(entry, "reason");
        if (this.#open) this.#open.held = this.#held;
        return;
      case "kernel":
        return this.#kernel(entry);
      case "disconnected":
        return this.#ended(entry, at_ms, false);
      case "resumed":
        if (this.#open) this.#open.resumed = true;
        return this.#over(at_ms);
      case "terminated":
        return this.#ended(entry, at_ms, true);
      case "summary":
        this.summary = entry;
    }
  }

  #sent(seq: number): void {
    this.sent = Math.max(this.sent, seq);
    if (this.#open) this.#open.sent = Math.max(this.#open.sent, seq);
  }

  #confirmed(entry: Entry, isWanted: boolean): void {
    this.confirmed = Math.max(this.confirmed, countIn(entry, "seq") ?? 0);
    this.#held = undefined;
    const rtt_ms = durationIn(entry, "rtt_ms");
    if (rtt_ms !== null && isWanted) this.roundTrips.add(rtt_ms);
  }

  /** The last frames before an outage are recorded after it was noticed. */
  #frame(entry: Entry, at_ms: number): void {
    const n = countIn(entry, "n") ?? 0;
    const open = this.#open;
    const isBefore = open && at_ms <= open.noticed_ms;
    const connection = countIn(entry, "connection") ?? 0;
    this.connections = Math.max(this.connections, connection);
    const isUse = entry.event === "frame_received" && !/^(HELLO|TERMINATE)$/.test(`${entry.frame}`);
    if (entry.frame === "WELCOME") this.welcomed.add(connection);
    else if (isUse) this.used.add(connection);
    if (entry.frame === "DATA") {
      const [first, last] = this.numbers.get(connection) ?? [n, n];
      this.numbers.set(connection, [Math.min(first, n), Math.max(last, n)]);
      if (entry.event === "frame_sent") this.#sent(n);
      else this.received = Math.max(this.received, n);
    }
    if (entry.frame !== "CONFIRM") return;
    this.confirmed = Math.max(this.confirmed, n);
    if (isBefore) open.confirmed = Math.max(open.confirmed, n);
  }

  #phase(entry: Entry, at_ms: number): void {
    const to = textIn(entry, "to");
    this.#answers = 0;
    // A session that had expired may have come back.
    if (to === "data") this.ended = undefined;
    if (this.phases.length < MAX_PHASES) this.phases.push({ phase: to, from_ms: at_ms });
    else this.leftOut++;
    if (to === "heartbeat") {
      this.#idle = entry.idle === true;
      if (this.#idle) return;
      this.#notice("silent", entry, at_ms);
      const held = textIn(entry, "held") || this.#held;
      if (held) this.#open!.held = held;
    } else if (to === "data" && textIn(entry, "from") === "heartbeat") {
      this.#idle = false;
      this.#over(at_ms);
    }
  }

  /** In an idle heartbeat phase, a missed heartbeat is the first sign of an outage. */
  #missed(entry: Entry, at_ms: number): void {
    this.#answers = 0;
    if (!this.#open) this.#notice("silent", entry, at_ms);
    this.#open!.hasMissed = true;
  }

  /**
   * Where no confirmation is owed, two answers in a row show that a server is silent only because its client has
   * nothing to send, as an idle client is itself.
   */
  #answered(entry: Entry, at_ms: number): void {
    const isSettled = this.confirmed >= Math.max(this.sent, this.received);
    this.#answers = isSettled && durationIn(entry, "rtt_ms") !== null ? this.#answers + 1 : 0;
    const open = this.#open;
    if (!this.#idle && (open?.how !== "silent" || this.#answers < 2)) return;
    this.#idle = true;
    if (open && !open.hasMissed && !open.held && open === this.outages.at(-1)) this.outages.pop();
    this.#over(at_ms);
  }

  #notice(how: Noticed, entry: Entry, at_ms: number): void {
    if (this.#open) return;
    this.#open = {
      noticed_ms: at_ms,
      how,
      silent_ms: durationIn(entry, "silent_ms") ?? 0,
      connection: this.connections,
      detected_ms: null,
      predicted_ms: null,
      causes: [],
      confirmed: this.confirmed,
      sent: this.sent,
      resumed: false,
    };
    if (this.outages.length < MAX_OUTAGES) this.outages.push(this.#open);
    else this.leftOut++;
  }

  #over(at_ms: number): void {
    if (this.#open) this.#open.over_ms = at_ms;
    this.#open = undefined;
  }

  #stall(entry: Entry, at_ms: number): void {
    const ms = durationIn(entry, "ms");
    if (ms === null) return;
    const from_ms = at_ms - ms;
    const earliest_ms = Math.max(-Infinity, ...this.#lately_ms.filter((each) => each <= from_ms));
    const stall = { earliest_ms, from_ms, to_ms: at_ms, kind: stallKind(entry.kind) };
    if (this.stalls.length < MAX_STALLS) this.stalls.push(stall);
    else this.leftOut++;
  }

  #kernel(entry: Entry): void {
    const retransmissions = countIn(entry, "retransmissions");
    if (!this.#open || retransmissions === null) return;
    // Later the heartbeat itself is transmitted again.
    if (entry.at === "silence") this.#open.transmits ??= retransmissions === 0;
    this.#cause(entry);
  }

  #cause(entry: Entry): void {
    if (isCause(entry.cause)) this.#open?.causes.push(entry.cause);
  }

  /** The connection, or with it the session, has ended. */
  #ended(entry: Entry, at_ms: number, isSession: boolean): void {
    const [by, reason, text] = ["by", "reason", "text"].map((field) => textIn(entry, field));
    if (isSession) this.ended = { at_ms, by: by!, reason: reason! };
    const isAsked = by !== "network" && (reason === "done" || reason === "shutdown");
    if (!isAsked && this.connections > 0 && this.phases.length > 0) {
      this.#notice(noticedAs(by!, reason!), entry, at_ms);
      const open = this.#open!;
      open.ended_ms ??= at_ms;
      open.ended_as ??= { by: by!, reason: reason!, text: text! };
      if (by === "self" && reason === "silent") {
        open.detected_ms ??= durationIn(entry, "detected_after_ms");
        open.predicted_ms ??= durationIn(entry, "predicted_ms");
      }
      const held = textIn(entry, "held");
      if (held) open.held ??= held;
      this.#cause(entry);
    }
    if (isSession && this.#open) this.#open.closed_ms = at_ms;
    if (isSession) this.#open = undefined;
    this.#idle = false;
  }
}

function noticedAs(by: string, reason: string): Noticed {
  if (reason === "reset") return "reset";
  if (reason === "closed") return "closed";
  return by !== "peer" && reason === "silent" ? "silent" : "other";
}
