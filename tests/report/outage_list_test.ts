/**
 * Outages that follow each other: each is judged by its own frames.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Run } from "../../lib/report/entries.ts";
import { MatchedSession } from "../../lib/report/matching.ts";
import { type Outage, readWindows } from "../../lib/report/outage_list.ts";
import { makeReport } from "../../lib/report/report.ts";
import { SideHistory } from "../../lib/report/side_history.ts";
import { OutageWindow } from "../../lib/report/windows.ts";
import { Folder } from "../support/folder.ts";
import type { Role } from "../../lib/wire/protocol.ts";

const START_MS = Date.UTC(2026, 10, 27, 6, 0, 0);

/** What both sides record, by one clock. */
class Recorded {
  readonly #lines: Record<Role, [at_ms: number, line: string][]> = { client: [], server: [] };

  constructor() {
    for (const role of ["client", "server"] as const) {
      const fields = { version: "0.1.0", role, host: "h", pid: 1, zone: "UTC", run: role, file: 1 };
      this.add(role, 0, "started", { ...fields, session: null, settings: { data_threshold: 3 } });
    }
  }

  add(role: Role, at_ms: number, event: string, fields: Record<string, unknown>): void {
    const wall_ms = START_MS + at_ms;
    const time = new Date(wall_ms).toISOString();
    const mono_us = at_ms * 1_000;
    const line = JSON.stringify({ time, event, session: "5e55", wall_ms, mono_us, ...fields });
    this.#lines[role].push([at_ms, line]);
  }

  frame(from: Role, frame: string, n: number, sent_ms: number, received_ms = sent_ms + 1): void {
    const to = from === "client" ? "server" : "client";
    this.add(from, sent_ms, "frame_sent", { frame, n, connection: 1 });
    if (frame === "DATA") this.add(from, sent_ms, "data_sent", { seq: n, bytes: 19 });
    this.add(to, received_ms, "frame_received", { frame, n, connection: 1 });
  }

  /** A data message that is received when it is given, and its confirmation. */
  data(n: number, sent_ms: number, received_ms = sent_ms + 1): void {
    this.frame("client", "DATA", n, sent_ms, received_ms);
    this.frame("server", "CONFIRM", n, received_ms);
  }

  /** Data messages, one a second. */
  messages(from: number, to: number, at_ms: number): this {
    for (let n = from; n <= to; n++) this.data(n, at_ms + (n - from) * 1_000);
    return this;
  }

  phase(role: Role, at_ms: number, to: "data" | "heartbeat", silent_ms: number): void {
    const from = to === "data" ? "heartbeat" : "data";
    this.add(role, at_ms, "phase", { from, to, silent_ms });
  }

  report() {
    using folder = new Folder();
    const paths = (["client", "server"] as const).map((role) => {
      const path = `${folder.path}/${role}`;
      const lines = this.#lines[role].sort((a, b) => a[0] - b[0]).map(([, line]) => line);
      Deno.writeTextFileSync(path, `${lines.join("\n")}\n`);
      return path;
    });
    return makeReport(paths).document;
  }
}

/** A session with data messages 1 to 5, one a second. */
function opened(): Recorded {
  const all = new Recorded();
  all.frame("client", "HELLO", 0, 0.1);
  all.frame("server", "WELCOME", 0, 0.2);
  for (const role of ["client", "server"] as const) {
    all.add(role, 1.5, "phase", { from: "connecting", to: "data", silent_ms: 0 });
  }
  return all.messages(1, 5, 1_000);
}

/** A cut of both directions 0.5 s after `at_ms` for 4 s, after data message n - 1. */
function cut(all: Recorded, n: number, at_ms: number): void {
  const healed_ms = at_ms + 4_501;
  all.data(n, at_ms + 1_000, healed_ms);
  all.phase("server", at_ms + 3_001, "heartbeat", 3_000);
  all.frame("server", "HEARTBEAT", n, at_ms + 3_001, healed_ms);
  all.phase("client", at_ms + 4_000, "heartbeat", 3_998);
  all.frame("client", "HEARTBEAT", n, at_ms + 4_000, healed_ms);
  all.phase("server", healed_ms, "data", 4_500);
  all.phase("client", healed_ms + 1, "data", 4_500);
  all.messages(n + 1, n + 3, at_ms + 5_000);
}

/** The server does not run for 6 s, from 0.5 s after `at_ms` on, after data message n - 1. */
function stall(all: Recorded, n: number, at_ms: number): void {
  const again_ms = at_ms + 6_501;
  all.data(n, at_ms + 1_000, again_ms);
  all.phase("client", at_ms + 4_000, "heartbeat", 3_998);
  all.frame("client", "HEARTBEAT", n, at_ms + 4_000, again_ms);
  all.add("server", again_ms - 1, "local_stall", { ms: 3_499, kind: "stopped" });
  all.phase("client", again_ms + 1, "data", 6_500);
  all.messages(n + 1, n + 3, at_ms + 7_000);
}

Deno.test("makeReport() does not judge an outage by the frames that were lost in the one before", () => {
  const all = opened();
  cut(all, 6, 5_000);
  stall(all, 10, 12_000);
  const { outages } = all.report();
  assertEquals(outages.map(({ cause, at }) => [cause, at]), [
    ["path_cut", null],
    ["local_stall", "server"],
  ]);
  const [first, second] = outages;
  assertEquals([first!.stalls.length, second!.stalls.length], [0, 1]);
  assertEquals(first!.to_server!.first_in_vain!.frame, "DATA 6");
  assertEquals(second!.to_server!.last_through!.frame, "DATA 9");
  assertEquals(second!.to_server!.first_in_vain!.frame, "DATA 10");
  assertEquals(second!.to_client!.first_in_vain, null);
});

Deno.test("makeReport() does not judge an outage by the frames that are lost in the next one", () => {
  const all = opened();
  stall(all, 6, 5_000);
  cut(all, 10, 14_000);
  const { outages: [first, second] } = all.report();
  assertEquals([first!.cause, second!.cause], ["local_stall", "path_cut"]);
  assertEquals([first!.stalls.length, second!.stalls.length], [1, 0]);
  assertEquals(first!.to_server!.first_in_vain!.frame, "DATA 6");
  assertEquals(first!.to_client!.first_in_vain, null);
  assertEquals(second!.to_client!.first_in_vain!.frame, "HEARTBEAT 10");
});

Deno.test("makeReport() says where the recording ends of a side that did not notice an outage", () => {
  const verdictOf = (all: Recorded) => all.report().outages[0]!.verdict;
  const reset = () => {
    const all = opened();
    const end = { by: "network", reason: "reset", text: "", detected_after_ms: null };
    all.add("client", 5_500, "terminated", { ...end, predicted_ms: null });
    return all;
  };
  assertEquals(
    verdictOf(reset()),
    "the connection was reset (RST); only the client noticed it: the server's recording ends 499 ms " +
      "before that",
  );
  const goesOn = reset();
  goesOn.add("server", 8_000, "notice", { session: null, level: "warning", text: "running" });
  assertEquals(verdictOf(goesOn), "the connection was reset (RST); only the client noticed it");
});

Deno.test("makeReport() does not take for the cause of an outage what was over before it began", () => {
  const all = opened();
  // The client does not run for 2.4 s, which nobody takes for an outage.
  all.frame("server", "HEARTBEAT", 1, 5_100, 7_600);
  all.add("client", 7_600, "local_stall", { ms: 2_400, kind: "stopped" });
  all.messages(6, 12, 8_000);
  // It is killed.
  const end = { by: "peer", reason: "closed", text: "", detected_after_ms: 400 };
  all.add("server", 14_400, "terminated", { ...end, predicted_ms: 9_000, silent_ms: 400 });
  const { outages: [outage] } = all.report();
  assertEquals([outage!.cause, outage!.at], ["closed", null]);
  assertEquals(outage!.stalls, []);
});

Deno.test("makeReport() does not take for the beginning of an outage what had come late before it", () => {
  const all = opened();
  // A message is lost, and sent again by TCP.
  all.data(6, 6_000, 8_400);
  all.frame("server", "HEARTBEAT", 1, 7_500);
  all.messages(7, 10, 9_000);
  // The path to the client is cut: what the server sends does not arrive for 6 s.
  all.frame("client", "DATA", 11, 13_000);
  all.frame("server", "CONFIRM", 11, 13_001, 19_000);
  all.phase("client", 16_000, "heartbeat", 3_000);
  all.frame("client", "HEARTBEAT", 1, 16_000);
  all.frame("server", "HEARTBEAT_REPLY", 1, 16_001, 19_000);
  all.phase("server", 16_002, "heartbeat", 3_001);
  all.frame("server", "HEARTBEAT", 2, 16_002, 19_000);
  all.phase("client", 19_000, "data", 6_000);
  all.messages(12, 15, 19_001);
  all.phase("server", 19_002, "data", 6_001);
  const { outages: [outage] } = all.report();
  assertEquals(outage!.to_server!.first_in_vain, null);
  assertEquals(outage!.to_client!.first_in_vain!.frame, "CONFIRM 11");
  assertEquals(outage!.began, "to_client");
});

Deno.test("makeReport() does not take for lost what is long under way for its size", () => {
  const all = opened();
  // A large message on a narrow path, while what the server sends comes through.
  all.add("client", 6_000, "data_sent", { seq: 6, bytes: 100_000 });
  all.add("client", 6_000, "frame_sent", { frame: "DATA", n: 6, connection: 1 });
  all.frame("server", "HEARTBEAT", 1, 7_000);
  all.frame("server", "HEARTBEAT", 2, 8_000);
  all.phase("client", 9_000, "heartbeat", 3_000);
  all.add("server", 9_900, "frame_received", { frame: "DATA", n: 6, connection: 1 });
  all.frame("server", "CONFIRM", 6, 9_901);
  all.phase("client", 9_902, "data", 3_902);
  all.messages(7, 10, 11_000);
  const { outages: [outage] } = all.report();
  assertEquals([outage!.began, outage!.cause], ["unknown", "unknown"]);
});

Deno.test("readWindows() reads those of any number of outages", () => {
  const started = { event: "started", session: null, wall_ms: 0, mono_us: 0 };
  const clock = { run: new Run({ ...started, role: "server" }), history: new SideHistory() };
  const limits = { from_ms: 0, linesFrom_ms: 0, noticed_ms: 0, sentTo_ms: 1, to_ms: 1 };
  const outages = Array.from({ length: 250_000 }, (_, at): Outage => {
    const parts = [{ side: clock, outages: [], window: new OutageWindow(limits) }];
    return { session: new MatchedSession(`${at}`), clock, parts, from_ms: 0 };
  });
  readWindows(outages);
});
