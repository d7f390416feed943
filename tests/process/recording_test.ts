/**
 * Recordings of the commands as users run them: complete lines whatever ends a process, the times of all
 * threads by one clock, and no failure that ends a session.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { recordingFiles } from "../../lib/output/recording_file.ts";
import { Folder } from "../support/folder.ts";
import { freePort } from "../support/ports.ts";
import { startCommand, startPair, startServer } from "../support/process.ts";
import { linesOf, type RecordedLine } from "../support/recording.ts";
import { runCommand } from "../support/run.ts";

const FAST = ["--data-interval=0.2", "--data-threshold=1.5", "--heartbeat-threshold=1"];

function read(path: string): RecordedLine[] {
  return linesOf(Deno.readTextFileSync(path));
}

const isFrame = ({ event }: RecordedLine) => event.startsWith("frame_");

Deno.test("both sides record every event as --json has it, and the frames of each connection", async () => {
  using folder = new Folder();
  const paths = { server: `${folder.path}/s.jsonl`, client: `${folder.path}/c.jsonl` };
  // So much room that nothing is thinned.
  const all = [...FAST, "--heartbeat-additional-tries=0", "--record-max-mb=10000"];
  const args = (path: string) => [...all, "--record", path];
  await using pair = await startPair({
    server: args(paths.server),
    client: [...args(paths.client), "--reconnect"],
  }, 3);
  const { client, server } = pair;
  server.kill("SIGSTOP");
  await client.event("disconnected");
  server.kill("SIGCONT");
  await client.event("resumed");
  const { seq } = client.events.findLast((each) => each.event === "data_sent")!;
  await client.event("data_confirmed", (each) => each.seq > seq + 2);
  client.kill("SIGTERM");
  assertEquals(await client.ended(), 0, client.stderr);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0, server.stderr);

  for (const command of [client, server]) {
    const lines = read(command === client ? paths.client : paths.server);
    const [{ run: _, file, ...started }, ...rest] = lines as [RecordedLine, ...RecordedLine[]];
    assertEquals(file, 1);
    const events = [started, ...rest.filter((line) => !isFrame(line))]
      .map(({ mono_us: _mono_us, wall_ms: _wall_ms, ...event }) => event);
    assertEquals(events.slice(1), command.events.slice(1) as unknown[]);
    const { time: _time, ...first } = command.events[0]!;
    assertEquals({ ...events[0], time: undefined }, { ...first, time: undefined } as unknown);
    const connections = rest.filter(isFrame).map(({ connection }) => connection);
    assertEquals([...new Set(connections)], [1, 2]);
  }
  const frames = read(paths.client).filter(isFrame).map(({ event, frame }) => `${event} ${frame}`);
  for (const frame of ["sent HELLO", "received WELCOME", "sent HEARTBEAT", "sent TERMINATE"]) {
    assert(frames.includes(`frame_${frame}`), frame);
  }
  // Nothing was heard before it was sent.
  const heard = new Map(
    read(paths.server).filter(({ event }) => event === "frame_received")
      .map(({ connection, frame, n, wall_ms }) => [`${connection} ${frame} ${n}`, wall_ms]),
  );
  for (const { connection, event, frame, n, wall_ms } of read(paths.client)) {
    const then = heard.get(`${connection} ${frame} ${n}`);
    if (event === "frame_sent" && then !== undefined) assert(wall_ms <= then + 1);
  }
});

Deno.test("a recording has whole lines when its process is killed, and the next run keeps it", async () => {
  using folder = new Folder();
  const path = `${folder.path}/s.jsonl`;
  const port = freePort();
  const args = ["--record", path, "--record-max-mb=1"];
  await using server = await startServer(port, ...args);
  const hundred = ["--sessions=100", "--data-interval=0.001"];
  await using client = startCommand("client", ["127.0.0.1", `${port}`, ...hundred, "--quiet"]);
  await server.event("data_received", ({ seq }) => seq > 30);
  server.kill("SIGKILL");
  await server.ended();
  const text = Deno.readTextFileSync(path);
  const whole = linesOf(text.slice(0, text.lastIndexOf("\n") + 1));
  assert(whole.filter(isFrame).length > 200, `${whole.length} lines`);
  // It has lost its sessions, and ends by itself.
  await client.ended();
  await using next = await startServer(port, ...args);
  assertEquals(Deno.readTextFileSync(`${path}.1`), text);
  next.kill("SIGTERM");
  assertEquals(await next.ended(), 0);
  const [first, second] = [read(path)[0]!, whole[0]!];
  assert(first.run !== second.run);
});

Deno.test("workers record together, by the clock of the main thread", async () => {
  using folder = new Folder();
  const path = `${folder.path}/s.jsonl`;
  const port = freePort();
  await using server = await startServer(
    port,
    "--workers=3",
    "--record",
    path,
    "--record-max-mb=10000",
  );
  const ours = `${folder.path}/c.jsonl`;
  const many = ["--sessions=30", "--data-interval=0.1", "--count=5", "--record", ours];
  await using client = startCommand("client", ["127.0.0.1", `${port}`, ...many]);
  assertEquals(await client.ended(), 0, client.stderr);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0, server.stderr);
  const lines = read(path);
  const sessions = Map.groupBy(lines.filter(isFrame), ({ session }) => session);
  const theirs = new Set(read(ours).filter(isFrame).map(({ session }) => session));
  assertEquals([sessions.size, new Set(sessions.keys())], [30, theirs]);
  for (const frames of sessions.values()) {
    const received = frames.filter(({ event, frame }) =>
      event === "frame_received" && frame === "DATA"
    );
    assertEquals(received.map(({ n }) => n), [1, 2, 3, 4, 5]);
  }
  // A thread may lose its processor between its two looks at the time: the outer ones do not count.
  const offsets = lines.map(({ mono_us, wall_ms }) => wall_ms - mono_us / 1_000);
  const inner = offsets.sort((a, b) => a - b).slice(offsets.length / 20, -offsets.length / 20);
  const spread = inner.at(-1)! - inner[0]!;
  assert(spread < 20, `${spread} ms apart`);
  assertEquals(lines.filter(({ event }) => event === "summary").length, 30);
});

Deno.test("a recording whose folder is gone is reported, and ends no session", async () => {
  using folder = new Folder();
  const path = `${folder.path}/c/c.jsonl`;
  Deno.mkdirSync(`${folder.path}/c`);
  await using pair = await startPair({ client: [...FAST, "--record", path] }, 3);
  const { client } = pair;
  Deno.removeSync(`${folder.path}/c`, { recursive: true });
  await client.stderrText(`cannot write the recording ${path}: there is no such folder`);
  const { seq } = client.events.findLast((each) => each.event === "data_sent")!;
  await client.event("data_confirmed", (each) => each.seq > seq + 8);
  client.kill("SIGTERM");
  assertEquals(await client.ended(), 0, client.stderr);
  assertEquals(client.stderr.match(/cannot write the recording/g)?.length, 1);
  assertMatch(client.stderr, /c\.jsonl lacks lines that could not be written: \d\d/);
});

Deno.test("a recording that cannot be opened, or that another process writes, is an error", async () => {
  using folder = new Folder();
  const path = `${folder.path}/s.jsonl`;
  await using server = await startServer(freePort(), "--record", path);
  for (
    const [file, what] of [
      [`${folder.path}/none/c.jsonl`, "there is no such folder"],
      [path, "another process records to it"],
    ]
  ) {
    const { code, stderr } = await runCommand("client", ["127.0.0.1", "1", "--record", file!]);
    assertEquals(code, 2);
    assertMatch(stderr, new RegExp(`cannot record to ${file}: ${what}`));
  }
  assertEquals(recordingFiles(path).filter((file) => file !== path && exists(file)), []);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0);
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
