/**
 * Recordings of several runs of processes about one session, written event by event, each by clocks of its own.
 *
 * @module
 */
import { makeReport, type Report } from "../../lib/report/report.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { Folder } from "./folder.ts";

/** The wall time at true time 0. */
export const START_MS = Date.UTC(2026, 10, 27, 6, 0, 0);

/** The clocks of a run: its wall clock and its monotonic one, in milliseconds, at a true time. */
export interface RunClocks {
  wall?: (at_ms: number) => number;
  mono?: (at_ms: number) => number;
}

/** What one run of a process records of one session. Times are true ones, in milliseconds. */
export class RecordedRun {
  readonly #lines: [at_ms: number, line: string][] = [];
  readonly #wall: (at_ms: number) => number;
  readonly #mono: (at_ms: number) => number;

  /** Begins a run. */
  constructor(readonly role: Role, readonly run: string, began_ms = 0, clocks: RunClocks = {}) {
    this.#wall = clocks.wall ?? ((at_ms) => START_MS + at_ms);
    this.#mono = clocks.mono ?? ((at_ms) => at_ms - began_ms);
    this.add(began_ms, "started", {
      ...{ session: null, version: "0.1.0", role, host: run, pid: 1, zone: "UTC", run, file: 1 },
      settings: { data_threshold: 3 },
    });
  }

  /** Adds an event. */
  add(at_ms: number, event: string, fields: Record<string, unknown> = {}): this {
    const wall_ms = Math.floor(this.#wall(at_ms));
    const mono_us = Math.round(this.#mono(at_ms) * 1_000);
    const time = new Date(wall_ms).toISOString();
    const line = JSON.stringify({ time, event, session: "5e55", wall_ms, mono_us, ...fields });
    this.#lines.push([at_ms, line]);
    return this;
  }

  /** Adds a change of phase. */
  phase(at_ms: number, from: string, to: string, silent_ms = 0): this {
    return this.add(at_ms, "phase", { from, to, silent_ms });
  }

  /** Adds the loss of a connection by a reset. */
  reset(at_ms: number): this {
    const end = { by: "network", reason: "reset", text: "", detected_after_ms: null };
    this.add(at_ms, "disconnected", { ...end, predicted_ms: 9_000, silent_ms: 1_000 });
    return this.phase(at_ms, "data", "connecting");
  }

  /** Adds a polite end. */
  end(at_ms: number, by: string, count: number): this {
    const end = { by, reason: "done", text: "", detected_after_ms: null, predicted_ms: 9_000 };
    const counts = { data_sent: count, data_received: count, confirmed_up_to: count, in_doubt: [] };
    return this.add(at_ms, "terminated", end).add(at_ms, "summary", counts);
  }

  /** The recording. */
  get text(): string {
    return this.#lines.sort((a, b) => a[0] - b[0]).map(([, line]) => `${line}\n`).join("");
  }
}

/** A connection of a client's run with a server's run, by its number at either. */
export class RecordedConnection {
  constructor(
    readonly client: RecordedRun,
    readonly server: RecordedRun,
    readonly ofClient = 1,
    readonly ofServer = 1,
  ) {}

  /** Adds a frame, which takes a millisecond, or as long as is said; for ever if it is lost. */
  frame(from: Role, sent_ms: number, frame: string, n?: number, takes_ms = 1): this {
    const [sender, receiver] = from === "client"
      ? [this.client, this.server]
      : [this.server, this.client];
    const fields = (at: Role) => ({
      ...{ frame, ...n !== undefined && { n } },
      connection: at === "client" ? this.ofClient : this.ofServer,
    });
    sender.add(sent_ms, "frame_sent", fields(from));
    if (!Number.isFinite(takes_ms)) return this;
    receiver.add(sent_ms + takes_ms, "frame_received", fields(receiver.role));
    return this;
  }

  /** Opens the connection, or resumes the session on it. */
  open(at_ms: number): this {
    this.frame("client", at_ms, "HELLO").frame("server", at_ms + 1, "WELCOME");
    if (this.ofClient > 1) {
      const resumed = { gap_ms: null, resent: 0, already_there: 0 };
      this.server.add(at_ms + 1, "resumed", resumed);
      this.client.add(at_ms + 2, "resumed", resumed);
    }
    this.server.phase(at_ms + 1, "connecting", "data");
    this.client.phase(at_ms + 2, "connecting", "data");
    return this;
  }

  /** Adds data messages and their confirmations, one a second. */
  data(from: number, to: number, at_ms: number): this {
    for (let n = from; n <= to; n++) {
      const sent_ms = at_ms + (n - from) * 1_000;
      this.frame("client", sent_ms, "DATA", n).frame("server", sent_ms + 1, "CONFIRM", n);
    }
    return this;
  }
}

/** The report of recordings. */
export function reportOfRuns(...runs: RecordedRun[]): Report {
  using folder = new Folder();
  const paths = runs.map(({ run, text }) => {
    const path = `${folder.path}/${run}`;
    Deno.writeTextFileSync(path, text);
    return path;
  });
  return makeReport(paths);
}
