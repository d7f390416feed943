/**
 * What this side sees of an outage, from the last exchange before it on; kept while the outage lasts.
 *
 * @module
 */
import {
  type Frame,
  frameNumber,
  type FrameType,
  type HoldReason,
  type JsonObject,
  type Role,
} from "../wire/protocol.ts";
import type { Interval } from "./clock_bounds.ts";
import type { KernelSeen } from "./kernel_watch.ts";
import type { Cause, SideSeen, Stall } from "./side.ts";

/** How many of the first frames of an outage, and of the last ones, are kept for each direction. */
export const KEPT_FRAMES = 6;

/** How many of the last frames of a direction are kept where the peer answers heartbeats: those were in time. */
const IDLE_FRAMES = 2;

/** A frame that was sent or received, in monotonic milliseconds. */
export interface FrameNote {
  /** Its first word. */
  readonly frame: FrameType;
  /** Its number. */
  readonly n: number;
  /** When it was handed to the network, or received. */
  readonly at_ms: number;
  /** The size of a data message. */
  readonly bytes?: number;
}

/** The note of a frame; `undefined` of one without a number. */
export function noteOf(frame: Frame, at_ms: number): FrameNote | undefined {
  const { type } = frame;
  if (type === "DATA") return { frame: type, n: frame.seq, at_ms, bytes: frame.payload.length };
  const n = frameNumber(frame);
  return n < 0 ? undefined : { frame: type, n, at_ms };
}

/**
 * The first and the last frames of one direction. Its lists are replaced, not added to: a list that grows takes
 * room for 17 more, and ten thousand sessions may fall silent at once.
 */
export class FrameNotes {
  /** All that are kept. */
  all: readonly FrameNote[];

  /** Starts with the frames before the outage. */
  constructor(before: readonly FrameNote[]) {
    this.all = before;
  }

  /** Adds a note, if there is one. */
  add(note: FrameNote | undefined): void {
    if (!note) return;
    const isFull = this.all.length === 2 * KEPT_FRAMES;
    this.all = [...isFull ? this.all.toSpliced(KEPT_FRAMES, 1) : this.all, note];
  }

  /** Leaves out those from before a moment, but for data and confirmations. */
  forgetBefore(time_ms: number): void {
    this.all = this.all.filter(({ at_ms, frame }) => at_ms >= time_ms || isData(frame));
  }

  /** So many of them, as many from the beginning as from the end. */
  ends(count: number): FrameNote[] {
    const { all } = this;
    return all.filter((_, at) => at < count / 2 || at >= all.length - count / 2);
  }
}

/** Whether it is a data message, or confirms some. */
export function isData(frame: FrameType): boolean {
  return frame === "DATA" || frame === "CONFIRM";
}

/** Shared by all that have none. */
const NONE = [] as const;

/** How a side noticed an outage. */
export type Noticed = NonNullable<SideSeen["noticed"]>["how"];

/** How long after it began a silence was noticed, or a peer declared dead, and the prediction; milliseconds. */
export interface Measured {
  /** Measured. */
  readonly detected_ms: number;
  /** Predicted. */
  readonly predicted_ms: number;
}

/** What was sent and received last before an outage. */
export interface LastExchange {
  /** Frames sent, the oldest first. */
  readonly sent: readonly FrameNote[];
  /** Frames received, the oldest first. */
  readonly received: readonly FrameNote[];
}

/** A session on one connection, as the accounts of its outages need it. */
export interface AccountLink {
  /** Whether the peer knows accounts. */
  readonly knowsAccounts: boolean;
  /** Everything up to this sequence number is confirmed. */
  readonly confirmedUpTo: number;
  /** The session's state: since when nothing was heard, what confirmations wait for, and its counters. */
  readonly state: {
    readonly held: HoldReason | undefined;
    readonly lastSignOfLife_ms: number;
    readonly lastStall?: Stall;
    readonly ledger: Readonly<Record<"confirmedUpTo" | "dataReceived" | "dataSent", number>>;
  };
  /** What was sent and received last while all was well. */
  lastExchange(): LastExchange;
  /** Sends an account. */
  sendAccount(account: JsonObject): void;
}

/** What this side sees of an outage, from the last exchange before it on. */
export class OutageLog {
  /** What was sent. */
  readonly sent: FrameNotes;
  /** What was received. */
  readonly received: FrameNotes;
  /** When and as what it was noticed. */
  noticed?: { at_ms: number; how: Noticed };
  /** When data was received again. */
  over_ms?: number;
  /** When the connection was closed on which it began. */
  closed_ms?: number;
  /** When this process did not run. */
  stalls: readonly Stall[] = NONE;
  /** What the kernel's views said. */
  causes: readonly Cause[] = NONE;
  /** Whether the kernel had nothing to transmit again when it was noticed. */
  transmits?: boolean;
  /** What confirmations waited for. */
  held?: string;
  /** How many data messages were in doubt when it was noticed, as far as this side knows. */
  in_doubt?: number;
  /** Of these, how many the server turned out to have. */
  settled?: number;
  /** Whether TCP may still have waited, when it was noticed, to send what an earlier outage had lost. */
  isEcho?: boolean;
  /** How late it was noticed, by silence. */
  measured?: Measured;
  /** The longest time in which nothing was received, in milliseconds. */
  longestGap_ms = 0;
  /** Whether the peer has missed a heartbeat. */
  hasMissed?: boolean;
  /** Whether this is a server's silence in which the client has answered heartbeats: it had nothing to send. */
  isIdle?: boolean;
  /** How many heartbeats in a row the peer has answered since it was noticed, or since it told of it. */
  answers = 0;
  /** When it answered the last one. */
  answered_ms: number = -Infinity;

  /** When the last exchange before it began; `Infinity` if none is known. */
  readonly since_ms: number;

  /** When the outage before it was over: what the peer had noticed by then is another one. */
  readonly after_ms: number;

  /** Starts with the last exchange before. */
  constructor(before: LastExchange, after_ms = -Infinity) {
    this.after_ms = after_ms;
    this.since_ms = Math.min(...[...before.sent, ...before.received].map(({ at_ms }) => at_ms));
    this.sent = new FrameNotes(before.sent);
    this.received = new FrameNotes(before.received);
  }

  /** The same without a frame: of another connection, those would have the same numbers. */
  withoutFrames(): OutageLog {
    const empty = new OutageLog({ sent: NONE, received: NONE });
    const { received, sent } = empty;
    return Object.assign(empty, this, { received, sent, closed_ms: 0 });
  }

  /**
   * What a server sees from now on, while all is well though no data is sent. It begins with the last exchange of
   * data, as the peer's may, and with the last frames that were seen since.
   */
  static idle(exchange: LastExchange, now_ms: number, seen?: OutageLog): OutageLog {
    const since = (data: readonly FrameNote[], notes?: FrameNotes) => [
      ...data,
      ...notes?.all.filter(({ frame }) => !isData(frame)).slice(-IDLE_FRAMES) ?? NONE,
    ];
    const before = {
      sent: since(exchange.sent, seen?.sent),
      received: since(exchange.received, seen?.received),
    };
    const { answers = 0 } = seen ?? {};
    const log = new OutageLog(before, now_ms);
    return Object.assign(log, { answered_ms: now_ms, answers, isIdle: true });
  }

  /** Notes a frame that was handed to the network, or received. */
  add(isSent: boolean, frame: Frame, at_ms: number): void {
    (isSent ? this.sent : this.received).add(noteOf(frame, at_ms));
  }

  /**
   * The peer has answered a heartbeat: all that was sent before has come through, in both directions. Gives whether
   * all is well: this side owes no confirmation, nor did so when the peer answered the one before; so the peer
   * has had the time to send what it has.
   */
  onAnswer(isSettled: boolean, now_ms: number): boolean {
    this.answered_ms = now_ms;
    this.answers = isSettled ? this.answers + 1 : 0;
    return this.answers > 1;
  }

  /** The peer has missed a heartbeat: where it had answered others, that is the first sign of an outage. */
  onMissed(now_ms: number): void {
    if (this.isIdle) this.noticed ??= { at_ms: now_ms, how: "silent" };
    if (!this.hasMissed) {
      // What had come through before would leave no room for the first frames in vain.
      for (const notes of [this.sent, this.received]) notes.forgetBefore(this.answered_ms);
    }
    this.hasMissed = true;
    this.answers = 0;
  }

  /** The connection is lost: where the peer had answered, and so could have sent data, nothing was noticed before. */
  onLost(): void {
    if (this.isIdle) this.noticed = undefined;
  }

  /** Notes a time in which this process did not run, or did not read, once. */
  addStall(stall: Stall): void {
    if (!this.stalls.some(({ to_ms }) => to_ms === stall.to_ms)) {
      this.stalls = [...this.stalls, stall];
    }
  }

  /** Notes what the kernel has shown of the connection. */
  addKernel({ cause, transmits }: KernelSeen = {}): void {
    if (cause) this.causes = [...this.causes, cause];
    this.transmits ??= transmits;
  }
}

/** What this side saw, until a moment in monotonic milliseconds. */
export function ownSeen(role: Role, log: OutageLog, now_ms: number): SideSeen {
  const { causes, closed_ms, held, noticed, over_ms, stalls, transmits } = log;
  const at = (at_ms: number): Interval => [at_ms, at_ms];
  const seen = ({ at_ms, ...note }: FrameNote) => ({ ...note, connection: 1, at: at(at_ms) });
  return {
    role,
    sent: log.sent.all.map(seen),
    received: log.received.all.map(seen),
    ...noticed && { noticed: { how: noticed.how, at: at(noticed.at_ms) } },
    ...over_ms !== undefined && { over: at(over_ms) },
    isExcerpt: true,
    open_until: at(closed_ms ?? now_ms),
    stalls,
    causes,
    ...transmits !== undefined && { transmits },
    ...held && { held },
  };
}
