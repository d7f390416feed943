/**
 * A server that gets more than it can store or write: nobody is ended, refused or declared dead for it,
 * its memory stays under a limit, and everything is delivered.
 *
 * @module
 */
import { assertEquals, assertLess } from "@std/assert";
import { type Command, freePort, startCommand, startServer } from "../support/process.ts";
import { noProcessMemory, peakBytes } from "../support/process_memory.ts";
import { testUnless } from "../support/skip.ts";
import { StoreFolder } from "../support/store_folder.ts";

/** What the server may have in memory: what may wait, once more on its way, and itself. */
const MAX_BYTES = 768 * 1_048_576;

const LF = 0x0a;

/** Detection predicted: 5 s + 3 × 1 s = 8 s. */
const TIMERS = [
  "--data-threshold=5",
  "--heartbeat-interval=1",
  "--heartbeat-threshold=1",
  "--heartbeat-additional-tries=2",
];

/** How long, in milliseconds, the output is not read: longer than a detection lasts. */
const STALL_MS = 9_000;

const SESSIONS = 60;
const WINDOW = 84;
const MESSAGE_BYTES = 100_000;

/** Lines of which each is another one. */
const LINES = Array.from({ length: WINDOW }, (_, n) => `${n} `.padEnd(MESSAGE_BYTES, "y"));

/** Reads a pipe to its end: the lines of `LINES` in the order in which they came, and the count of all. */
async function readLines(pipe: Deno.FsFile): Promise<{ numbers: number[]; count: number }> {
  const numbers: number[] = [];
  let count = 0;
  let start = new Uint8Array(0);
  for await (const chunk of pipe.readable) {
    let at = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, at)) {
      const line = start.length > 0 ? start : chunk.subarray(at, Math.min(end, at + 8));
      const text = new TextDecoder().decode(line);
      if (!text.startsWith("x")) numbers.push(parseInt(text));
      count++;
      at = end + 1;
      start = new Uint8Array(0);
    }
    if (start.length === 0) start = chunk.slice(at, at + 8);
  }
  return { numbers, count };
}

/** Checks that nothing but the end that was asked for has ended a connection. */
function assertUndisturbed(command: Command): void {
  const ends = command.events.flatMap((each) =>
    each.event === "disconnected" || each.event === "terminated" ? [each] : []
  );
  assertEquals(ends.filter(({ reason }) => reason !== "done"), []);
}

for (const withStore of [false, true]) {
  testUnless(
    noProcessMemory,
    `60 sessions on an --output that nobody reads, ${withStore ? "with" : "without"} --store`,
    async () => {
      using folder = new StoreFolder();
      const pipe = folder.file("pipe");
      await new Deno.Command("mkfifo", { args: [pipe] }).output();
      const port = freePort();
      const store = withStore ? ["--store", folder.store] : [];
      const starting = startServer(port, ...TIMERS, "--quiet", "--output", pipe, ...store);
      const reader = await Deno.open(pipe);
      await using server = await starting;
      const to = [
        "127.0.0.1",
        String(port),
        ...TIMERS,
        "--quiet",
        "--reconnect",
        `--window=${WINDOW}`,
      ];
      const message = [`--message=${"x".repeat(MESSAGE_BYTES)}`, "--data-interval=0.001"];
      const many = [`--sessions=${SESSIONS}`, `--count=${WINDOW}`];
      await using load = startCommand("client", [...to, ...message, ...many]);
      await using numbered = startCommand("client", [...to, "--stdin"], { stdin: "piped" });
      const writing = numbered.write(new TextEncoder().encode(`${LINES.join("\n")}\n`));
      await server.stderrText("MiB wait for it; the sessions that send most are not read");
      await new Promise((resolve) => setTimeout(resolve, STALL_MS));
      const read = readLines(reader);
      await writing;
      await numbered.endInput();
      assertEquals([await load.ended(), await numbered.ended()], [0, 0], load.stderr);
      const bytes = await peakBytes(server.pid);
      server.kill("SIGTERM");
      assertEquals(await server.ended(), 0, server.stderr);
      [load, numbered, server].forEach(assertUndisturbed);
      const { count, numbers } = await read;
      assertEquals(numbers, LINES.map((_, n) => n));
      assertEquals(count, (SESSIONS + 1) * WINDOW);
      console.log(`peak memory of the server: ${Math.round(bytes / 1_048_576)} MiB`);
      assertLess(bytes, MAX_BYTES);
    },
  );
}
