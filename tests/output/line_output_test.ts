/**
 * Lines to readers that are slow, stopped or gone: they hold up nothing, and nothing is lost unsaid.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertMatch, assertThrows } from "@std/assert";
import { LineOutput } from "../../lib/output/line_output.ts";
import type { ByteSink } from "../../lib/platform/bytes.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

/** A reader that takes each write when it is told to. */
class Reader implements ByteSink {
  /** What it has been given. */
  text = "";
  /** How many bytes it takes of one write. */
  takes = Infinity;
  /** How many writes it has been given. */
  writes = 0;
  #stopped?: PromiseWithResolvers<void>;
  #failure?: Error;

  async write(bytes: Uint8Array): Promise<number> {
    this.writes++;
    const given = bytes.slice(0, this.takes);
    await this.#stopped?.promise;
    if (this.#failure) throw this.#failure;
    this.text += new TextDecoder().decode(given);
    return given.length;
  }

  /** Takes nothing more. */
  stop(): void {
    this.#stopped = Promise.withResolvers();
  }

  /** Takes all again. */
  go(): void {
    this.#stopped?.resolve();
    this.#stopped = undefined;
  }

  /** Is gone, as `head` is after its last line. */
  leave(error: Error): void {
    this.#failure = error;
    this.go();
  }
}

function open() {
  const reader = new Reader();
  const losses: string[] = [];
  const clock = new VirtualClock();
  const output = new LineOutput(reader, (text) => losses.push(text), clock);
  return { reader, output, losses, clock };
}

Deno.test("LineOutput.write() writes lines in order, each with its end", async () => {
  const { reader, output, losses } = open();
  output.write("one");
  output.write("");
  output.write("zwei ü");
  await output.flush();
  assertEquals(reader.text, "one\n\nzwei ü\n");
  assertEquals(losses, []);
});

Deno.test("LineOutput.write() writes what one write does not take with the next", async () => {
  const { reader, output } = open();
  reader.takes = 3;
  output.write("0123456789");
  output.write("abc");
  await output.flush();
  assertEquals(reader.text, "0123456789\nabc\n");
});

Deno.test("LineOutput.write() does not wait for a reader that has stopped", async () => {
  const { reader, output } = open();
  reader.stop();
  for (let n = 0; n < 1_000; n++) output.write(`line ${n}`);
  await settle();
  assertEquals(reader.writes, 1);
  reader.go();
  await output.flush();
  assertEquals(reader.text.split("\n").length, 1_001);
  assertEquals(reader.writes, 2, "what has gathered goes out in one write");
});

Deno.test("LineOutput.together() writes lines at once, and after those before them", async () => {
  const { reader, output } = open();
  output.together(() => {
    output.write("one");
    output.write("two");
    assertEquals(reader.writes, 0);
  });
  assertEquals(reader.writes, 1);
  await output.flush();
  assertEquals(reader.text, "one\ntwo\n");
  reader.stop();
  output.together(() => output.write("three"));
  assertThrows(() =>
    output.together(() => {
      output.write("four");
      throw new Error("a defect");
    })
  );
  output.together(() => {});
  reader.go();
  await output.flush();
  assertEquals([reader.writes, reader.text], [3, "one\ntwo\nthree\nfour\n"]);
});

Deno.test("LineOutput.write() tries again when a sink that does not block is full", async () => {
  let tries = 0;
  const written: string[] = [];
  const losses: string[] = [];
  const sink = {
    write: (bytes: Uint8Array) =>
      ++tries < 4
        ? Promise.reject(new Deno.errors.WouldBlock("full"))
        : Promise.resolve(written.push(new TextDecoder().decode(bytes)) && bytes.length),
  };
  const output = new LineOutput(sink, (text) => losses.push(text));
  output.write("a line");
  await output.flush();
  assertEquals([written, losses], [["a line\n"], []]);
});

Deno.test("LineOutput.write() leaves lines out when 4 MiB wait, and tells of it twice", async () => {
  const { reader, output, losses } = open();
  const line = "x".repeat(65_535);
  reader.stop();
  output.write("first");
  for (let n = 0; n < 64 + 10; n++) output.write(line);
  assertEquals(losses, ["its reader is too slow; lines are being left out; sessions go on"]);
  reader.go();
  await output.flush();
  assertEquals(losses.slice(1), ["lines left out: 10"]);
  assertEquals(reader.text.split("\n").length - 1, 1 + 64);

  output.write("after");
  await output.flush();
  assert(reader.text.endsWith("\nafter\n"), "all is as before");
  assertEquals(losses.length, 2);
});

Deno.test("LineOutput.write() keeps a line that is to be kept when others are left out", async () => {
  const { reader, output, losses } = open();
  reader.stop();
  const line = "x".repeat(65_535);
  for (let n = 0; n < 66; n++) output.write(line);
  for (let n = 0; n < 100; n++) output.write(`kept ${n}`, { isKept: true });
  assertEquals([losses.length, output.leftOut], [1, 1]);
  reader.go();
  await output.flush();
  assertEquals(reader.text.match(/^kept \d+$/gm)!.length, 100);
});

Deno.test("LineOutput.write() leaves out even those when 32 MiB wait", async () => {
  const { reader, output, losses } = open();
  reader.stop();
  output.write("first");
  const line = "x".repeat(1_048_575);
  for (let n = 0; n < 40; n++) output.write(line, { isKept: true });
  assertEquals(output.leftOut, 8);
  reader.go();
  await output.flush();
  assertEquals(losses.at(-1), "lines left out: 8");
});

Deno.test("LineOutput.write() tells once that the reader is gone, and then does nothing", async () => {
  const { reader, output, losses } = open();
  output.write("one");
  await output.flush();
  reader.leave(new Error("Broken pipe"));
  for (let n = 0; n < 3; n++) {
    output.write("two");
    await output.flush();
  }
  assertEquals(losses, ["Broken pipe; sessions go on"]);
  assertEquals([reader.text, reader.writes], ["one\n", 2]);
});

Deno.test("LineOutput.flush() resolves at once when nothing waits", async () => {
  const { output, clock } = open();
  await output.flush();
  assertEquals([clock.now(), clock.pending], [0, 0]);
});

Deno.test("LineOutput.flush() gives a reader that has stopped three seconds, and leaves no timer", async () => {
  const { reader, output, clock } = open();
  reader.stop();
  output.write("one");
  let flushed_ms: number | undefined;
  const flushing = output.flush().then(() => flushed_ms = clock.now());
  await clock.advance(2_999);
  assertEquals(flushed_ms, undefined);
  await clock.advance(1);
  await flushing;
  assertEquals([flushed_ms, clock.pending], [3_000, 0]);
});

Deno.test("LineOutput.flush() waits as long as a slow reader reads, says what is left, for ten seconds", async () => {
  const { reader, output, losses, clock } = open();
  const line = "x".repeat(65_535);
  reader.stop();
  for (let n = 0; n < 16; n++) output.write(line);
  let flushed_ms: number | undefined;
  const flushing = output.flush().then(() => flushed_ms = clock.now());
  for (let n = 1; n <= 10; n++) {
    assertEquals(flushed_ms, undefined);
    await clock.advance(999);
    reader.go();
    reader.stop();
    await settle();
  }
  await clock.advance(10);
  await flushing;
  assertEquals([flushed_ms, clock.pending], [10_000, 0]);
  assertEquals(losses, ["its reader has left 6 lines unread at the end"]);
});

Deno.test("LineOutput.flush() resolves as soon as a slow reader has read", async () => {
  const { reader, output, clock } = open();
  reader.stop();
  output.write("one");
  const flushing = output.flush();
  await clock.advance(300);
  reader.go();
  await flushing;
  assertEquals(reader.text, "one\n");
  assertLess(clock.now(), 1_000);
});

Deno.test("LineOutput.flush() resolves when the reader is gone", async () => {
  const { reader, output, losses } = open();
  reader.stop();
  output.write("one");
  const flushing = output.flush();
  reader.leave(new Error("Broken pipe (os error 32)"));
  await flushing;
  assertMatch(losses[0]!, /Broken pipe/);
});
