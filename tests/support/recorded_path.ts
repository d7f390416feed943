/**
 * Recordings of a session over a path that is cut: files as `--record` writes them, of {@linkcode CutPath}.
 *
 * @module
 */
import type { CutPath, SideLog } from "./cut_path.ts";
import type { Role } from "../../lib/wire/protocol.ts";

/** How the clocks of a host differ from true time. */
export interface HostClocks {
  /** The monotonic clock at true time 0, and by how many parts per million it runs faster. */
  readonly mono_ms: number;
  readonly drift_ppm: number;
  /** The wall clock at true time 0; from a moment on it is ahead by so much more. */
  readonly wall_ms: number;
  readonly step?: { readonly at_ms: number; readonly by_ms: number };
}

/** The monotonic time of a host at a true time, in milliseconds. */
export function monoAt({ drift_ppm, mono_ms }: HostClocks, at_ms: number): number {
  return mono_ms + at_ms * (1 + drift_ppm * 1e-6);
}

/** The wall time of a host at a true time, in milliseconds. */
export function wallAt(clocks: HostClocks, at_ms: number): number {
  const { mono_ms, step, wall_ms } = clocks;
  const stepped_ms = step && at_ms >= step.at_ms ? step.by_ms : 0;
  return wall_ms + monoAt(clocks, at_ms) - mono_ms + stepped_ms;
}

/** Something that a side records, in true time. */
type Happening = readonly [at_ms: number, event: string, fields: Record<string, unknown>];

/** Writes what one side recorded, as lines; `id` names the session, `run` the run. */
export function recordingOf(
  role: Role,
  path: CutPath,
  clocks: HostClocks,
  { id = "0123456789abcdef", run = `${role}-run`, end_ms = path.now_ms } = {},
): string[] {
  const log = path.logs[role];
  const happenings: Happening[] = [
    [0, "started", {
      version: "0.1.0",
      role,
      host: `${role}-host`,
      pid: 1,
      zone: "UTC",
      settings: { data_threshold: 12 },
      run,
      file: 1,
    }],
    ...framesOf(log),
    ...opening(role),
    ...eventsOf(role, log, end_ms),
  ];
  return happenings.sort((a, b) => a[0] - b[0]).map(([at_ms, event, fields]) => {
    const wall_ms = Math.floor(wallAt(clocks, at_ms));
    const mono = monoAt(clocks, at_ms) * 1_000;
    const mono_us = event === "frame_received" ? Math.ceil(mono) : Math.floor(mono);
    const session = event === "started" ? null : id;
    return JSON.stringify({
      time: new Date(wall_ms).toISOString(),
      event,
      session,
      wall_ms,
      mono_us,
      ...fields,
    });
  });
}

function framesOf({ received, sent }: SideLog): Happening[] {
  const happening =
    (event: string) => ({ at_ms, frame, n }: SideLog["sent"][number]): Happening => [
      at_ms,
      event,
      { frame, n, connection: 1 },
    ];
  return [
    ...sent.map(happening("frame_sent")),
    ...received.map(happening("frame_received")),
  ];
}

function opening(role: Role): Happening[] {
  const isClient = role === "client";
  return [
    [1e-3, isClient ? "frame_sent" : "frame_received", { frame: "HELLO", connection: 1 }],
    [2e-3, isClient ? "frame_received" : "frame_sent", { frame: "WELCOME", connection: 1 }],
    [3e-3, "phase", { from: "connecting", to: "data", silent_ms: 0 }],
  ];
}

function eventsOf(role: Role, log: SideLog, end_ms: number): Happening[] {
  const happenings: Happening[] = [];
  for (const { at_ms, frame, n } of role === "client" ? log.sent : log.received) {
    if (frame !== "DATA") continue;
    const event = role === "client" ? "data_sent" : "data_received";
    happenings.push([at_ms, event, { seq: n, bytes: 19 }]);
  }
  const sent = new Map(log.sent.map(({ at_ms, frame, n }) => [`${frame} ${n}`, at_ms]));
  const confirmed = role === "client" ? log.received : log.sent;
  const confirmations = confirmed.filter(({ frame }) => frame === "CONFIRM");
  for (const { at_ms, n } of role === "client" ? confirmations : []) {
    const rtt_ms = at_ms - sent.get(`DATA ${n}`)!;
    happenings.push([at_ms + 1e-3, "data_confirmed", { seq: n, rtt_ms }]);
  }
  if (log.noticed_ms !== undefined) {
    const fields = { from: "data", to: "heartbeat", silent_ms: 12_000 };
    happenings.push([log.noticed_ms, "phase", fields]);
  }
  if (log.over_ms !== undefined) {
    const fields = { from: "heartbeat", to: "data", silent_ms: 0 };
    happenings.push([log.over_ms + 2e-3, "phase", fields]);
  }
  for (const { due_ms, to_ms } of log.stalls) {
    happenings.push([to_ms, "local_stall", { ms: to_ms - due_ms, kind: "stopped" }]);
  }
  const last = (frames: SideLog["sent"], name: string) =>
    Math.max(0, ...frames.filter(({ frame }) => frame === name).map(({ n }) => n));
  const up_to = last(confirmed, "CONFIRM");
  const highest = last(role === "client" ? log.sent : log.received, "DATA");
  const dead = { by: "self", reason: "silent", text: "", detected_after_ms: 36_000 };
  const polite = { by: role === "client" ? "self" : "peer", reason: "done", text: "" };
  happenings.push([log.dead_ms ?? end_ms, "terminated", {
    ...log.dead_ms === undefined ? { ...polite, detected_after_ms: null } : dead,
    predicted_ms: 36_000,
  }]);
  happenings.push([(log.dead_ms ?? end_ms) + 1e-3, "summary", {
    data_sent: role === "client" ? highest : 0,
    data_received: role === "server" ? highest : 0,
    confirmed_up_to: up_to,
    in_doubt: highest > up_to ? [[up_to + 1, highest]] : [],
  }]);
  return happenings;
}
