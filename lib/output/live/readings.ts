/**
 * What the live view is drawn from.
 *
 * @module
 */
import type { ListOrder, Totals } from "../../monitor/monitor.ts";
import type { Outage, SessionHistory, SessionReading } from "../../monitor/reading.ts";
import type { TerminalSize } from "../../platform/terminal/terminal.ts";
import type { Role } from "../../wire/protocol.ts";

/** How many sessions of many are shown. */
export const ROWS = 10;

/** The orders of many sessions, in turn, and what each is called. */
export const ORDERS = {
  worst: "worst first",
  session: "by session",
  peer: "by peer",
  round_trip: "slowest first",
  age: "oldest first",
  in_doubt: "most in doubt first",
} as const satisfies Record<ListOrder, string>;

/** The name of an order. */
export type Order = keyof typeof ORDERS;

/** What was read at one moment. */
export interface Readings {
  /** The time, in milliseconds since 1970. */
  readonly now_ms: number;
  /** When this process was started, in milliseconds since 1970. */
  readonly started_ms: number;
  /** All sessions together. */
  readonly totals: Totals;
  /** How many sessions there are to show, of which `rows` has the first. */
  readonly matched: number;
  /** The sessions to show. */
  readonly rows: readonly SessionReading[];
  /** What is known of the only session over time. */
  readonly history?: SessionHistory;
  /** The last outage of all. */
  readonly lastOutage?: Outage;
}

/** How it is shown. */
export interface Presentation {
  /** Which side shows it. */
  readonly role: Role;
  /** The size of the terminal. */
  readonly size: TerminalSize;
  /** Whether styles are used. */
  readonly hasColours: boolean;
  /** Whether keys are read. */
  readonly hasKeys: boolean;
  /** Whether the keys are explained. */
  readonly explainsKeys: boolean;
  /** Whether it stands still. */
  readonly isPaused: boolean;
  /** The order of many sessions. */
  readonly order: Order;
}
