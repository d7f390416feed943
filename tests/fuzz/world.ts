/**
 * A process in memory that hostile peers talk to.
 *
 * @module
 */
import type { Event } from "../../lib/session/events.ts";
import type { Exchange } from "./exchange.ts";

/** Something to fuzz, and honest sessions in the same process. */
export interface World {
  /** The names of sessions that are nobody's business. */
  readonly names: readonly string[];
  /**
   * Has a hostile peer do what an exchange says, and waits until nothing is left of it.
   *
   * @throws {Finding} If something is, or if anybody else noticed.
   */
  play(exchange: Exchange): Promise<void>;
  /**
   * Ends everything in order.
   *
   * @throws {Finding} If something is left.
   */
  end(): Promise<void>;
}

/** Whether an event tells of a defect of the program itself. */
export function isDefect(event: Event): boolean {
  if (event.event === "notice") return event.text.includes("defect");
  return event.event === "terminated" && event.reason === "failed";
}
