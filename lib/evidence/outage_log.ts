/**
 * What this side sees of an outage, from the last exchange before it on; kept while the outage lasts.
 *
 * @module
 */
import { type Frame, frameNumber, type FrameType, type Role } from "../wire/protocol.ts";
import type { Interval } from "./clock_bounds.ts";
import type { KernelSeen } from "./kernel_watch.ts";
import type { Cause, SideSeen, Stall } from "./side.ts";

/** How many of the first frames of an outage, and of the last ones, are kept for each direction. */
export const KEPT_FRAMES = 6;

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

  /** So many of them, as many from the beginning as from the end. */
  ends(count: number): FrameNote[] {
    const { all } = this;
    return all.filter((_, at) => at < count / 2 || at >= all.length - count / 2);
  }
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

  /** When the last exchange before it began; `Infinity` if none is known. */
  readonly since_ms: number;

  /** Starts with the last exchange before. */
  constructor(before: LastExchange) {
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
    open_until: at(closed_ms ?? now_ms),
    stalls,
    causes,
    ...transmits !== undefined && { transmits },
    ...held && { held },
  };
}
