/**
 * How the commands end, and what is left then: by a signal, by a defect, by force, without a reader.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { Folder } from "../support/folder.ts";
import { logLines } from "../support/log.ts";
import { freePort } from "../support/ports.ts";
import {
  type Command,
  commandWords,
  type Pair,
  startCommand,
  startPair,
  startServer,
} from "../support/process.ts";
import { runCommand, runWords } from "../support/run.ts";
import { testUnless } from "../support/skip.ts";
import { Stranger } from "../support/strangers.ts";

/** Ends a command that the test does not kill. */
const LIFETIME = "--duration=20";
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** A pair that logs to a folder. */
function startLogging({ path }: Folder): Promise<Pair> {
  const args = ["--log-dir", path, "--data-interval=0.05"];
  return startPair({ server: args, client: args }, 3);
}

for (const signal of SIGNALS) {
  Deno.test(`${signal} ends client and server with their summaries, all of it logged`, async () => {
    using folder = new Folder();
    await using pair = await startLogging(folder);
    for (const role of ["client", "server"] as const) {
      const command = pair[role];
      command.kill(signal);
      assertEquals(await command.ended(), 0, command.stderr);
      const { data_confirmed, in_doubt } = await command.event("summary");
      assert(data_confirmed >= 3);
      assertEquals(in_doubt, []);
      const logged = logLines(`${folder.path}/${role}_info.log`);
      const isShown = (line: string) =>
        !/\|\| (data message \d|heartbeat \d|summary of |stopped;)/.test(line);
      const shown = command.stderr.split("\n").filter((line) => line.includes(" || "));
      assertEquals(
        shown.filter((line) => !line.includes("|| ended as asked: ")),
        logged.filter(isShown),
      );
      assertEquals(logged.filter((line) => line.includes("|| summary of ")).length, 1);
      assertMatch(command.stderr, role === "client" ? /^ended as asked: /m : /^stopped; /m);
    }
  });

  Deno.test(`${signal} ends a client that waits to be welcomed, at once and with 0`, async () => {
    const called = Promise.withResolvers<void>();
    await using stranger = new Stranger(async (connection) => {
      const buffer = new Uint8Array(4096);
      await connection.read(buffer);
      called.resolve();
      await connection.read(buffer);
    });
    await using client = startCommand("client", ["127.0.0.1", String(stranger.port)]);
    await Promise.race([called.promise, client.ended()]);
    client.kill(signal);
    // After the 5 s that it would have waited, it would end with another status, and another reason.
    assertEquals(await client.ended(), 0, client.stderr);
    const { by, reason } = await client.event("terminated");
    assertEquals([by, reason], ["self", "shutdown"]);
  });

  Deno.test(`${signal} ends a server without a session, with 0`, async () => {
    await using server = await startServer(freePort());
    server.kill(signal);
    assertEquals(await server.ended(), 0, server.stderr);
  });
}

Deno.test("SIGKILL leaves the log complete up to the last thing that happened", async () => {
  using folder = new Folder();
  await using pair = await startLogging(folder);
  await pair.client.event("data_confirmed", ({ seq }) => seq === 8);
  for (const role of ["client", "server"] as const) {
    const command = pair[role];
    command.kill("SIGKILL");
    await command.ended();
    // Of the very last event, the process may have been killed before it came to log it.
    const data = command.events.filter(({ event }) => event.startsWith("data_")).slice(0, -1);
    const logged = logLines(`${folder.path}/${role}_info.log`);
    const told = logged.filter((line) => line.includes("|| data message "));
    assertGreater(data.length, 6);
    assertEquals(told.slice(0, data.length).map(dataWords), data.map(dataWordsOf));
  }
});

function dataWords(line: string): string {
  return /data message (\d+ \w+)/.exec(line)![1]!;
}

function dataWordsOf(event: Command["events"][number]): string {
  if (!("seq" in event)) throw new Error(`${event.event} has no sequence number`);
  return `${event.seq} ${event.event.replace("data_", "")}`;
}

const whyNoDefect = Deno.env.has("PULSEWIRE_DIST")
  ? "a defect cannot be put into an executable; run it from source"
  : undefined;

for (
  const defect of [
    "thrown by what it runs",
    "thrown in a callback",
    "a rejection that nobody handles",
  ]
) {
  testUnless(whyNoDefect, `a defect is logged before it ends a command: ${defect}`, async () => {
    using folder = new Folder();
    const words = commandWords("server");
    const script = words.pop()!.replace(/server\.ts$/, "tests/support/defective.ts");
    const args = ["127.0.0.1", String(freePort()), "--log-dir", folder.path];
    const { code, stdout } = await runWords([...words, script, defect, ...args]);
    assertEquals([code, stdout], [1, ""]);
    for (const level of ["info", "warning", "error"]) {
      const [line] = logLines(`${folder.path}/server_${level}.log`);
      assertMatch(line ?? "", / \|\| ERROR \|\| a defect of this program: Error: on purpose/);
      assertStringIncludes(line!, "defective.ts:");
    }
  });
}

Deno.test("the session goes on when nobody reads stdout any more, as after | head -1", async () => {
  const port = freePort();
  await using server = await startServer(port, "--once");
  const [program, ...words] = commandWords("client");
  const args = [...words, "127.0.0.1", String(port), "--json", "--stdin", LIFETIME];
  const io = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  await using client = new Deno.Command(program!, { args, ...io }).spawn();
  const reader = client.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  // Only now: there is something left to write when nobody reads.
  await new Blob(["1\n2\n3\n4\n5\n"]).stream().pipeTo(client.stdin);
  assertStringIncludes(new TextDecoder().decode(value), '"event":"started"');
  const stderr = await new Response(client.stderr).text();
  assertEquals((await client.status).code, 0, stderr);
  assertStringIncludes(stderr, "ended as asked: 5 of 5 data messages confirmed");
  assertEquals(stderr.split("\n").filter((line) => line.includes("stdout")).length, 1, stderr);
  assertEquals(await server.ended(), 0);
});

Deno.test("the log is in local time, whatever the time zone", async () => {
  const args = ["127.0.0.1", String(freePort()), "--json"];
  const zones = [["Asia/Kolkata", 5.5, "+0530"], ["UTC", 0, "+0000"]] as const;
  for (const [TZ, ahead_h, stamped] of zones) {
    const { stderr, stdout } = await runCommand("client", args, { env: { TZ } });
    const logged_ms = Date.parse(stderr.slice(0, 23).replace(" ", "T").replace(",", ".") + "Z");
    const [started, ended] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    // A zone may have several names.
    const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: TZ }).resolvedOptions();
    assertEquals([started.zone, stderr.slice(23, 28)], [timeZone, stamped]);
    const apart_ms = logged_ms - Date.parse(ended.time);
    // The process may be stopped in between; zones are a quarter of an hour apart at least.
    assertLess(Math.abs(apart_ms - ahead_h * 3_600_000), 60_000, `${TZ}: ${stderr}${stdout}`);
  }
});
