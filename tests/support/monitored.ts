/**
 * A monitor for tests: of whatever is given its sink and its watch.
 *
 * @module
 */
import { SessionMonitor } from "../../lib/monitor/session_monitor.ts";
import type { SessionReading } from "../../lib/monitor/reading.ts";
import type { Timers } from "../../lib/session/timers.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { DEFAULT_TIMERS, Recorder } from "./stage.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** A monitor, and the events that it has passed on. */
export function monitored(clock: VirtualClock, role: Role, timers: Timers = DEFAULT_TIMERS) {
  const recorder = new Recorder(clock);
  const monitor = new SessionMonitor({ role, timers, clock, sink: recorder });
  return { monitor, recorder, parts: { sink: monitor.sink, watch: monitor } };
}

/** What a monitor reads of its only session. */
export async function onlyReading(monitor: SessionMonitor): Promise<SessionReading> {
  const { rows } = await monitor.list();
  if (rows.length !== 1) throw new Error(`expected one session, got ${rows.length}`);
  return rows[0]!;
}

/** A session's state, and what becomes of it, as `state: what in_ms`. */
export function outlook({ due, left, missed, state }: SessionReading): string {
  const next = due ? ` ${due.what} in ${due.in_ms}` : "";
  return `${state}:${next}${missed === undefined ? "" : ` missed ${missed} left ${left}`}`;
}
