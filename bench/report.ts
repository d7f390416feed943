/**
 * How long the report of a million lines of two recordings takes, and how much memory.
 *
 * @module
 */
import { noProcessMemory, peakBytes } from "../tests/support/process_memory.ts";
import type { Bench } from "./rounds.ts";

/** Sessions, and data messages of each: of a message, a recording has four lines at each side. */
const SESSIONS = 100;
const MESSAGES = 1_250;

/** How many lines are written at once. */
const LINES = 4_000;

/** How often the memory is looked at, in milliseconds. */
const LOOK_MS = 100;

const START_MS = Date.UTC(2026, 10, 27);

/** Writes what one side recorded of sessions that all send a message a second. */
function write(path: string, role: "client" | "server"): void {
  using file = Deno.createSync(path);
  const encoder = new TextEncoder();
  let lines: string[] = [];
  const flush = () => {
    const bytes = encoder.encode(lines.join(""));
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    lines = [];
  };
  const add = (event: string, session: string | null, at_us: number, fields: object) => {
    const wall_ms = START_MS + Math.floor(at_us / 1_000);
    const time = new Date(wall_ms).toISOString();
    const mono_us = at_us + (role === "server" ? 5_000_000 : 0);
    lines.push(`${JSON.stringify({ time, event, session, wall_ms, mono_us, ...fields })}\n`);
    if (lines.length === LINES) flush();
  };
  const started = { version: "0", role, host: role, pid: 1, zone: "UTC", settings: {} };
  add("started", null, 0, { ...started, run: role, file: 1 });
  const isClient = role === "client";
  const [sent, received] = isClient ? ["data_sent", "data_confirmed"] : ["data_received", "hold"];
  for (let n = 1; n <= MESSAGES; n++) {
    for (let session = 0; session < SESSIONS; session++) {
      const id = session.toString(16).padStart(16, "0");
      const at_us = n * 1_000_000 + session * 1_000;
      const frames = isClient ? ["frame_sent", "frame_received"] : ["frame_received", "frame_sent"];
      const [data_us, confirm_us] = isClient ? [at_us, at_us + 900] : [at_us + 400, at_us + 500];
      if (n === 1) add(frames[1]!, id, 1, { frame: "WELCOME", connection: 1 });
      add(sent, id, data_us, { seq: n, bytes: 19 });
      add(frames[0]!, id, data_us, { frame: "DATA", n, connection: 1 });
      add(frames[1]!, id, confirm_us, { frame: "CONFIRM", n, connection: 1 });
      add(received, id, confirm_us, isClient ? { seq: n, rtt_ms: 0.9 } : { reason: "store" });
    }
  }
  flush();
}

/** The time and memory of a report. */
export async function report(bench: Bench): Promise<void> {
  const figure = "report of 1,000,000 lines";
  if (noProcessMemory) return bench.table.skip(figure, noProcessMemory);
  const { folder } = bench.tools;
  const paths = [`${folder}/client.rec`, `${folder}/server.rec`];
  write(paths[0]!, "client");
  write(paths[1]!, "server");
  const std = Deno.env.get("STD");
  const words = [
    "run",
    "--quiet",
    ...std ? [std] : [],
    "-P=report",
    "client.ts",
    "report",
    ...paths,
  ];
  const begin_ms = performance.now();
  const process = new Deno.Command(Deno.execPath(), { args: words, stdout: "null" }).spawn();
  let peak = 0;
  const look = setInterval(async () => {
    const bytes = await peakBytes(process.pid);
    if (bytes > peak) peak = bytes;
  }, LOOK_MS);
  const { success } = await process.status;
  clearInterval(look);
  for (const path of paths) Deno.removeSync(path);
  if (!success) return bench.table.skip(figure, "report failed");
  const name = bench.subjects[0]!.name;
  const took_s = (performance.now() - begin_ms) / 1_000;
  const row = (what: string, value: string, goal: string) =>
    bench.table.row({ figure: `${figure}, ${what}`, values: { [name]: value }, goal });
  row("time", `${took_s.toFixed(1)} s`, "≤ 15");
  row("memory at most", `${(peak / 1e6).toFixed(0)} MB`, "≤ 300");
}
