/**
 * What one side saw of an outage: plain data, of a recording or of an account.
 *
 * @module
 */
import type { StallKind } from "../platform/suspension.ts";
import type { Role } from "../wire/protocol.ts";
import type { Interval } from "./clock_bounds.ts";

/** Every {@linkcode Cause}. */
export const CAUSES = [
  "process_not_running",
  "path_cut",
  "not_reading",
  "large_packets",
  "closed",
  "reset",
  "local_stall",
  "held",
  "unknown",
] as const;

/** Why a session fell silent or lost its connection, as far as it is proven. */
export type Cause = typeof CAUSES[number];

/** Whether a value is a {@linkcode Cause}. */
export function isCause(value: unknown): value is Cause {
  return CAUSES.includes(value as Cause);
}

/** A frame as one side saw it. Moments are in milliseconds on one clock common to both sides. */
export interface FrameSeen {
  /** Its first word. */
  readonly frame: string;
  /** Its number, if it has one. */
  readonly n?: number;
  /** On which connection: the same number at both sides for the same connection. */
  readonly connection: number;
  /** When it was handed to the network, or received. */
  readonly at: Interval;
  /** The size of a data message, where known. */
  readonly bytes?: number;
}

/** A time in which the process did not run, in milliseconds. */
export interface Stall {
  /** When it stopped running, at the earliest: it still did something then. */
  readonly earliest_ms: number;
  /** When it stopped running, at the latest. */
  readonly from_ms: number;
  /** When it ran again, at the latest. */
  readonly to_ms: number;
  /** Whether its host ran meanwhile, and acknowledged what it received; absent if that is not known. */
  readonly kind?: StallKind;
}

/** What one side saw of an outage. */
export interface SideSeen {
  /** Which side. */
  readonly role: Role;
  /** Frames that it sent from shortly before the outage to shortly after it. */
  readonly sent: readonly FrameSeen[];
  /** Frames that it received in that time. */
  readonly received: readonly FrameSeen[];
  /** Whether those are only the first and the last ones; otherwise none is left out. */
  readonly isExcerpt?: boolean;
  /** Since when it lasts, if not since the first of those: what came before then is no sign of it, if it was late. */
  readonly since_ms?: number;
  /** When and as what it noticed the outage; absent if it did not. */
  readonly noticed?: {
    readonly at: Interval;
    readonly how: "silent" | "reset" | "closed" | "other";
  };
  /** When it heard data again; absent if it did not. */
  readonly over?: Interval;
  /**
   * Until when it is known to have had the connection open, and to have noted each frame that it received;
   * absent if it did not note each.
   */
  readonly open_until?: Interval;
  /** When its process did not run. */
  readonly stalls: readonly Stall[];
  /** What its kernel's views said, in order. */
  readonly causes: readonly Cause[];
  /** Whether its kernel had nothing to transmit again when it noticed; absent if that is not known. */
  readonly transmits?: boolean;
  /** What confirmations waited for, if they did. */
  readonly held?: string;
}
