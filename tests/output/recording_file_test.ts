/**
 * The files of a recording: rotation, and what becomes of them when their disk or folder fails.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { RecordingFile, recordingFiles } from "../../lib/output/recording_file.ts";
import { UsageError } from "../../lib/platform/errors.ts";
import { Folder } from "../support/folder.ts";
import { linesOf } from "../support/recording.ts";
import { testUnless } from "../support/skip.ts";
import { whyNoSmallDisk, withSmallDisk } from "../support/mounted_disk.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** Opens a recording in a file of 1,000 bytes, on a clock that the test moves. */
async function open(path: string, { maxBytes = 1_000, run = "a" } = {}) {
  const clock = new VirtualClock();
  const said: string[] = [];
  const head = (file: number) => JSON.stringify({ event: "started", run, file });
  const report = (text: string) => void said.push(text.replaceAll(path, "FILE"));
  const recording = await RecordingFile.open({ path, maxBytes, head, report, clock });
  let last = 0;
  const add = (count: number) => {
    for (let n = 0; n < count; n++) recording.write(line(++last));
  };
  /** Writes so many lines, numbered, and waits until they are in the files. */
  const write = async (count: number) => {
    add(count);
    await until(
      clock,
      () => recordingFiles(path).some((file) => textOf(file).endsWith(line(last))),
    );
  };
  return { recording, clock, said, add, write };
}

/** A line of 17 bytes. */
const line = (n: number) => `{"n":${1_000_000_000 + n}}\n`;

/** The numbers in lines of these. */
const numbersIn = (text: string) =>
  linesOf(text).flatMap(({ n }) => n === undefined ? [] : [n - 1_000_000_000]);

/** Waits for the disk; the clock, by which is tried again, goes on. */
async function until(clock: VirtualClock, isSo: () => boolean): Promise<void> {
  for (let left = 2_000; !isSo(); left--) {
    assert(left > 0, "waited in vain");
    await new Promise((done) => setTimeout(done, 5));
    await clock.advance(10);
  }
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return "";
    }
    throw error;
  }
}

function namesIn(folder: Folder): string[] {
  return [...Deno.readDirSync(folder.path)].map(({ name }) => name).toSorted();
}

Deno.test("RecordingFile rotates before a file is too large, and keeps five", async () => {
  using folder = new Folder();
  const path = `${folder.path}/a.jsonl`;
  const { recording, said, write } = await open(path);
  await write(47);
  assertEquals(namesIn(folder), ["a.jsonl"]);
  await write(453);
  await recording.close();
  assertEquals(said, []);
  assertEquals(namesIn(folder), ["a.jsonl", ...[1, 2, 3, 4].map((age) => `a.jsonl.${age}`)]);
  const texts = recordingFiles(path).map(textOf);
  assert(texts.every((text) => text.length <= 1_000));
  const heads = texts.map((text) => linesOf(text)[0]!);
  assertEquals(heads.map(({ event, run }) => [event, run]), Array(5).fill(["started", "a"]));
  const newest = Number(heads[0]!.file);
  assertEquals(heads.map(({ file }) => file), [0, 1, 2, 3, 4].map((age) => newest - age));
  const kept = texts.toReversed().flatMap(numbersIn);
  assertEquals(kept, Array.from({ length: kept.length }, (_, i) => 500 - kept.length + 1 + i));
});

Deno.test("RecordingFile puts many lines in as many files as they need", async () => {
  using folder = new Folder();
  const path = `${folder.path}/a.jsonl`;
  const { clock, recording } = await open(path, { maxBytes: 200_000 });
  recording.write(Array.from({ length: 35_000 }, (_, i) => line(i)).join(""));
  await until(clock, () => textOf(path).endsWith(line(34_999)));
  await recording.close();
  const texts = recordingFiles(path).map(textOf);
  assertEquals(texts.map((text) => text.length > 0 && text.length <= 200_000), [
    ...[true, true, true, true, false],
  ]);
  assertEquals(texts.flatMap(numbersIn).length, 35_000);
});

Deno.test("RecordingFile begins a run with a new file, whatever the last one left", async () => {
  using folder = new Folder();
  const path = `${folder.path}/a.jsonl`;
  const first = await open(path, { run: "first" });
  await first.write(2);
  await first.recording.close();
  // As a kill or the loss of power may leave it.
  Deno.writeTextFileSync(path, '{"n":', { append: true });
  const second = await open(path, { run: "second" });
  await second.write(1);
  await second.recording.close();
  assertEquals(linesOf(textOf(path))[0]!.run, "second");
  assertMatch(textOf(`${path}.1`), /"first".*\n\{"n":$/s);
  assertEquals(namesIn(folder), ["a.jsonl", "a.jsonl.1"]);
});

Deno.test("RecordingFile goes on in a new file when it was moved, deleted or replaced", async () => {
  using folder = new Folder();
  const path = `${folder.path}/a.jsonl`;
  const { clock, recording, said, write } = await open(path);
  const heads: unknown[] = [];
  const troubles = [
    () => Deno.renameSync(path, `${path}.old`),
    () => Deno.removeSync(path),
    () => {
      Deno.removeSync(path);
      Deno.writeTextFileSync(path, "another's\n");
    },
    () => Deno.truncateSync(path),
  ];
  for (const trouble of troubles) {
    await write(1);
    trouble();
    await clock.advance(1_000);
    await write(1);
    const [head, ...lines] = linesOf(textOf(path));
    heads.push([head!.file, lines.length]);
  }
  assertEquals(heads, [[2, 1], [3, 1], [4, 1], [5, 1]]);
  assertEquals(textOf(`${path}.1`), "another's\n");
  await recording.close();
  assertEquals(said, []);
});

Deno.test("RecordingFile.reopen() opens it at once, and leaves one alone that was not moved", async () => {
  using folder = new Folder();
  const path = `${folder.path}/a.jsonl`;
  const { clock, recording, write } = await open(path);
  await write(1);
  recording.reopen();
  await write(1);
  assertEquals(linesOf(textOf(path)).length, 3);
  Deno.renameSync(path, `${path}.1`);
  recording.reopen();
  await until(clock, () => textOf(path) !== "");
  assertEquals(linesOf(textOf(path)).map(({ file }) => file), [2]);
  await recording.close();
});

Deno.test("RecordingFile.reopen() opens it anew also while something is being written", async () => {
  using folder = new Folder();
  const path = `${folder.path}/a.jsonl`;
  const { add, clock, recording, write } = await open(path);
  await write(1);
  for (let file = 2; file < 12; file++) {
    add(1);
    // Before the write, and at whatever step of it.
    for (let step = 2; step < file; step++) await undefined;
    Deno.renameSync(path, `${folder.path}/moved`);
    recording.reopen();
    await until(clock, () => textOf(path) !== "");
    assertEquals(linesOf(textOf(path))[0]!.file, file);
  }
  await recording.close();
});

Deno.test("RecordingFile reports once that its folder is gone, and has nothing lost when it is back", async () => {
  using folder = new Folder();
  Deno.mkdirSync(`${folder.path}/b`);
  const path = `${folder.path}/b/a.jsonl`;
  const { add, clock, recording, said, write } = await open(path);
  await write(2);
  Deno.removeSync(`${folder.path}/b`, { recursive: true });
  for (let i = 0; i < 3; i++) {
    await clock.advance(1_000);
    add(1);
    await until(clock, () => said.length > 0);
  }
  assertEquals(said, [
    "cannot write the recording FILE: there is no such folder; make it first; the sessions go on",
  ]);
  Deno.mkdirSync(`${folder.path}/b`);
  await clock.advance(1_000);
  // Tried again by the clock, though nothing more is written.
  await until(clock, () => said.length > 1);
  assertEquals(numbersIn(textOf(path)), [3, 4, 5]);
  await write(1);
  await recording.close();
  assertEquals(numbersIn(textOf(path)), [3, 4, 5, 6]);
  assertEquals(said.slice(1), ["FILE is written again; lines lost: 0"]);
});

Deno.test("RecordingFile reports once that it cannot rotate, writes no file too large, and goes on later", async () => {
  using folder = new Folder();
  const path = `${folder.path}/a.jsonl`;
  const { add, clock, recording, said, write } = await open(path);
  await write(300);
  Deno.removeSync(`${path}.4`);
  Deno.mkdirSync(`${path}.4/occupied`, { recursive: true });
  add(100);
  await until(clock, () => said.length > 0);
  for (let i = 0; i < 3; i++) {
    await clock.advance(1_000);
    add(100);
  }
  assertMatch(said.join("\n"), /^cannot write the recording FILE: [^\n]+; the sessions go on$/);
  assert(textOf(path).length <= 1_000);
  Deno.removeSync(`${path}.4`, { recursive: true });
  await clock.advance(1_000);
  await write(1);
  await recording.close();
  assertEquals(said.slice(1), ["FILE is written again; lines lost: 0"]);
  assertEquals(numbersIn(textOf(path)).at(-1), 701);
});

Deno.test("RecordingFile counts the lines that have no room in memory, and those left at the end", async () => {
  using folder = new Folder();
  Deno.mkdirSync(`${folder.path}/b`);
  const path = `${folder.path}/b/a.jsonl`;
  const { add, clock, recording, said } = await open(path);
  Deno.removeSync(`${folder.path}/b`, { recursive: true });
  await clock.advance(1_000);
  add(2);
  await until(clock, () => said.length > 0);
  recording.write(line(1).repeat(1_000_000));
  await recording.close();
  assertEquals(said.length, 2, said.join("\n"));
  assertEquals(said[1], "FILE lacks lines that could not be written: 1000002");
});

Deno.test("RecordingFile.open() refuses what is no file that it can have for itself", async () => {
  using folder = new Folder();
  const path = `${folder.path}/a.jsonl`;
  const fails = async (path: string, what: string) => {
    const { message } = await assertRejects(() => open(path), UsageError);
    assertStringIncludes(message, `cannot record to ${path}: ${what}`);
  };
  await fails(folder.path, "it is a folder");
  await fails(`${folder.path}/b/a.jsonl`, "there is no such folder");
  await fails("/dev/null", "it is no regular file");
  const { recording, write } = await open(path);
  await write(1);
  if (Deno.build.os !== "windows") {
    await fails(path, "another process records to it");
    assertEquals(linesOf(textOf(path)).length, 2, "it is left as it was");
  }
  await recording.close();
});

testUnless(
  whyNoSmallDisk(),
  "RecordingFile outlives a full disk, and only whole lines are in it",
  async () => {
    await withSmallDisk(async ({ folder, enlarge }) => {
      const path = `${folder}/a.jsonl`;
      const { add, clock, recording, said, write } = await open(path, { maxBytes: 1_048_576 });
      await write(3_500);
      add(1_500);
      await until(clock, () => said.length > 0);
      assertEquals(said.length, 1, said.join("\n"));
      assertMatch(said[0]!, /^cannot write the recording FILE: no space is left on its disk/);
      assert(linesOf(textOf(path)).length > 3_000, "the last line is whole");
      enlarge();
      await clock.advance(1_000);
      await write(1);
      await recording.close();
      assertEquals(numbersIn(textOf(path)).length, 5_001);
      assertEquals(said.slice(1), ["FILE is written again; lines lost: 0"]);
    });
  },
);
