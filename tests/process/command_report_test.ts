/**
 * The command `report` on recordings of real processes.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { startPair } from "../support/process.ts";
import { onlySentence, runCommand } from "../support/run.ts";

/** Records a session of both sides, in which the server is stopped for a time. */
async function recordBoth(folder: string): Promise<[client: string, server: string]> {
  const [c, s] = [`${folder}/c.rec`, `${folder}/s.rec`];
  const timers = ["--data-threshold", "1", "--heartbeat-threshold", "1"];
  await using pair = await startPair({
    server: ["--record", s, ...timers],
    client: ["--record", c, "--data-interval", "0.3", ...timers],
  }, 3);
  pair.server.kill("SIGSTOP");
  await pair.client.event("heartbeat_missed");
  pair.server.kill("SIGCONT");
  await pair.client.event("phase", ({ from }) => from === "heartbeat");
  const upTo = pair.client.events.filter(({ event }) => event === "data_confirmed").length + 2;
  await pair.client.event("data_confirmed", ({ seq }) => seq > upTo);
  pair.client.kill("SIGTERM");
  await pair.client.status;
  pair.server.kill("SIGTERM");
  await pair.server.status;
  return [c, s];
}

Deno.test("report says what the recordings of both sides prove, as text and as JSON", async () => {
  using folder = new Folder();
  const [c, s] = await recordBoth(folder.path);
  const shown = await runCommand("client", ["report", s, c]);
  assertEquals([shown.code, shown.stderr], [0, ""]);
  assertMatch(shown.stdout, /^Pulsewire report: 2 files, 1 session, 1 outage\n/);
  for (const line of shown.stdout.split("\n")) {
    if (!line.includes(folder.path)) assertEquals(line.length <= 80, true, line);
  }
  const { code, stdout } = await runCommand("server", ["report", "--json", c, s]);
  assertEquals(code, 0);
  const { clock, notes, outages: [outage], sessions: [session] } = JSON.parse(stdout);
  assertEquals(notes, []);
  // Both are on this host, whose clocks are one.
  assertEquals(clock.offset_ms[0] <= 0 && clock.offset_ms[1] >= 0, true, `${clock.offset_ms}`);
  assertEquals([outage.began, outage.at, outage.settled], ["unknown", "server", outage.in_doubt]);
  assertMatch(outage.cause, /^(?:local_stall|process_not_running)$/);
  assertEquals(outage.first_noticed_by, "client");
  const { ledger } = session;
  assertEquals([ledger.received, ledger.confirmed, ledger.contradictions], [
    ledger.sent,
    ledger.sent,
    [],
  ]);
  // A recording must not be written over.
  const over = await runCommand("client", ["report", "--html", c, c]);
  assertStringIncludes(onlySentence(over, 2), "that is one of the recordings");
});

Deno.test("report says in one sentence what it cannot read, with status 2; and shows its help", async () => {
  const none = await runCommand("client", ["report", "none.rec"]);
  assertEquals(onlySentence(none, 2), "none.rec: cannot be read: there is no such file");
  assertMatch(onlySentence(await runCommand("server", ["report"]), 2), /^no recording is given/);
  const help = await runCommand("server", ["report", "--help"]);
  assertEquals([help.code, help.stderr], [0, ""]);
  assertStringIncludes(help.stdout, "Usage: pulsewire-server report [options] RECORDING…");
});

Deno.test("both commands say that stdout cannot be written, with status 2; a reader that is gone is none", async () => {
  using folder = new Folder();
  const to = (target: string) => ["sh", "-c", `exec "$@" ${target}`, "-"];
  const [full, gone] = [to("> /dev/full"), to("2>&1 | true")];
  const text = "stdout: no space is left on its disk; make room, and start again";
  for (const args of [["report", "--help"], ["--new-key", "mill-7"], ["--check"], ["--version"]]) {
    assertEquals(onlySentence(await runCommand("server", args, { before: full }), 2), text);
    assertEquals(await runCommand("server", args, { before: gone }), ENDED_WELL);
  }
  const before = to("2> /dev/full");
  const none = await runCommand("client", ["report", `${folder.path}/none`], { before });
  assertEquals([none.code, none.stderr], [2, ""]);
});

const ENDED_WELL = { code: 0, stdout: "", stderr: "" };
