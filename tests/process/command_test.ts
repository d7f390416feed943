/**
 * The commands as a person meets them: help, wrong use, configuration, output, exit status.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { helpText, VERSION } from "../../lib/cli/help.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { AS_UNPRIVILEGED_USER, whyNoUnprivilegedUser } from "../support/unprivileged_user.ts";
import { Folder } from "../support/folder.ts";
import { freePort } from "../support/ports.ts";
import { commandWords, type EventOf, startCommand, startServer } from "../support/process.ts";
import { eachOf, onlySentence, runCommand, runWords } from "../support/run.ts";
import { testUnless } from "../support/skip.ts";

const ROLES = ["client", "server"] as const;
/** Ends what was not to begin, should a wrong argument be taken. */
const SHORT = "--duration=0.1";

for (const role of ROLES) {
  Deno.test(`the ${role} answers --help and --version on stdout, and exits with 0`, async () => {
    const version = `pulsewire-${role} ${VERSION} (PW/1)\n`;
    const answers = { "--help": helpText(role), "-h": helpText(role), "--version": version };
    for (const [flag, stdout] of Object.entries(answers)) {
      assertEquals(await runCommand(role, [flag]), { code: 0, stdout, stderr: "" });
    }
  });
}

/** Wrong arguments, one of each kind, and what the sentence about them begins with. */
const WRONG_ARGUMENTS: readonly [role: Role, args: string, begins: string][] = [
  ["client", "--prot 1", "--prot: unknown option; did you mean --port?"],
  ["server", "--message=", "--message: needs a value"],
  ["client", "--port 65536", "--port 65536: expected a whole number"],
  ["client", "256.0.0.1", "HOST 256.0.0.1: expected an IPv4 address"],
  ["server", "--reconnect", "--reconnect: an option of the client"],
  ["client", "--output a", "--output: an option of the server"],
  ["client", "--a\u001b[2J\u202e", "--a\\u001b[2J\\u202e: unknown option"],
  ["server", "--config a\u001b[2J.toml", "cannot read the configuration file a\\u001b[2J.toml"],
  ["client", "--log-dir /dev/null/logs", "cannot make the log folder /dev/null/logs: "],
  ["server", "--log-dir a\tb", "--log-dir a\\u0009b: expected a path without control characters"],
  ["server", "--json --output -", "--json and --output -: both write to stdout"],
];

Deno.test("wrong arguments: one sentence, nothing on stdout, exit status 2", async () => {
  await eachOf(WRONG_ARGUMENTS, async ([role, args, begins]) => {
    const sentence = onlySentence(await runCommand(role, [...args.split(" "), SHORT]), 2);
    assert(sentence.startsWith(begins), `${role} ${args}: ${sentence}`);
  });
});

Deno.test("what cannot be had together in a configuration file: status 2, too", async () => {
  using folder = new Folder();
  const path = `${folder.path}/x.toml`;
  await Deno.writeTextFile(path, "[settings]\nreconnect = true\nwindow = 1\n");
  const both = ["--config", path, "--original", SHORT];
  const sentence = onlySentence(await runCommand("client", both), 2);
  assert(sentence.startsWith("--original and --reconnect: "), sentence);
  // A window of 1, and no return, is what the original has.
  const args = ["127.0.0.1", String(freePort()), ...both, "--no-reconnect"];
  onlySentence(await runCommand("client", args), 3);
});

Deno.test("--stdin outranks a message and a data_interval that a file gives for other times", async () => {
  using folder = new Folder();
  const path = `${folder.path}/x.toml`;
  await Deno.writeTextFile(path, '[settings]\nmessage = "x"\ndata_interval = 1\n');
  const args = ["127.0.0.1", String(freePort()), "--config", path, "--stdin", SHORT];
  const { code, stderr } = await runCommand("client", args);
  const [ended] = stderr.split("\n");
  assertEquals(code, 3);
  assertStringIncludes(ended!, "cannot connect");
  assertMatch(
    stderr,
    /\nnever open \(connection refused\): 0 of 0 data messages confirmed, none in doubt\n$/,
  );
});

/** Wrong configuration files, one of each kind, and what the sentence says behind the file's name. */
const WRONG_FILES: readonly [text: string, says: string][] = [
  ["[settings]\nprot = 1\n", ": line 2: prot = 1: unknown key; did you mean port?"],
  ["[settings\nport = 1\n", " is not TOML: "],
  ["\ufeff[settings]\r\nport = -1\r\n", ": line 2: port = -1: expected a whole number"],
  ['[settings]\n"a\\u001b[2J\\u202eb" = 1\n', ": a\\u001b[2J\\u202eb = 1: unknown key"],
  [`[settings]\n${"a.".repeat(4_000)}b = 1\n`, ": a = "],
  [
    "[settings]\nport = 1\nwindow = 1\n",
    ": line 3: window = 1: a key of the client, not of the server",
  ],
];

Deno.test("a wrong configuration file: one sentence, nothing on stdout, status 2", async () => {
  using folder = new Folder();
  await eachOf([...WRONG_FILES.entries()], async ([at, [text, says]]) => {
    const path = `${folder.path}/${at}.toml`;
    await Deno.writeTextFile(path, text);
    const role = ROLES[at % 2]!;
    const sentence = onlySentence(await runCommand(role, ["--config", path, SHORT]), 2);
    assert(sentence.startsWith(path + says), `${role}, ${text}: ${sentence}`);
  });
});

Deno.test("a configuration file that is missing or a folder: one sentence, status 2", async () => {
  using folder = new Folder();
  const cases = [[`${folder.path}/x.toml`, "there is no such file"], [
    folder.path,
    "it is a folder",
  ]];
  for (const [path, why] of cases) {
    const sentence = onlySentence(await runCommand("server", ["--config", path!, SHORT]), 2);
    assertStringIncludes(sentence, `cannot read the configuration file ${path}: ${why}`);
  }
});

testUnless(
  whyNoUnprivilegedUser(),
  "a configuration file that may not be read: status 2",
  async () => {
    using folder = new Folder();
    const path = `${folder.path}/x.toml`;
    await Deno.writeTextFile(path, "[settings]\n", { mode: 0o000 });
    const options = { before: AS_UNPRIVILEGED_USER };
    const outcome = await runCommand("client", ["--config", path, SHORT], options);
    assertMatch(onlySentence(outcome, 2), /cannot read the configuration file .*may not use it$/);
  },
);

/** A command in a folder of its own, so that a configuration file can lie beside it. */
async function wordsIn(folder: string, role: Role): Promise<string[]> {
  const words = commandWords(role);
  const program = words.pop()!;
  const moved = `${folder}/${program.split("/").at(-1)}`;
  if (words.length === 0) await Deno.copyFile(program, moved);
  else {
    await Deno.symlink(program, moved);
    await Deno.symlink(program.replace(/[^/]+$/, "lib"), `${folder}/lib`);
  }
  return [...words, moved];
}

Deno.test("flags beat the configuration file, given or beside the executable", async () => {
  using folder = new Folder();
  const words = await wordsIn(folder.path, "client");
  // Nothing listens on these ports: which one was called is told with the refusal.
  const [here, given, flag] = [freePort(), freePort(), freePort()].map(String);
  await Deno.writeTextFile(`${folder.path}/client.toml`, `[settings]\nport = ${here}\n`);
  await Deno.writeTextFile(`${folder.path}/other.toml`, `[settings]\nport = ${given}\n`);
  const cases = [
    [[], here],
    [["--config", `${folder.path}/other.toml`], given],
    [["--port", flag!], flag],
    [["--config", `${folder.path}/other.toml`, "::1", flag!], flag],
  ] as const;
  for (const [args, port] of cases) {
    const sentence = onlySentence(await runWords([...words, ...args]), 3);
    assertMatch(sentence, new RegExp(`^cannot connect to \\S+:${port}: refused`));
  }
  await Deno.writeTextFile(`${folder.path}/client.toml`, "[settings]\nprot = 1\n");
  const sentence = onlySentence(await runWords(words), 2);
  assertStringIncludes(sentence, `${folder.path}/client.toml: line 2: prot = 1: unknown key`);
});

/** Runs a client against a server for one session: gives what became of both. */
async function oneSession(serverArgs: string[], clientArgs: string[]) {
  const port = freePort();
  await using server = await startServer(port, "--once", ...serverArgs);
  const args = ["127.0.0.1", String(port), "--data-interval=0.05", ...clientArgs];
  const client = await runCommand("client", args);
  assertEquals(await server.ended(), 0, server.stderr);
  return { server, client };
}

Deno.test("--json: each line of stdout has time, event and session; people read stderr", async () => {
  const { client } = await oneSession([], ["--count=2", "--json"]);
  const [started, ...events] = client.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals([started.event, started.session], ["started", null]);
  const sessions = new Set(events.map(({ session }) => session));
  assertEquals(sessions.size, 1);
  assertMatch([...sessions][0], /^[0-9a-f]{16}$/);
  for (const { time, event } of events) {
    assertEquals(new Date(time).toISOString(), time);
    assertMatch(event, /^[a-z_]+$/);
  }
  const message = ["data_sent", "data_confirmed"];
  const names = ["connected", "phase", ...message, ...message, "phase", "terminated", "summary"];
  assertEquals(events.map(({ event }) => event), names);
  const [opened, ended, ...summary] = client.stderr.trimEnd().split("\n");
  for (const line of [opened!, ended!]) {
    assertMatch(line, /^[\d-]{10} [\d:]{8},\d{3}[+-]\d{4} \|\| INFO \|\| .+ \|\| [0-9a-f]{16}$/);
  }
  assertEquals(summary.at(-1), "ended as asked: 2 of 2 data messages confirmed, none in doubt");
});

Deno.test("the first event of each process says what runs where, and with which settings", async () => {
  const port = freePort();
  for (const role of ROLES) {
    const args = [`--port=${port}`, "--data-threshold=7", "--log-stamps=original", SHORT];
    await using command = startCommand(role, args);
    await command.ended();
    const [{ settings, time: _, ...about }] = command.events as [EventOf<"started">];
    assertEquals(about, {
      event: "started",
      session: null,
      version: VERSION,
      role,
      host: Deno.hostname(),
      pid: command.pid,
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    });
    assertEquals([settings.port, settings.data_threshold, settings.log_stamps], [
      port,
      7,
      "original",
    ]);
    // Of the other side's settings it has none.
    assertEquals(["reconnect" in settings, "store" in settings], [
      role === "client",
      role === "server",
    ]);
    assertMatch(command.stderr, /^[\d-]{10} [\d:]{8},\d{3} \|\| /m);
  }
});

Deno.test("without --json stdout stays empty; stderr has data messages with --verbose, little with --quiet", async () => {
  const usual = await oneSession([], ["--count=1"]);
  assertEquals([usual.client.code, usual.client.stdout], [0, ""]);
  for (const { stderr } of [usual.client, usual.server]) {
    assert(!/data message 1 (sent|received|confirmed)/.test(stderr), stderr);
    assertStringIncludes(stderr, "session open with ");
    assertMatch(stderr, /^--- pulsewire \w+: session [0-9a-f]{16} with 127\.0\.0\.1:\d+ ---$/m);
  }

  const verbose = await oneSession(["--verbose"], ["--count=1", "-v"]);
  assertMatch(verbose.client.stderr, /data message 1 sent.*\n.*data message 1 confirmed/);
  assertStringIncludes(verbose.server.stderr, "data message 1 received");

  const { server, client } = await oneSession(["--quiet"], ["--count=1", "-q"]);
  const last = "ended as asked: 1 of 1 data message confirmed, none in doubt\n";
  assertEquals(client, { code: 0, stdout: "", stderr: last });
  assertEquals(server.stderr, `${last}stopped; sessions served: 1, of them lost: 0\n`);
});

Deno.test("a server that goes on shows one line of a session's summary, and -q only its own last line", async () => {
  const seen: string[] = [];
  for (const flags of [[], ["-q"], ["-v"]]) {
    const port = freePort();
    await using server = await startServer(port, ...flags);
    const args = ["127.0.0.1", String(port), "--count=1"];
    assertEquals((await runCommand("client", args)).code, 0);
    await server.event("summary");
    server.kill("SIGINT");
    assertEquals(await server.ended(), 0);
    seen.push(server.stderr);
  }
  const [usual, quiet, verbose] = seen as [string, string, string];
  const stopped = "stopped; sessions served: 1, of them lost: 0\n";
  assertMatch(
    usual,
    /INFO \|\| ended as asked: 1 of 1 data message confirmed, none in doubt \|\| /,
  );
  assert(usual.endsWith(`\n${stopped}`) && !usual.includes("---"), usual);
  assertEquals(quiet, stopped);
  assertMatch(verbose, /^--- pulsewire server: session .* ---$/m);
});

Deno.test("--count ends the client when so many data messages are confirmed", async () => {
  const { client, server } = await oneSession([], ["--count=3", "--json"]);
  assertEquals(client.code, 0);
  const summary = JSON.parse(client.stdout.trimEnd().split("\n").at(-1)!);
  assertEquals([summary.data_sent, summary.data_confirmed, summary.in_doubt], [3, 3, []]);
  const { by, reason } = await server.event("terminated");
  assertEquals([by, reason], ["peer", "done"]);
});

Deno.test("--duration ends the client, and the server, after so many seconds", async () => {
  // Long enough for two messages on a machine that starts many processes.
  const { client } = await oneSession([], ["--duration=2", "--json"]);
  assertEquals(client.code, 0);
  const summary = JSON.parse(client.stdout.trimEnd().split("\n").at(-1)!);
  assertGreaterOrEqual(summary.data_confirmed, 2);

  const server = await runCommand("server", ["127.0.0.1", String(freePort()), "--duration=0.3"]);
  assertEquals([server.code, server.stdout], [0, ""]);
});

Deno.test("--once ends the server with its first session, whose outcome is its status", async () => {
  const port = freePort();
  const args = ["127.0.0.1", String(port)];
  await using server = await startServer(port, "--once");
  // Somebody who opens no session is not the one to wait for.
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  await server.event("strangers");
  await using client = startCommand("client", [...args, "--data-interval=0.05"]);
  await client.event("data_confirmed");
  const { code, stderr } = await runCommand("client", args);
  assertEquals(code, 3, stderr);
  client.kill("SIGKILL");
  assertEquals(await server.ended(), 1);
});
