/**
 * A server that gets more than it can store or write: nobody is ended, refused or declared dead for it,
 * its memory stays under a limit, and everything is delivered.
 *
 * @module
 */
import { assertEquals, assertLess } from "@std/assert";
import { MAX_WINDOW } from "../../lib/wire/protocol.ts";
import { Burst } from "../support/burst.ts";
import { freePort } from "../support/ports.ts";
import {
  type Command,
  isListening,
  startCommand,
  startQuietly,
  startServer,
} from "../support/process.ts";
import { noProcessMemory, peakBytes } from "../support/process_memory.ts";
import { RawClient } from "../support/raw_client.ts";
import { testUnless } from "../support/skip.ts";
import { StoreFolder } from "../support/store_folder.ts";

/** What the server may have in memory: what may wait, once more on its way, and itself. */
const MAX_BYTES = 768 * 1_048_576;

const LF = 0x0a;

/** Detection predicted: 5 s + 3 × 2 s = 11 s. */
const TIMERS = [
  "--data-threshold=5",
  "--heartbeat-interval=1",
  "--heartbeat-threshold=2",
  "--heartbeat-additional-tries=2",
];

/** How long, in milliseconds, the output is not read: longer than a detection lasts. */
const STALL_MS = 12_000;

const SESSIONS = 40;
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

function mebibytes(bytes: number): string {
  return `peak memory of the server: ${Math.round(bytes / 1_048_576)} MiB`;
}

/** Checks that nothing but the end that was asked for has ended a connection. */
function assertUndisturbed(command: Command, asked: "done" | "shutdown"): void {
  const ends = command.events.flatMap((each) =>
    each.event === "disconnected" || each.event === "terminated" ? [each] : []
  );
  assertEquals(ends.filter(({ reason }) => reason !== asked), []);
}

testUnless(
  noProcessMemory,
  `${SESSIONS} sessions on an --output that nobody reads are all delivered once it is read`,
  async () => {
    using folder = new StoreFolder();
    const pipe = folder.file("pipe");
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    const port = freePort();
    const starting = startServer(port, ...TIMERS, "--quiet", "--output", pipe);
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
    [load, numbered, server].forEach((each) => assertUndisturbed(each, "done"));
    const { count, numbers } = await read;
    assertEquals(numbers, LINES.map((_, n) => n));
    assertEquals(count, (SESSIONS + 1) * WINDOW);
    console.log(mebibytes(bytes));
    assertLess(bytes, MAX_BYTES);
  },
);

/** How many clients send a burst, and of how many messages; more, or smaller ones, by hand. */
const BURSTS = Number(Deno.env.get("PULSEWIRE_BURSTS") ?? 20);
const MESSAGES = Number(Deno.env.get("PULSEWIRE_BURST_MESSAGES") ?? MAX_WINDOW);
const HONEST = 20;

/** Detection predicted: 3 s + 3 × 3 s = 12 s. */
const HONEST_TIMERS = ["--data-interval=0.5", "--data-threshold=3", "--heartbeat-threshold=3"];
/** Of one session that is soon silent: 0.5 s + 3 × 3 s = 9.5 s. */
const QUICK_TIMERS = ["--data-interval=0.1", "--data-threshold=0.5", "--heartbeat-threshold=3"];

/** Does something again and again until a signal: gives how long it took at worst, in milliseconds. */
async function worst(stop: AbortSignal, act: (n: number) => Promise<void>): Promise<number> {
  let worst_ms = 0;
  for (let n = 1; !stop.aborted; n++) {
    const started_ms = performance.now();
    await act(n);
    worst_ms = Math.max(worst_ms, performance.now() - started_ms);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return Math.round(worst_ms);
}

testUnless(
  noProcessMemory,
  `${BURSTS} bursts of ${MESSAGES} small messages end no honest session, and delay no opening for ever`,
  async () => {
    using folder = new StoreFolder();
    const port = freePort();
    // No events: they would take more than the messages.
    const where = ["127.0.0.1", String(port)];
    const limit = `--max-sessions=${BURSTS + 10_000}`;
    await using server = startQuietly("server", [...where, limit, "--store", folder.store]);
    await isListening(port, server);
    const to = [...where, "--quiet", "--heartbeat-additional-tries=2"];
    const count = `--sessions=${HONEST}`;
    await using honest = startCommand("client", [...to, ...HONEST_TIMERS, count]);
    await using quick = startCommand("client", [...to, ...QUICK_TIMERS]);
    const { length } = await Promise.all(
      [honest, quick].map((each) => each.event("data_confirmed")),
    );
    assertEquals(length, 2);
    const over = new AbortController();
    using probe = await RawClient.open(port, "probe");
    const heartbeats = worst(over.signal, async (n) => {
      await probe.say(`HEARTBEAT ${n}\n`);
      await probe.hears(`HEARTBEAT_REPLY ${n}\n`);
    });
    const openings = worst(over.signal, async (n) => {
      using _client = await RawClient.open(port, `new-${n}`);
    });
    const started_ms = performance.now();
    const burst = new Burst(MESSAGES);
    const bursts = Array.from({ length: BURSTS }, (_, n) => burst.send(port, `burst-${n}`));
    await Promise.all(bursts).finally(() => over.abort());
    const took_s = ((performance.now() - started_ms) / 1000).toFixed(1);
    const [reply_ms, opening_ms] = await Promise.all([heartbeats, openings]);
    const bytes = await peakBytes(server.pid);
    honest.kill("SIGTERM");
    quick.kill("SIGTERM");
    assertEquals([await honest.ended(), await quick.ended()], [0, 0], honest.stderr);
    [honest, quick].forEach((each) => assertUndisturbed(each, "shutdown"));
    const { lost, round_trips, silences } = await honest.event("total");
    assertEquals(lost, 0);
    console.log(
      `${BURSTS} bursts in ${took_s} s; worst heartbeat reply ${reply_ms} ms, opening ${opening_ms} ms, ` +
        `confirmation ${round_trips.max_ms} ms; silences ${silences}; ${mebibytes(bytes)}`,
    );
    assertLess(bytes, BURSTS <= 200 ? MAX_BYTES : 2 * MAX_BYTES);
  },
);
