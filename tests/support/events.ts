/**
 * Events for tests, made without a session.
 *
 * @module
 */
import type { CloseReport } from "../../lib/session/close_reason.ts";
import type { Event, EventFields, EventName } from "../../lib/session/events.ts";
import { Ledger, type Summary } from "../../lib/session/ledger.ts";

/** An event with these fields. */
export function eventOf<Name extends EventName>(event: Name, fields: EventFields[Name]): Event {
  return { time: "2026-11-22T05:43:42.686Z", event, session: "5e55", ...fields } as Event;
}

/** The fields of a `terminated` event: of an open session that ended politely, unless told otherwise. */
export function terminatedOf(fields: Partial<CloseReport>): CloseReport {
  return {
    by: "self",
    reason: "done",
    text: "",
    peer: "192.0.2.1:4000",
    detected_after_ms: null,
    detected_since: null,
    predicted_ms: 60_000,
    silent_ms: 12,
    idle_ms: 12,
    age_ms: 3_600_000,
    ...fields,
  };
}

/** A summary: of a session in which nothing happened, unless told otherwise. */
export function summaryOf(fields: Partial<Summary>): Summary {
  return { ...new Ledger().summary(1_500), ...fields };
}
