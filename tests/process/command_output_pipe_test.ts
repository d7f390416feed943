/**
 * What the server does when its output is a pipe: whose reader is slow, stops, is gone, or never comes.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import type { Event } from "../../lib/session/events.ts";
import { SOON_MS } from "../support/lateness.ts";
import { assertSettled } from "../support/ledgers.ts";
import { Folder } from "../support/folder.ts";
import { killIfRunning } from "../support/kill.ts";
import { freePort } from "../support/ports.ts";
import { type Command, commandWords, startCommand } from "../support/process.ts";
import {
  confirmed,
  doubts,
  PATIENT,
  PATIENT_INPUT,
  Stage,
  startInput,
} from "../support/real_stage.ts";
import { testUnless } from "../support/skip.ts";

const encoder = new TextEncoder();
const HOST = "127.0.0.1";
/** Ends a command that the test does not kill. */
const LIFETIME = "--duration=60";
/** More than the pipe to a reader takes that does not read. */
const PIPEFUL = `${"x".repeat(999)}\n`.repeat(2_000);

const noPipes = Deno.build.os === "windows" ? "it takes pipes with names" : undefined;
const mayStandStill = Deno.env.has("PULSEWIRE_DIST")
  ? "an executable on Deno before 2.7 stands still while it opens a pipe with a name"
  : undefined;

function pipeTest(name: string, run: () => Promise<void>, why = noPipes): void {
  testUnless(why, name, run);
}

async function makePipe(folder: string): Promise<string> {
  const path = `${folder}/pipe`;
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert(success, "cannot make a pipe");
  return path;
}

/** Starts a server that waits for the reader of a pipe, and then that. */
async function startAndOpen(stage: Stage, pipe: string): Promise<[Command, Deno.FsFile]> {
  const starting = stage.server(...PATIENT, "--output", pipe);
  const reader = await Deno.open(pipe, { read: true });
  return [await starting, reader];
}

pipeTest(
  "a server whose --output is a pipe that nobody reads says so, and ends on SIGTERM",
  async () => {
    using folder = new Folder();
    const output = await makePipe(folder.path);
    for (const store of [[], ["--store", `${folder.path}/store.db`]]) {
      const args = [HOST, String(freePort()), "--output", output, ...store];
      await using server = startCommand("server", args);
      await server.stderrText(`|| WARNING || nobody reads the output ${output}, a pipe: waiting`);
      server.kill("SIGTERM");
      assertEquals(await server.ended(), 0, server.stderr);
      assertEquals(server.stderr.match(/WARNING/g)?.length, 1, server.stderr);
    }
  },
  noPipes ?? mayStandStill,
);

pipeTest("what waits for a slow --output outlives its connection, delivered once", async () => {
  using folder = new Folder();
  const output = await makePipe(folder.path);

  await using stage = await Stage.open();
  const [server, reader] = await startAndOpen(stage, output);
  using _closing = reader;
  const client = stage.client(...PATIENT_INPUT);
  const input = Array.from({ length: 600 }, (_, i) => `${i} ${"x".repeat(999)}\n`).join("");
  await client.write(encoder.encode(input));
  await client.endInput();
  // The first ones fill the pipe, and hold up the others.
  await server.event("data_received", ({ seq }) => seq >= 256);
  stage.relay.onLine = (line) => line.slow("toServer", { delay_ms: 20, pieceBytes: 300 });
  stage.relay.line.cut();
  await client.event("resumed");
  const written = new Response(reader.readable).text();
  // What the server has already is delivered, and confirmed, before it could come again.
  await confirmed(client, 100);
  stage.relay.onLine = undefined;
  stage.relay.line.cut();
  assertEquals(await client.ended(), 0, client.stderr);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0, server.stderr);
  assert(await written === input, "the output is not the input");
  assertSettled(await client.event("summary"), await server.event("summary"));
});

pipeTest(
  "Ctrl-C ends a client; what waits for a slow --output is confirmed even then",
  async () => {
    using folder = new Folder();
    const pipe = await makePipe(folder.path);
    await using stage = await Stage.open();
    const [server, reader] = await startAndOpen(stage, pipe);
    using _closing = reader;
    const client = stage.client(...PATIENT_INPUT);
    await client.write(encoder.encode(PIPEFUL.slice(0, 256_000)));
    await server.event("data_received", ({ seq }) => seq === 256);
    client.kill("SIGINT");
    await server.event("terminated");
    // All that the server has is read from now on.
    const written = new Response(reader.readable).text();
    assertEquals(await client.ended(), 0, client.stderr);
    server.kill("SIGTERM");
    assertEquals(await server.ended(), 0, server.stderr);
    assertEquals((await written).length, 256_000);
    assertSettled(await client.event("summary"), await server.event("summary"));
  },
);

/** A server whose stdout is the output: a pipe, which is read as the test likes. */
class StdoutServer implements AsyncDisposable {
  readonly port = freePort();
  readonly pid: number;
  readonly stdout: ReadableStreamDefaultReader<Uint8Array>;
  readonly status: Promise<number>;
  /** All that it writes to stderr. */
  readonly stderr: Promise<string>;
  readonly #process: Deno.ChildProcess;
  readonly #listening: Promise<void>;

  constructor(...more: string[]) {
    const [program, ...words] = commandWords("server");
    const args = [...words, HOST, String(this.port), "--output=-", LIFETIME, ...more];
    const io = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
    this.#process = new Deno.Command(program!, { args, ...io }).spawn();
    this.pid = this.#process.pid;
    this.stdout = this.#process.stdout.getReader();
    this.status = this.#process.status.then(({ code }) => code);
    const [early, all] = this.#process.stderr.tee();
    this.stderr = new Response(all).text();
    this.#listening = saysOnce(early, "listening");
  }

  static async start(...more: string[]): Promise<StdoutServer> {
    const server = new StdoutServer(...more);
    await server.#listening;
    return server;
  }

  kill(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killIfRunning(this.#process);
    await this.stdout.cancel();
    await this.status;
    await this.stderr;
  }
}

/** Resolves when a text has come, or all has; reads on to the end. */
function saysOnce(stream: ReadableStream<Uint8Array>, text: string): Promise<void> {
  const said = Promise.withResolvers<void>();
  (async () => {
    let all = "";
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      all += part;
      if (all.includes(text)) said.resolve();
    }
    said.resolve();
  })();
  return said.promise;
}

Deno.test("--output - writes the messages to stdout, and nothing else", async () => {
  await using server = await StdoutServer.start("--once");
  await using client = startInput(server.port);
  await client.write(encoder.encode("one\n\nthree"));
  await client.endInput();
  assertEquals([await client.ended(), await server.status], [0, 0]);
  let all = "";
  for (let part = await server.stdout.read(); !part.done; part = await server.stdout.read()) {
    all += new TextDecoder().decode(part.value);
  }
  assertEquals(all, "one\n\nthree\n");
});

Deno.test("--output - without a reader ends the server with 1; nothing more is confirmed", async () => {
  await using server = await StdoutServer.start();
  await using client = startInput(server.port);
  await client.write(encoder.encode("one\n"));
  await client.event("data_confirmed");
  assertEquals(new TextDecoder().decode((await server.stdout.read()).value), "one\n");
  await server.stdout.cancel();
  await client.write(encoder.encode("two\n"));
  assertEquals([await server.status, await client.ended()], [1, 1]);
  assertStringIncludes(await server.stderr, "cannot write to stdout: ");
  assertEquals(await doubts(client), { confirmed_up_to: 1, data_sent: 2, in_doubt: [[2, 2]] });
});

Deno.test("a reader of --output - that stops holds up the producer, and loses nothing", async () => {
  await using server = await StdoutServer.start();
  await using client = startInput(server.port);
  const offering = client.write(encoder.encode(PIPEFUL)).then(() => client.endInput(), () => {});
  await client.event("data_sent", ({ seq }) => seq === 256);
  const isConfirmation = (each: Event) => each.event === "data_confirmed";
  assertLess(client.events.filter(isConfirmation).length, 2_000);
  let bytes = 0;
  while (bytes < PIPEFUL.length) bytes += (await server.stdout.read()).value!.length;
  await offering;
  assertEquals(await client.ended(), 0, client.stderr);
  assertEquals(bytes, PIPEFUL.length);
});

Deno.test("SIGTERM ends a server within 2 s whose reader of --output - has stopped", async () => {
  await using server = await StdoutServer.start();
  await using client = startInput(server.port);
  const offering = client.write(encoder.encode(PIPEFUL)).catch(() => {});
  await client.event("hold", ({ reason }) => reason === "output");
  const signalled_ms = performance.now();
  server.kill("SIGTERM");
  const status = await server.status;
  assertLess(performance.now() - signalled_ms, SOON_MS);
  assert(status === 0 || status === 1, `status ${status}`);
  // What the reader has not taken is not confirmed, and so not settled.
  await client.ended();
  await offering;
  const { reason } = await client.event("terminated");
  assert(["closed", "reset"].includes(reason), reason);
});
