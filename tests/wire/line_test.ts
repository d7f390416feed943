/**
 * The lines of PW/1: formatting, parsing, and every kind of invalid line.
 *
 * @module
 */
import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { frameLine, isSessionId, parseLine } from "../../lib/wire/line.ts";
import { type Frame, ProtocolError } from "../../lib/wire/protocol.ts";
import { assertBreaks, bytesOf } from "../support/decoding.ts";

const GREATEST = 9_007_199_254_740_991;

/** Asserts that a line, and the same line among others, is a protocol error with this message. */
function assertBadLine(line: string | Uint8Array, message: string): void {
  const error = assertThrows(() => parseLine(bytesOf(line)), ProtocolError);
  assertEquals(error.message, message);
  assertBreaks(bytesOf(line, "\n"), message);
}

Deno.test("isSessionId() takes 1 to 64 letters, digits, hyphens and underscores", () => {
  for (const id of ["a", "0", "-", "_", "Z-9_a", "x".repeat(64)]) assert(isSessionId(id), id);
  for (const id of ["", "x".repeat(65), "a b", "a.b", "é", "a\n", "\0", "a/b", "a\u200b"]) {
    assert(!isSessionId(id), id);
  }
});

Deno.test("parseLine() gives what DATA announces, not its bytes", () => {
  assertEquals(parseLine(bytesOf("DATA 3 0")), { type: "DATA", seq: 3, length: 0 });
  const greatest = { type: "DATA", seq: GREATEST, length: GREATEST } as const;
  assertEquals(parseLine(bytesOf(`DATA ${GREATEST} ${GREATEST}`)), greatest);
});

Deno.test("parseLine() takes any JSON object in HELLO and WELCOME", () => {
  const objects = [
    "{}",
    ' { "a" : [ 1 , null ] } ',
    '{"text":"with spaces, \\n escapes and é😀"}',
    '{"__proto__":{"a":1},"constructor":1}',
  ];
  for (const type of ["HELLO", "WELCOME"] as const) {
    for (const json of objects) {
      const frame = { type, version: 1, session: "s", greeting: JSON.parse(json) };
      assertEquals(parseLine(bytesOf(`${type} 1 s ${json}`)), frame);
    }
  }
});

Deno.test("parseLine() throws on an unknown frame", () => {
  const lines = [
    ...["", " ", "PING", "GET / HTTP/1.1", "hello 1 s {}", "HEARTBEATS 1", " CONFIRM 1"],
    ...["DATA\u00a01 1"],
  ];
  for (const line of lines) assertBadLine(line, `unknown frame ${JSON.stringify(line)}`);
  assertBadLine("\ufeffCONFIRM 1", 'unknown frame "\\ufeffCONFIRM 1"');
});

Deno.test("parseLine() throws on a bad number", () => {
  const bad = ["", "x", "01", "00", "+1", "-1", "-0", "1.0", "1.5", "1e3", "0x1", "1_000", "1,000"];
  const strange = [
    ...["Infinity", "NaN", "١", "１", "²", "9007199254740992", "9".repeat(16), "9".repeat(19)],
  ];
  const words = [...bad, ...strange];
  for (const word of [...words, "0"]) {
    for (const type of ["CONFIRM", "HEARTBEAT", "HEARTBEAT_REPLY"]) {
      assertBadNumber(word, `${type} ${word}`, 1);
    }
    assertBadNumber(word, `DATA ${word} 1`, 1);
    assertBadNumber(word, `HELLO ${word} s {}`, 1);
    assertBadNumber(word, `WELCOME ${word} s {}`, 1);
  }
  for (const word of words) assertBadNumber(word, `DATA 1 ${word}`, 0);
});

Deno.test("parseLine() throws on a number left out", () => {
  for (const line of ["CONFIRM", "HEARTBEAT", "HEARTBEAT_REPLY", "DATA"]) {
    assertBadNumber("", line, 1);
  }
  assertBadNumber("", "DATA 1", 0);
});

function assertBadNumber(word: string, line: string, least: number): void {
  const shown = line.length > 40 ? line.slice(0, 40) + "…" : line;
  const range = `a whole number from ${least} to ${GREATEST} without leading zeros`;
  assertBadLine(line, `bad number "${word}" in "${shown}"; expected ${range}`);
}

Deno.test("parseLine() throws on too many words", () => {
  const lines = [
    ...["CONFIRM 1 2", "CONFIRM 1 ", "CONFIRM  1", "HEARTBEAT 1 2", "HEARTBEAT 1 "],
    ...[
      "HEARTBEAT_REPLY 1 now",
      "HOLD store now",
      "HOLD store ",
      "DATA 1 2 3",
      "DATA 1 2 ",
      "DATA  1 2",
    ],
  ];
  for (const line of lines) assertBadLine(line, `too many words in "${line}"`);
});

const badId = (shown: string, type: string) =>
  `bad session id "${shown}" in ${type}; expected 1 to 64 letters, digits, "-" or "_"`;

Deno.test("parseLine() throws on a bad session id", () => {
  const ids = ["", "a.b", "é", "a\u202eb", "../a"];
  for (const type of ["HELLO", "WELCOME"]) {
    for (const id of ids) {
      const shown = id === "a\u202eb" ? "a\\u202eb" : id;
      assertBadLine(`${type} 1 ${id} {}`, badId(shown, type));
    }
    assertBadLine(`${type} 1 ${"x".repeat(65)} {}`, badId(`${"x".repeat(40)}…`, type));
    const none = badId("", type);
    assertBadLine(type, none);
    assertBadLine(`${type} 1`, none);
  }
});

Deno.test("parseLine() throws on JSON that is no object", () => {
  const texts = ["", "[]", "null", "1", '"s"', "true", "{", "{}}", "{} {}", "{a:1}", "{'a':1}"];
  for (const json of [...texts, '{"a":1,}', "\ufeff{}", "//{}"]) {
    const shown = json.replace("\ufeff", "\\ufeff");
    for (const type of ["HELLO", "WELCOME"]) {
      const quoted = JSON.stringify(shown).replaceAll("\\\\", "\\");
      assertBadLine(`${type} 1 s ${json}`, `${quoted} in ${type} is not a JSON object`);
    }
  }
  assertBadLine("HELLO 1 s", '"" in HELLO is not a JSON object');
});

Deno.test("parseLine() throws on JSON that is nested without end", () => {
  const message = `"${"[".repeat(40)}…" in HELLO is not a JSON object`;
  assertBadLine(`HELLO 1 s ${"[".repeat(1000)}`, message);
});

Deno.test("parseLine() throws on an unknown reason of HOLD", () => {
  for (const reason of ["", "disk", "STORE", "toString"]) {
    assertBadLine(`HOLD ${reason}`, `unknown reason "${reason}" in HOLD`);
  }
});

Deno.test("parseLine() throws on an unknown reason", () => {
  for (const reason of ["", "bye", "DONE", "done,", "closed", "toString"]) {
    const message = `unknown reason "${reason}" in TERMINATE`;
    assertBadLine(`TERMINATE ${reason}`, message);
    assertBadLine(`TERMINATE ${reason} with a text`, message);
  }
  assertBadLine("TERMINATE", 'unknown reason "" in TERMINATE');
});

Deno.test("parseLine() throws on a control character, wherever it is", () => {
  const lines: [line: string, shown: string][] = [
    ["TERMINATE done a\tb", "TERMINATE done a\\tb"],
    ["TERMINATE done a\0b", "TERMINATE done a\\u0000b"],
    ["TERMINATE done \x1b[2J", "TERMINATE done \\u001b[2J"],
    ["TERMINATE done \x7f", "TERMINATE done \\u007f"],
    ["TERMINATE done \x85", "TERMINATE done \\u0085"],
    ["TERMINATE done \x9b", "TERMINATE done \\u009b"],
    ["CONFIRM 1\r", "CONFIRM 1\\r"],
    ["CON\rFIRM 1", "CON\\rFIRM 1"],
    ["HELLO 1 s {\t}", "HELLO 1 s {\\t}"],
    ["\0", "\\u0000"],
  ];
  for (const [line, shown] of lines) {
    const message = `a control character in "${shown}"`;
    assertEquals(assertThrows(() => parseLine(bytesOf(line)), ProtocolError).message, message);
    // With CRLF, or the carriage return at the end of the line would count as part of its end.
    assertBreaks(`${line}\r\n`, message);
  }
});

Deno.test("parseLine() throws on a line that is not UTF-8", () => {
  const wrong = {
    "a character cut in two": bytesOf("😀").subarray(0, 2),
    "a byte that continues nothing": Uint8Array.of(0x80),
    "a byte that never occurs": Uint8Array.of(0xff),
    "an overlong form": Uint8Array.of(0xc0, 0x80),
    "a surrogate": Uint8Array.of(0xed, 0xa0, 0x80),
    "Latin-1": Uint8Array.of(0xe9),
  };
  for (const bytes of Object.values(wrong)) {
    const shown = new TextDecoder().decode(bytes);
    assertBadLine(
      bytesOf("TERMINATE done ", bytes),
      `a line that is not UTF-8: "TERMINATE done ${shown}"`,
    );
  }
});

Deno.test("frameLine() replaces control characters in TERMINATE", () => {
  const line = frameLine({
    type: "TERMINATE",
    reason: "protocol",
    text: "a\nb\r\n\0c\x85\ud800d\u{1f600}",
  });
  assertEquals(line, "TERMINATE protocol a b   c  d\u{1f600}\n");
});

Deno.test("frameLine() cuts the text of TERMINATE to fit the line, never within a character", () => {
  const texts = [
    "x".repeat(2000),
    "é".repeat(2000),
    "a" + "😀".repeat(600),
    "€".repeat(1000) + "\n",
  ];
  for (const text of texts) {
    const frame: Frame = { type: "TERMINATE", reason: "protocol", text };
    const bytes = bytesOf(frameLine(frame));
    assertLessOrEqual(bytes.length, 1024);
    assertLessOrEqual(1024 - 3, bytes.length);
    const parsed = parseLine(bytes.subarray(0, -1));
    assert(parsed.type === "TERMINATE" && text.startsWith(parsed.text), parsed.type);
  }
});

Deno.test("frameLine() leaves a TERMINATE of exactly 1,024 bytes whole", () => {
  for (const text of ["x".repeat(1008), "é".repeat(504)]) {
    assertEquals(
      frameLine({ type: "TERMINATE", reason: "done", text }),
      `TERMINATE done ${text}\n`,
    );
  }
});
