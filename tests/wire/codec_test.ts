/**
 * Tests of the codec: frames to bytes, and bytes to frames however they are cut up.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { FrameDecoder } from "../../lib/wire/decoder.ts";
import { encodeFrame, FrameBatch } from "../../lib/wire/encoder.ts";
import { type Frame, ProtocolError, type TerminateReason } from "../../lib/wire/protocol.ts";
import { assertBreaks, assertDecodes, bytesOf, decode } from "../support/decoding.ts";

const GREATEST = 9_007_199_254_740_991;
const MIB = 1_048_576;

const data = (seq: number, ...parts: (string | Uint8Array)[]): Frame => ({
  type: "DATA",
  seq,
  payload: bytesOf(...parts),
});
const farewell = (text: string, reason: TerminateReason = "done"): Frame => (
  { type: "TERMINATE", reason, text }
);

/** Every kind of frame, and the bytes that it is. */
const FRAMES: [text: string, frame: Frame][] = [
  ["HELLO 1 a {}\n", { type: "HELLO", version: 1, session: "a", greeting: {} }],
  ['WELCOME 2 A-z_9 {"data_threshold":0.5}\n', {
    type: "WELCOME",
    version: 2,
    session: "A-z_9",
    greeting: { data_threshold: 0.5 },
  }],
  ["DATA 1 0\n\n", data(1)],
  ["DATA 2 5\nhello\n", data(2, "hello")],
  ["CONFIRM 1\n", { type: "CONFIRM", seq: 1 }],
  [`CONFIRM ${GREATEST}\n`, { type: "CONFIRM", seq: GREATEST }],
  ["CONFIRM 10\n", { type: "CONFIRM", seq: 10 }],
  ["HEARTBEAT 99\n", { type: "HEARTBEAT", n: 99 }],
  ["HEARTBEAT 1\n", { type: "HEARTBEAT", n: 1 }],
  ["HEARTBEAT_REPLY 10\n", { type: "HEARTBEAT_REPLY", n: 10 }],
  ["HOLD store\n", { type: "HOLD", reason: "store" }],
  ["HOLD output\n", { type: "HOLD", reason: "output" }],
  ["HOLD room\n", { type: "HOLD", reason: "room" }],
  ['ACCOUNT {"silent":1.5}\n', { type: "ACCOUNT", account: { silent: 1.5 } }],
  ['IDLE_RESULTS {"results":[[3,"reset",20013]],"last":true}\n', {
    type: "IDLE_RESULTS",
    results: { results: [[3, "reset", 20_013]], last: true },
  }],
  ["TERMINATE done\n", farewell("")],
  ["TERMINATE shutdown told to stop\n", farewell("told to stop", "shutdown")],
  ["TERMINATE silent é 😀\n", farewell("é 😀", "silent")],
  ["TERMINATE refused  two  spaces \n", farewell(" two  spaces ", "refused")],
  ["TERMINATE protocol x\n", farewell("x", "protocol")],
];

Deno.test("encodeFrame() writes a frame as one line, and DATA with its bytes behind", () => {
  for (const [text, frame] of FRAMES) {
    assertEquals(new TextDecoder().decode(encodeFrame(frame)), text);
  }
});

Deno.test("FrameBatch.add() puts frames one behind the other", () => {
  const batch = new FrameBatch();
  for (const [, frame] of FRAMES) batch.add(frame);
  const all = bytesOf(...FRAMES.map(([text]) => text));
  assertEquals(batch.length, all.length);
  assertEquals(batch.take(), all);
});

Deno.test("FrameBatch.take() starts the next batch empty, in the same memory", () => {
  const batch = new FrameBatch();
  batch.add(data(1, "long ago"));
  const first = batch.take();
  assertEquals(batch.length, 0);
  assertEquals(batch.take(), new Uint8Array(0));
  batch.add({ type: "CONFIRM", seq: 2 });
  const second = batch.take();
  assertEquals(second, bytesOf("CONFIRM 2\n"));
  assertStrictEquals(second.buffer, first.buffer);
});

Deno.test("FrameBatch.release() keeps a small buffer for what is added next", () => {
  const batch = new FrameBatch();
  batch.add({ type: "CONFIRM", seq: 1 });
  const { buffer } = batch.take();
  batch.release();
  assertEquals(batch.length, 0);
  batch.add({ type: "CONFIRM", seq: 2 });
  const bytes = batch.take();
  assertEquals(bytes, bytesOf("CONFIRM 2\n"));
  assertStrictEquals(bytes.buffer, buffer);
});

Deno.test("FrameBatch.release() keeps no buffer that has grown for a large message", () => {
  const batch = new FrameBatch();
  batch.add(data(1, new Uint8Array(MIB)));
  const { buffer, length } = batch.take();
  assertEquals(length, MIB + "DATA 1 1048576\n\n".length);
  batch.release();
  batch.add({ type: "CONFIRM", seq: 1 });
  assert(batch.take().buffer !== buffer);
});

Deno.test("FrameBatch.release() gives true if the batch held little, whatever room a text had", () => {
  const batch = new FrameBatch();
  batch.add({ type: "TERMINATE", reason: "done", text: "x".repeat(200) });
  batch.take();
  assert(batch.release());
  batch.add(data(1, new Uint8Array(300)));
  batch.take();
  assert(!batch.release());
});

Deno.test("FrameBatch has a buffer of its own as long as it holds one", () => {
  const batches = [new FrameBatch(), new FrameBatch()];
  for (const [n, batch] of batches.entries()) batch.add({ type: "CONFIRM", seq: n + 1 });
  const taken = batches.map((batch) => batch.take());
  assertEquals(taken, [bytesOf("CONFIRM 1\n"), bytesOf("CONFIRM 2\n")]);
});

Deno.test("FrameDecoder.next() gives every kind of frame, however its bytes arrive", () => {
  for (const [text, frame] of FRAMES) assertDecodes(text, [frame]);
  assertDecodes(FRAMES.map(([text]) => text).join(""), FRAMES.map(([, frame]) => frame));
});

Deno.test("FrameDecoder.next() accepts CRLF, behind the bytes of DATA too", () => {
  for (const [text, frame] of FRAMES) {
    assertDecodes(text.replaceAll("\n", "\r\n"), [frame]);
  }
  assertDecodes("DATA 1 1\na\r\nDATA 2 1\r\nb\n", [data(1, "a"), data(2, "b")]);
});

Deno.test("FrameDecoder.next() gives the bytes of DATA as they are", () => {
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const payloads = {
    "every byte": every,
    "line ends": bytesOf("\n\r\n\r\r\n"),
    "a frame": bytesOf("a\nTERMINATE done\nDATA 9 9\n"),
    "UTF-8 cut in two": bytesOf("😀").subarray(1, 3),
    "a carriage return last": bytesOf("abc\r"),
  };
  for (const payload of Object.values(payloads)) {
    const frame = data(3, payload);
    assertDecodes(encodeFrame(frame), [frame]);
    assertDecodes(bytesOf(`DATA 3 ${payload.length}\r\n`, payload, "\r\n"), [frame]);
  }
});

Deno.test("FrameDecoder.next() gives the payload of a whole message without copying it", () => {
  const decoder = new FrameDecoder();
  const buffer = bytesOf("DATA 1 2\nab\n");
  decoder.push(buffer);
  const frame = decoder.next();
  assertEquals(frame, data(1, "ab"));
  assertStrictEquals(frame?.type === "DATA" && frame.payload.buffer, buffer.buffer);
});

Deno.test("FrameDecoder.next() takes no byte behind the chunk, wherever that ends", () => {
  const whole = bytesOf("DATA 1 2\nab\nHEARTBEAT 3\n");
  for (let cut = 0; cut <= whole.length; cut++) {
    const decoder = new FrameDecoder();
    const frames = [];
    const parts = [whole.slice(0, cut), whole.slice(cut)];
    for (const part of parts) {
      // What follows in the buffer would complete the frame, wrongly.
      decoder.push(bytesOf(part, whole.slice(part.length).fill(0x0a)), part.length);
      for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(frame);
    }
    assertEquals(frames, [data(1, "ab"), { type: "HEARTBEAT", n: 3 }], `cut at ${cut}`);
  }
});

Deno.test("FrameDecoder.next() copies a payload that comes in chunks, which may change after use", () => {
  const decoder = new FrameDecoder();
  const buffer = bytesOf("DATA 1 4\nab");
  decoder.push(buffer);
  assertEquals(decoder.next(), undefined);
  buffer.set(bytesOf("cd\nHEARTBEA"));
  decoder.push(buffer);
  assertEquals(decoder.next(), data(1, "abcd"));
  assertEquals(decoder.next(), undefined);
  buffer.set(bytesOf("T 7\nDATA 2 "));
  decoder.push(buffer);
  assertEquals(decoder.next(), { type: "HEARTBEAT", n: 7 });
});

Deno.test("FrameDecoder.next() reads numbers alike, whether a message is whole or not", () => {
  for (const seq of ["0", "01", "9007199254740991", "9007199254740992", "1e3", "-1", ""]) {
    const outcomes = [`DATA ${seq} 1\nx\n`, `DATA 7 1\nx\nDATA ${seq} 1\nx\n`].map((text) => {
      const bytes = bytesOf(text);
      const whole = decode([bytes]);
      assertEquals(decode(Array.from(bytes, (byte) => Uint8Array.of(byte))), whole, text);
      return whole.error;
    });
    assertEquals(outcomes[0], outcomes[1]);
    assertEquals(outcomes[0] === undefined, seq === "9007199254740991", seq);
  }
});

Deno.test("FrameDecoder.next() accepts a line of exactly 1,024 bytes, its line end included", () => {
  const frame = farewell("x".repeat(1008));
  assertEquals(encodeFrame(frame).length, 1024);
  assertDecodes(encodeFrame(frame), [frame]);
  assertDecodes(`TERMINATE done ${"x".repeat(1007)}\r\n`, [farewell("x".repeat(1007))]);
});

Deno.test("FrameDecoder.next() throws on a line of 1,025 bytes, ended or not", () => {
  const message = `a line of more than 1024 bytes: "TERMINATE done ${"x".repeat(25)}…"`;
  for (const [length, end] of [[1009, "\n"], [1008, "\r\n"], [1009, ""], [70_000, "\n"]] as const) {
    assertBreaks(`TERMINATE done ${"x".repeat(length)}${end}`, message);
  }
});

Deno.test("FrameDecoder.next() throws on a line too long as soon as it is, without its end", () => {
  const decoder = new FrameDecoder();
  decoder.push(bytesOf("x".repeat(1023)));
  assertEquals(decoder.next(), undefined);
  decoder.push(bytesOf("x"));
  assertThrows(() => decoder.next(), ProtocolError, "a line of more than 1024 bytes");
});

Deno.test("FrameDecoder.next() accepts a data message of 1 MiB and throws on a longer one", () => {
  const frame = data(1, new Uint8Array(MIB).fill(0x0a));
  assertEquals(decode([encodeFrame(frame)]).frames, [frame]);
  for (const length of [MIB + 1, 2 ** 30, GREATEST]) {
    const message = `DATA 1 announces ${length} bytes; at most 1048576 are accepted`;
    assertBreaks(`DATA 1 ${length}\n`, message);
  }
});

Deno.test("FrameDecoder.next() keeps to the limit that it is given", () => {
  assertDecodes("DATA 1 3\nabc\n", [data(1, "abc")], { maxMessageBytes: 3 });
  const message = "DATA 1 announces 4 bytes; at most 3 are accepted";
  assertBreaks("DATA 1 4\nabcd\n", message, { maxMessageBytes: 3 });
});

Deno.test("FrameDecoder.next() throws when no line end follows the bytes of DATA", () => {
  const message = "DATA 1: no line end after its 3 bytes";
  for (const rest of ["d", "HEARTBEAT 1\n", " \n", "\0\n", "\r\r\n", "\rd"]) {
    assertBreaks(`DATA 1 3\nabc${rest}`, message);
  }
  assertBreaks("DATA 1 0\nabc\n", "DATA 1: no line end after its 0 bytes");
});

Deno.test("FrameDecoder.next() gives the frames after TERMINATE: the session decides whether they count", () => {
  assertDecodes("TERMINATE done\nHEARTBEAT 1\n", [farewell(""), { type: "HEARTBEAT", n: 1 }]);
  const { frames, error } = decode([bytesOf("TERMINATE done\nrubbish\n")]);
  assertEquals({ frames, error }, { frames: [farewell("")], error: 'unknown frame "rubbish"' });
});

Deno.test("FrameDecoder.midFrame is true while an unfinished frame is held", () => {
  const beats = ["H", "HEARTBEAT 1", "HEARTBEAT 1\r"];
  for (const text of [...beats, "DATA 1 0\n", "DATA 1 1\na", "DATA 1 1\na\r"]) {
    for (const before of ["", "CONFIRM 1\n", "DATA 1 1\na\n"]) {
      assertEquals(decode([bytesOf(before + text)]).midFrame, true, JSON.stringify(before + text));
    }
  }
  for (const text of ["", ...FRAMES.map(([text]) => text)]) {
    assertEquals(decode([bytesOf(text)]).midFrame, false, JSON.stringify(text));
  }
});

Deno.test("FrameDecoder.next() copies no more than in proportion to what arrives", () => {
  const decoder = new FrameDecoder();
  const piece = new Uint8Array(100);
  decoder.push(bytesOf(`DATA 1 ${MIB}\n`));
  const copied = countCopiedBytes(() => {
    for (let held = 0; held + piece.length < MIB; held += piece.length) {
      decoder.next();
      decoder.push(piece);
    }
  });
  assertLessOrEqual(copied, 4 * MIB);
});

/** How many bytes are copied with `TypedArray.prototype.set` while something runs. */
function countCopiedBytes(run: () => void): number {
  const prototype = Object.getPrototypeOf(Uint8Array.prototype);
  const { set } = prototype;
  let copied = 0;
  prototype.set = function (this: Uint8Array, source: ArrayLike<number>, at?: number) {
    copied += source.length;
    set.call(this, source, at);
  };
  try {
    run();
  } finally {
    prototype.set = set;
  }
  return copied;
}
