/**
 * Files that are damaged: recordings and settings. Whatever is in them, what reads them gives a result, or one
 * sentence that names the file.
 *
 * @module
 */
import { assert, assertGreater } from "@std/assert";
import { keysOf } from "../../lib/cli/files/key_file.ts";
import { parseConfig } from "../../lib/cli/config_file.ts";
import { UsageError } from "../../lib/platform/errors.ts";
import { randomSecret } from "../../lib/platform/secrets.ts";
import { pageOf } from "../../lib/report/page/page.ts";
import { makeReport } from "../../lib/report/report.ts";
import { reportText } from "../../lib/report/text.ts";
import { parseBlock } from "../../lib/server/access/address_list.ts";
import { CutPath } from "../support/cut_path.ts";
import { Folder } from "../support/folder.ts";
import { forEachSeed, Random } from "../support/random.ts";
import { type HostClocks, recordingOf } from "../support/recorded_path.ts";

/** How many damaged pairs of recordings, and how many files of settings. */
const RECORDINGS = Number(Deno.env.get("PULSEWIRE_FUZZ_FILES") ?? 60);
const SETTINGS = 20 * RECORDINGS;

/** How many files of keys, and how many addresses. */
const SMALL = 20 * RECORDINGS;

/** More characters of a secret than may be seen of it. */
const MAX_SEEN = 8;

const MORSELS = [
  ...[
    "",
    "\n",
    "\0",
    '"',
    "'",
    "{",
    "}",
    "[",
    "]",
    "=",
    "#",
    ",",
    "\\",
    "[settings]\n",
    "é",
    "\ud83d\ude00",
  ],
  ...[
    "null",
    "true",
    "-1",
    "0",
    "1e308",
    "1e999",
    "9007199254740993",
    '"x"',
    "{}",
    "[]",
    "[[1,2]]",
    "NaN",
  ],
  ...["1970-01-01", "data_interval", "__proto__", "constructor", "port = 1", "=".repeat(500)],
];

/** Recordings of both sides of an outage. */
const texts = recordOutage();

function recordOutage(): string[] {
  const clocks: HostClocks = { mono_ms: 5_000, drift_ppm: 40, wall_ms: Date.UTC(2026, 10, 27) };
  const cut = { direction: "both", from_ms: 22_000, to_ms: 52_000 } as const;
  const path = new CutPath(new Random(1), cut, 5_000);
  path.run(90_000);
  return (["client", "server"] as const).map((role) => recordingOf(role, path, clocks).join("\n"));
}

/** Makes all that can be made of recordings. */
function readReport(files: readonly string[]): void {
  const report = makeReport(files);
  JSON.stringify(report.document);
  reportText(report.document);
  pageOf(report);
}

/** Damages a text in a few places: words, characters and lines are replaced, doubled or left out. */
function damaged(text: string, random: Random): string {
  let result = text;
  for (let times = random.pick([1, 1, 2, 4, 9]); times > 0; times--) {
    const at = random.below(result.length + 1);
    const end = at + random.pick([0, 1, 1, 2, 10, 200]);
    const lines = result.split("\n");
    const line = random.below(lines.length);
    result = random.pick([
      () => result.slice(0, at) + random.pick(MORSELS) + result.slice(end),
      () => result.slice(0, at),
      () => lines.toSpliced(line, 1).join("\n"),
      () => lines.toSpliced(line, 0, lines[random.below(lines.length)]!).join("\n"),
      () => lines.with(line, damagedWord(lines[line]!, random)).join("\n"),
      () => lines.with(line, damagedWord(lines[line]!, random)).join("\n"),
    ])();
  }
  return result;
}

/** Replaces one value or word of a line. */
function damagedWord(line: string, random: Random): string {
  const words = [...line.matchAll(/"[^"]*"|[\w.-]+/g)];
  if (words.length === 0) return random.pick(MORSELS);
  const { 0: word, index } = random.pick(words);
  return line.slice(0, index) + random.pick(MORSELS) + line.slice(index + word.length);
}

/** Does something with a file that may be damaged; whether it was read. */
function reads(act: () => void, name: string, text: string): boolean {
  try {
    act();
    return true;
  } catch (error) {
    const shown = JSON.stringify(text.length < 3_000 ? text : text.slice(0, 3_000));
    assert(
      error instanceof UsageError,
      `${error instanceof Error ? error.stack : error}\nof ${shown}`,
    );
    const isClear = error.message.split("\n").every((line) => line.includes(name));
    assert(isClear, `a line without the file: ${error.message}\nof ${shown}`);
    return false;
  }
}

Deno.test("a report of damaged recordings is made, or refused in a sentence", async () => {
  using folder = new Folder();
  let read = 0;
  await forEachSeed(RECORDINGS, (random) => {
    const files = texts.map((text, at) => {
      const file = `${folder.path}/${at}`;
      Deno.writeTextFileSync(file, damaged(text, random));
      return file;
    });
    if (reads(() => readReport(files), folder.path, Deno.readTextFileSync(files[0]!))) read++;
  });
  assertGreater(read, RECORDINGS / 2);
});

Deno.test("a report is made of recordings whose times and round trips are beyond any clock", () => {
  for (const [of, wrong] of [["mono_us", "1e308"], ["rtt_ms", "1e308"], ["rtt_ms", "1e999"]]) {
    using folder = new Folder();
    const file = `${folder.path}/recording`;
    const value = new RegExp(`"${of}":[\\d.]+`);
    const lines = texts[0]!.split("\n");
    const at = lines.findIndex((line, at) => at > 1 && value.test(line));
    Deno.writeTextFileSync(
      file,
      lines.with(at, lines[at]!.replace(value, `"${of}":${wrong}`)).join("\n"),
    );
    assert(reads(() => readReport([file]), file, wrong!));
  }
});

Deno.test("a table where a switch is due is refused in a sentence", () => {
  assert(
    !reads(() => parseConfig("[settings]\noriginal = {}", "file.toml", "server"), "file.toml", ""),
  );
});

Deno.test("damaged files of settings are read, or refused in a sentence", async () => {
  const texts = (["client", "server"] as const).map((role) => {
    const example = Deno.readTextFileSync(new URL(`../../config/${role}.toml`, import.meta.url));
    // The keys count, not what is said of them; those that are off, too.
    const lines = example.split("\n").map((line) => line.replace(/^# (?=\w+ = )/, ""));
    return { role, text: lines.filter((line) => !line.startsWith("#")).join("\n") };
  });
  let read = 0;
  await forEachSeed(SETTINGS, (random) => {
    const { role, text } = random.pick(texts);
    const wrong = damaged(text, random);
    if (reads(() => parseConfig(wrong, "file.toml", role), "file.toml", wrong)) read++;
  });
  assertGreater(read, SETTINGS / 20);
});

Deno.test("damaged files of keys are read, or refused in a sentence without a secret", async () => {
  const source = new Random(1);
  const secrets = [1, 2, 3].map(() =>
    randomSecret((bytes) => bytes.set(source.bytes(bytes.length)))
  );
  const text = secrets.map((secret, n) => `key-${n} ${secret}\n`).join("# a comment\n");
  let read = 0;
  await forEachSeed(SMALL, (random) => {
    let wrong = damaged(text, random);
    // Where both are the other way round.
    if (random.oneIn(8)) wrong = wrong.replaceAll(/^(\S+) (\S+)$/gm, "$2 $1");
    const file = { path: "keys", mode: 0o600, bytes: new TextEncoder().encode(wrong) };
    const act = () => {
      try {
        keysOf(file, "server");
      } catch (error) {
        const shown = String(error);
        const parts = secrets.map((secret) => secret.slice(MAX_SEEN, 2 * MAX_SEEN));
        assert(!parts.some((part) => shown.includes(part)), `a secret is shown: ${shown}`);
        throw error;
      }
    };
    if (reads(act, "keys", "(not shown)")) read++;
  });
  assertGreater(read, SMALL / 20);
});

Deno.test("damaged addresses and blocks are read, or refused in a sentence", async () => {
  const entries = [
    "192.0.2.1",
    "192.0.2.0/24",
    "2001:db8::1",
    "2001:db8::/32",
    "::ffff:192.0.2.0/120",
  ];
  const morsels = [
    "",
    "/",
    "/0",
    "/33",
    "/129",
    "-1",
    ":",
    "::",
    ".",
    "256",
    "fffff",
    "%eth0",
    "é",
    "0x1",
  ];
  await forEachSeed(SMALL, (random) => {
    const entry = random.pick(entries);
    const at = random.below(entry.length + 1);
    const wrong = entry.slice(0, at) + random.pick(morsels) + entry.slice(at + random.below(3));
    reads(() => parseBlock(wrong), wrong, wrong);
  });
});
