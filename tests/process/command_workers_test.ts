/**
 * The server with several workers as a user runs it: its sessions survive cuts, kills and restarts with
 * another number of workers, and it starts and ends as a server without workers does.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { SOON_MS } from "../support/lateness.ts";
import { assertSettled } from "../support/ledgers.ts";
import { freePort } from "../support/ports.ts";
import { type Command, type EventOf, startCommand, startServer } from "../support/process.ts";
import { assertUnbroken, PATIENT, Stage } from "../support/real_stage.ts";
import { eachOf, onlySentence, runCommand } from "../support/run.ts";
import { testUnless } from "../support/skip.ts";
import { StoreFolder } from "../support/store_folder.ts";

/** So many that, however they are spread, every worker has some. */
const SESSIONS = 40;

/** Waits until all sessions of a client have been opened: gives their ids. */
async function opened(client: Command, sessions: number): Promise<Set<string>> {
  const ids = new Set<string>();
  await client.event("connected", ({ session }) => ids.add(session!).size === sessions);
  return ids;
}

/** Waits until a command has told this of each of these sessions, after so many events. */
async function toldOfEach(
  command: Command,
  name: "data_confirmed" | "disconnected" | "resumed",
  ids: Iterable<string>,
  after = 0,
): Promise<void> {
  const before = new Set<unknown>(command.events.slice(0, after));
  for (const id of ids) {
    await command.event(name, (each) => each.session === id && !before.has(each));
  }
}

/** The summaries of a command, by session. */
function summaries({ events }: Command): Map<string, EventOf<"summary">> {
  const all = events.filter((each) => each.event === "summary");
  return new Map(all.map((each) => [each.session!, each]));
}

/** The sequence numbers that a server has received, by session. */
function received({ events }: Command): Map<string, number[]> {
  const all = events.filter((each) => each.event === "data_received");
  return new Map(
    [...Map.groupBy(all, ({ session }) => session!)].map(([id, each]) => [
      id,
      each.map(({ seq }) => seq),
    ]),
  );
}

Deno.test("sessions whose connections are cut go on at whichever worker they come to", async () => {
  await using stage = await Stage.open();
  const server = await stage.server(...PATIENT, "--workers=3");
  await server.stderrText(", with 3 workers");
  const client = stage.client(...PATIENT, `--sessions=${SESSIONS}`);
  const ids = await opened(client, SESSIONS);
  await toldOfEach(client, "data_confirmed", ids);
  for (let cuts = 1; cuts <= 2; cuts++) {
    const before = client.events.length;
    for (const line of [...stage.relay.lines]) line.cut();
    await toldOfEach(client, "resumed", ids, before);
    await toldOfEach(client, "data_confirmed", ids, client.events.length);
  }
  client.kill("SIGTERM");
  assertEquals(await client.ended(), 0, client.stderr);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0, server.stderr);
  const [ours, theirs] = [summaries(client), summaries(server)];
  assertEquals([ours.size, theirs.size], [SESSIONS, SESSIONS]);
  for (const [id, summary] of ours) {
    assertSettled(summary, theirs.get(id)!);
    assertEquals(summary.connections, 3);
  }
  for (const numbers of received(server).values()) assertUnbroken(numbers);
  const last = `stopped; sessions served: ${SESSIONS}, of them lost: 0`;
  assertEquals(server.stderr.split(last).length, 2, server.stderr);
});

Deno.test("a server is killed and restarted with other workers: nothing lost, nothing twice", async () => {
  using folder = new StoreFolder();
  await using stage = await Stage.open();
  const files = ["--store", folder.store, "--output", folder.output];
  const start = (workers: number) => stage.server(...PATIENT, ...files, `--workers=${workers}`);
  let server = await start(3);
  const client = stage.client(...PATIENT, `--sessions=${SESSIONS}`);
  const ids = await opened(client, SESSIONS);
  for (const workers of [1, 4, 2]) {
    server.kill("SIGKILL");
    await server.ended();
    server = await start(workers);
    await toldOfEach(server, "resumed", ids);
  }
  await toldOfEach(client, "data_confirmed", ids, client.events.length);
  client.kill("SIGTERM");
  assertEquals(await client.ended(), 0, client.stderr);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0, server.stderr);
  const { data_sent, in_doubt } = await client.event("total");
  assertEquals(in_doubt, 0);
  const rows = folder.query(
    "SELECT id, seq FROM messages JOIN sessions ON sessions.number = session ORDER BY messages.number",
  );
  const stored = Map.groupBy(rows, ({ id }) => id);
  assertEquals(new Set(stored.keys()), new Set<unknown>(ids));
  for (const messages of stored.values()) assertUnbroken(messages.map(({ seq }) => Number(seq)));
  assertEquals(rows.length, data_sent);
  assertEquals(folder.written.trimEnd().split("\n").length, rows.length);
});

Deno.test("SIGTERM ends a server of several workers, and all its sessions, within 2 s", async () => {
  await using stage = await Stage.open();
  const server = await stage.server(...PATIENT, "--workers=3");
  // Some more that have lost their connections, and may come back.
  const gone = stage.client(...PATIENT, "--sessions=5");
  await opened(gone, 5);
  gone.kill("SIGKILL");
  await gone.ended();
  const client = stage.client(...PATIENT, `--sessions=${SESSIONS}`);
  const ids = await opened(client, SESSIONS);
  await toldOfEach(client, "data_confirmed", ids);
  const stopped_ms = performance.now();
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0, server.stderr);
  assertLess(performance.now() - stopped_ms, SOON_MS);
  const ends = server.events.filter((each) => each.event === "terminated");
  assertEquals(ends.map(({ by, reason }) => `${by} ${reason}`), ends.map(() => "self shutdown"));
  assertEquals(ends.length, SESSIONS + 5);
  assertEquals(summaries(server).size, SESSIONS + 5);
  // It has been told, but its events may still be on their way.
  await toldOfEach(client, "disconnected", ids);
  const heard = client.events.filter((each) => each.event === "disconnected");
  const shutdowns = heard.filter(({ by, reason }) => by === "peer" && reason === "shutdown");
  assertEquals(shutdowns.length, SESSIONS, client.stderr);
  assertStringIncludes(server.stderr, `stopped; sessions served: ${SESSIONS + 5}, of them lost: 0`);
});

Deno.test("a port that another server has, shared or not, is taken: 3", async () => {
  const both = [1, 3];
  await eachOf(both, async (theirs) => {
    const port = freePort();
    const args = ["127.0.0.1", String(port)];
    await using _other = await startServer(port, `--workers=${theirs}`);
    for (const ours of both) {
      const outcome = await runCommand("server", [...args, `--workers=${ours}`]);
      const sentence = onlySentence(outcome, 3);
      assertStringIncludes(sentence, `cannot listen on 127.0.0.1:${port}: the port is taken`);
    }
    await using client = startCommand("client", [...args, "--count=1"]);
    assertEquals(await client.ended(), 0, client.stderr);
  });
});

Deno.test("--once serves one session and ends with it, whatever --workers says", async () => {
  const port = freePort();
  const args = ["127.0.0.1", String(port)];
  await using server = await startServer(port, "--once", "--workers=4");
  await using client = startCommand("client", [...args, "--count=2", "--data-interval=0.05"]);
  assertEquals([await client.ended(), await server.ended()], [0, 0], server.stderr);
  assertEquals((await server.event("summary")).data_received, 2);
});

Deno.test("--workers refuses what is no number of workers, with 2", async () => {
  await eachOf(["0", "65", "1.5", "many"], async (value) => {
    const sentence = onlySentence(await runCommand("server", ["--workers", value]), 2);
    assertStringIncludes(sentence, `--workers ${value}: expected a whole number from 1 to 64`);
  });
});

const noShell = Deno.build.os === "windows" ? "it takes ulimit" : undefined;

testUnless(
  noShell,
  "more workers than there may be files open for are refused, with 2",
  async () => {
    const before = ["sh", "-c", 'ulimit -n 200; exec "$@"', "sh"];
    const words = ["127.0.0.1", String(freePort()), "--workers", "64"];
    const sentence = onlySentence(await runCommand("server", words, { before }), 2);
    assertStringIncludes(sentence, "--workers 64: each needs about 10 open files");
    assertStringIncludes(sentence, "raise ulimit -n");
  },
);

Deno.test("max_sessions counts the sessions of all workers", async () => {
  const port = freePort();
  const most = SESSIONS / 2;
  await using _server = await startServer(port, "--workers=3", `--max-sessions=${most}`);
  const options = [`--sessions=${SESSIONS}`, "--data-interval=0.2"];
  await using client = startCommand("client", ["127.0.0.1", String(port), ...options]);
  // No session may end, and make room, before the last one was refused.
  const isRefused = (each: { event: string; reason?: string }) =>
    each.event === "terminated" && each.reason === "full";
  await client.event(
    "terminated",
    () => client.events.filter(isRefused).length === SESSIONS - most,
  );
  client.kill("SIGTERM");
  assertEquals(await client.ended(), 4, client.stderr);
  const { ended_as_asked, refused } = await client.event("total");
  assertEquals([ended_as_asked, refused], [most, most]);
  const texts = client.events.flatMap((each) =>
    each.event === "terminated" && each.reason === "full" ? [each.text] : []
  );
  assertEquals(texts.length, most);
  assert(texts.every((text) => text.includes(`(max_sessions ${most})`)), texts[0]);
});
