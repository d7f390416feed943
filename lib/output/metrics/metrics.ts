/**
 * The registry: every metric, with its unit, its meaning and how it is read. Everything that is exported is made
 * from this table.
 *
 * The room: `metric.ts` has what a metric is; `exposition.ts` writes the table as text for Prometheus, and the
 * answer of `/healthz`; `open_telemetry.ts` gives it to OpenTelemetry, by way of the package that `meter.ts` loads.
 * `cli/command.ts` passes these functions on to whoever serves them. No metric has a label whose values sessions,
 * peers or users choose: the number of series is fixed.
 *
 * @module
 */
import type { Monitor, Totals } from "../../monitor/monitor.ts";
import type { EndedBy, EndReason } from "../../session/close_reason.ts";
import {
  count,
  gauge,
  histogram,
  type Metric,
  type Reading,
  type Sample,
  single,
} from "./metric.ts";

/** Who can end a session for which reason: these series are there from the start, with zero. */
const ENDS: Readonly<Record<EndReason, readonly EndedBy[]>> = {
  done: ["self", "peer"],
  shutdown: ["self", "peer"],
  silent: ["self", "peer", "network"],
  full: ["self", "peer"],
  refused: ["self", "peer", "network"],
  protocol: ["self", "peer"],
  closed: ["peer", "network"],
  reset: ["network"],
  unreachable: ["network"],
  name_not_found: ["network"],
  superseded: ["peer"],
  unproven: ["self"],
  failed: ["self", "network"],
};

/** All metrics. */
export const METRICS: readonly Metric[] = [
  {
    ...{ type: "gauge", name: "pulsewire_build_info", unit: "", labels: ["version", "role"] },
    help: "Always 1; its labels have the version of this program and its role, client or server",
    read: ({ version, role }) => [{ labels: { version, role }, value: 1 }],
  },
  single(
    "gauge",
    "process_start_time_seconds",
    "s",
    "When this process was started, in seconds since 1970",
    ({ started_ms }) => started_ms / 1000,
  ),
  single(
    "gauge",
    "pulsewire_healthy",
    "",
    "1 if this process does its work, 0 if /healthz says what is wrong",
    ({ healthy }) => healthy ? 1 : 0,
  ),
  {
    ...{ type: "gauge", name: "pulsewire_sessions", unit: "{session}", labels: ["phase"] },
    help: "Sessions that have not ended, by phase: connecting, data or heartbeat",
    read: ({ totals: { phases } }) =>
      (["connecting", "data", "heartbeat"] as const).map((phase) => (
        { labels: { phase }, value: phases[phase] }
      )),
  },
  gauge(
    "pulsewire_silent_sessions",
    "{session}",
    "silent",
    "Sessions that are silent: in the heartbeat phase, and not merely idle",
  ),
  gauge(
    "pulsewire_held_sessions",
    "{session}",
    "held",
    "Sessions whose confirmations wait at the server for store, output or room, and not for the network",
  ),
  gauge(
    "pulsewire_data_messages_in_doubt",
    "{message}",
    "in_doubt",
    "Data messages of sessions that have not ended, sent or received and not confirmed",
  ),
  count(
    "pulsewire_sessions_opened_total",
    "{session}",
    "opened",
    "Sessions that were opened",
  ),
  {
    ...{ type: "counter", name: "pulsewire_sessions_ended_total", unit: "{session}" },
    labels: ["by", "reason"],
    help: "Sessions that ended, by who ended them (self, peer or network) and why",
    read: ({ totals }) => ended(totals),
  },
  count(
    "pulsewire_connections_lost_total",
    "{connection}",
    "disconnected",
    "Connections that were lost and that their sessions outlived",
  ),
  count(
    "pulsewire_resumes_total",
    "{resume}",
    "resumed",
    "Sessions that went on on another connection",
  ),
  count(
    "pulsewire_silences_total",
    "{silence}",
    "silences",
    "How often a session fell silent: no data was heard for data_threshold",
  ),
  count(
    "pulsewire_recoveries_total",
    "{recovery}",
    "recoveries",
    "How often data was heard again after a silence",
  ),
  histogram(
    "pulsewire_silence_seconds",
    "silence_durations",
    "How long no data was heard in silences that are over: by data again, or with the session",
  ),
  histogram(
    "pulsewire_detection_overshoot_seconds",
    "overshoots",
    "How much later than predicted dead peers were declared dead",
  ),
  histogram(
    "pulsewire_round_trip_seconds",
    "round_trips",
    "Round trips: at a client of data messages until they are confirmed, at a server of heartbeats",
  ),
  count(
    "pulsewire_data_messages_sent_total",
    "{message}",
    "data_sent",
    "Data messages sent, each counted once",
  ),
  count(
    "pulsewire_data_messages_received_total",
    "{message}",
    "data_received",
    "Data messages received, each counted once",
  ),
  count(
    "pulsewire_data_messages_confirmed_total",
    "{message}",
    "data_confirmed",
    "Data messages confirmed",
  ),
  count(
    "pulsewire_data_messages_resent_total",
    "{message}",
    "data_resent",
    "Data messages sent, or received, again after a resume",
  ),
  count(
    "pulsewire_data_bytes_total",
    "By",
    "data_bytes",
    "Bytes in data messages that were sent, at a client, or received, at a server",
  ),
  count(
    "pulsewire_heartbeats_sent_total",
    "{heartbeat}",
    "heartbeats_sent",
    "Heartbeats sent",
  ),
  count(
    "pulsewire_heartbeats_answered_total",
    "{heartbeat}",
    "heartbeats_answered",
    "Heartbeats sent that a sign of life followed in time",
  ),
  count(
    "pulsewire_heartbeats_missed_total",
    "{heartbeat}",
    "heartbeats_missed",
    "Heartbeats sent that nothing followed in time",
  ),
  count(
    "pulsewire_heartbeats_received_total",
    "{heartbeat}",
    "heartbeats_received",
    "Heartbeats of peers, each answered",
  ),
  count(
    "pulsewire_local_stalls_total",
    "{stall}",
    "local_stalls",
    "How often this process did not run in time, or its host was suspended",
  ),
  count(
    "pulsewire_holds_total",
    "{hold}",
    "holds",
    "How often confirmations waited at the server for store, output or room",
  ),
  count(
    "pulsewire_strangers_total",
    "{connection}",
    "strangers",
    "Connections that opened no session, counted once a minute",
  ),
];

/** What a session's end can be, with how often it was that; what nobody foresaw stands at the end. */
function ended({ ended }: Totals): Sample[] {
  const counts = new Map<string, Sample>();
  const add = (by: string, reason: string, count: number) => {
    const key = `${by} ${reason}`;
    const value = (counts.get(key)?.value ?? 0) + count;
    counts.set(key, { labels: { by, reason }, value });
  };
  for (const [reason, all] of Object.entries(ENDS)) for (const by of all) add(by, reason, 0);
  for (const { by, reason, count } of ended) add(by, reason, count);
  return [...counts.values()];
}

/** Reads what all metrics are read from. */
export async function read(monitor: Monitor, version: string): Promise<Reading> {
  const { role, started_ms } = monitor;
  const totals = await monitor.totals();
  return { totals, healthy: monitor.health().ok, started_ms, role, version };
}
