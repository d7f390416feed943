/**
 * Tests of the codec with random input: any bytes, any chunks, any frames. A failure names its seed.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { FrameDecoder } from "../../lib/wire/decoder.ts";
import { encodeFrame, FrameBatch } from "../../lib/wire/encoder.ts";
import {
  type Frame,
  HOLD_REASONS,
  MAX_LINE_BYTES,
  TERMINATE_REASONS,
} from "../../lib/wire/protocol.ts";
import { bytesOf, decode } from "../support/decoding.ts";
import { forEachSeed, type Random } from "../support/random.ts";

const MIB = 1_048_576;
const ID_CHARACTERS = [..."abcxyzABCXYZ019-_"];
const CHARACTERS = [...'abc XYZ 019 -_{}[]":,.\\/é€😀\u2028\ufeff\u200b'];
/** Valid and invalid pieces of PW/1, for input that gets past the first word. */
const MORSELS = [
  ...[
    "HELLO",
    "WELCOME",
    "DATA",
    "CONFIRM",
    "HEARTBEAT",
    "HEARTBEAT_REPLY",
    "HOLD",
    "ACCOUNT",
    "TERMINATE",
  ],
  ...["HEARTBEAT 1\n", "CONFIRM 7\r\n", "DATA 1 3\nabc\n", "TERMINATE done\n", "HELLO 1 s {}\n"],
  ...[
    ...[" ", " ", " ", "\n", "\n", "\r\n", "\r", "\0", "\t", "0", "1", "2", "01", "-1"],
    ...["9007199254740992"],
  ],
  ...[
    ...["{}", '{"a":1}', "{", "[]", "s", "done", "shutdown", "bye", "DATA 2 100\n"],
    ...["DATA 3 1048576\n"],
  ],
];

/** A number that may stand in a frame, often a greatest or least one. */
function randomNumber(random: Random, least: number): number {
  const limit = random.pick([2, 10, 1000, 2 ** 32]);
  return random.oneIn(8) ? Number.MAX_SAFE_INTEGER : Math.max(least, random.below(limit));
}

function randomText(random: Random, longest: number): string {
  return Array.from({ length: random.below(longest) }, () => random.pick(CHARACTERS)).join("");
}

function randomJson(random: Random, depth: number): unknown {
  const leaf = random.pick([null, true, -1.5, 1e300, "", randomText(random, 20)]);
  if (depth === 0 || random.oneIn(2)) return leaf;
  if (random.oneIn(2)) return [randomJson(random, depth - 1), leaf];
  return { [randomText(random, 8)]: randomJson(random, depth - 1) };
}

function randomFrame(random: Random): Frame {
  switch (random.below(7)) {
    case 0: {
      const id = Array.from({ length: random.between(1, 64) }, () => random.pick(ID_CHARACTERS));
      return {
        type: random.pick(["HELLO", "WELCOME"]),
        version: randomNumber(random, 1),
        session: id.join(""),
        greeting: { data_threshold: 20, more: randomJson(random, 3) },
      };
    }
    case 1: {
      const payload = random.bytes(random.below(random.pick([1, 20, 3000])));
      return { type: "DATA", seq: randomNumber(random, 1), payload };
    }
    case 2:
      return { type: "CONFIRM", seq: randomNumber(random, 1) };
    case 3: {
      const type = random.pick(["HEARTBEAT", "HEARTBEAT_REPLY"] as const);
      return { type, n: randomNumber(random, 1) };
    }
    case 4:
      return { type: "HOLD", reason: random.pick(HOLD_REASONS) };
    case 5:
      return { type: "ACCOUNT", account: { sent: randomJson(random, 2) as string } };
    default: {
      const reason = random.pick(TERMINATE_REASONS);
      return { type: "TERMINATE", reason, text: randomText(random, 200) };
    }
  }
}

function randomFrames(random: Random): Frame[] {
  return Array.from({ length: random.between(1, 12) }, () => randomFrame(random));
}

Deno.test("FrameDecoder holds what has arrived, not what is announced", async () => {
  const before = Deno.memoryUsage().external;
  const decoders: FrameDecoder[] = [];
  await forEachSeed(256, (random) => {
    const decoder = new FrameDecoder();
    const bytes = bytesOf(`DATA 1 ${MIB}\n`, random.bytes(random.below(999)));
    for (const chunk of random.chunks(bytes)) {
      decoder.push(chunk.slice());
      assertEquals(decoder.next(), undefined);
    }
    decoders.push(decoder);
  });
  const grown = Deno.memoryUsage().external - before;
  assert(decoders.every((decoder) => decoder.midFrame));
  // Far more than the 128 KiB that have arrived, for what is not yet collected; far less than the
  // 256 MiB that are announced.
  assertLess(grown, 16 * MIB);
});

Deno.test("FrameDecoder.next() makes frames or one protocol error of any bytes in any chunks", async () => {
  let frames = 0;
  let errors = 0;
  await forEachSeed(500, (random) => {
    const morsels = Array.from({ length: random.between(1, 20) }, () => randomMorsel(random));
    const bytes = bytesOf(...morsels);
    const whole = decode([bytes]);
    assertEquals(decode(Array.from(bytes, (byte) => Uint8Array.of(byte))), whole);
    assertEquals(decode(random.chunks(bytes)), whole);
    assertEquals(decode(whole.frames.map(encodeFrame)).frames, whole.frames);
    frames += whole.frames.length;
    errors += whole.error === undefined ? 0 : 1;
  });
  // Or the input would be too wild, or too tame, to try anything.
  assertGreater(frames, 1000);
  assertGreater(errors, 250);
  assertGreater(500 - errors, 100);
});

function randomMorsel(random: Random): string | Uint8Array {
  if (random.oneIn(40)) return random.bytes(random.below(30));
  const frame = encodeFrame(randomFrame(random));
  return random.oneIn(8) ? random.pick(MORSELS) : frame;
}

Deno.test("FrameDecoder.next() throws by the 1,024th byte of a line that does not end", async () => {
  await forEachSeed(20, (random) => {
    const endless = Uint8Array.from(random.bytes(2000), (byte) => byte === 0x0a ? 0x61 : byte);
    const chunks = random.chunks(endless);
    let arrived = 0;
    const { error } = decode(chunks.filter((chunk) => {
      const needed = arrived < MAX_LINE_BYTES;
      arrived += chunk.length;
      return needed;
    }));
    assert(error?.startsWith("a line of more than 1024 bytes: "), error);
  });
});

Deno.test("FrameDecoder.next() gives back the frames that FrameBatch wrote, in any chunks", async () => {
  await forEachSeed(300, (random) => {
    const frames = randomFrames(random);
    const batch = new FrameBatch();
    const written: Uint8Array[] = [];
    for (const frame of frames) {
      batch.add(frame);
      if (random.oneIn(3)) written.push(batch.take().slice());
    }
    const bytes = bytesOf(...written, batch.take());
    assertEquals(decode(random.chunks(bytes)), { frames, error: undefined, midFrame: false });
  });
});

Deno.test("FrameDecoder.next() gives every whole frame of a sequence that breaks off", async () => {
  await forEachSeed(300, (random) => {
    const frames = randomFrames(random);
    const encoded = frames.map(encodeFrame);
    const cut = random.below(bytesOf(...encoded).length + 1);
    const whole = countWhole(encoded, cut);
    const midFrame = bytesOf(...encoded.slice(0, whole)).length < cut;
    assertEquals(decode(random.chunks(bytesOf(...encoded).subarray(0, cut))), {
      frames: frames.slice(0, whole),
      error: undefined,
      midFrame,
    });
  });
});

Deno.test("FrameDecoder.next() gives the frames before a damaged byte, then an error or the rest", async () => {
  let errors = 0;
  await forEachSeed(1000, (random) => {
    const frames = randomFrames(random);
    const encoded = frames.map(encodeFrame);
    const bytes = bytesOf(...encoded);
    const at = random.below(bytes.length);
    const untouched = countWhole(encoded, at);
    const result = decode(random.chunks(damaged(random, bytes, at)));

    assertEquals(result.frames.slice(0, untouched), frames.slice(0, untouched));
    const behind = result.frames.slice(untouched);
    if (result.error !== undefined) {
      errors++;
      assertLessOrEqual(behind.length, 1);
    } else if (behind.length > 1) {
      const rest = behind.slice(1);
      assertEquals(rest, frames.slice(-rest.length));
    }
  });
  assertGreater(errors, 200);
  assertGreater(1000 - errors, 200);
});

/** How many of the encoded frames lie wholly before a place. */
function countWhole(encoded: readonly Uint8Array[], place: number): number {
  let end = 0;
  const next = encoded.findIndex((bytes) => (end += bytes.length) > place);
  return next < 0 ? encoded.length : next;
}

/** The bytes with one at a place replaced, removed or put in. */
function damaged(random: Random, bytes: Uint8Array, at: number): Uint8Array {
  const wrong = random.pick([random.bytes(1), bytesOf(random.pick(["\n", "\r", " ", "0", "9"]))]);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + 1)];
  switch (random.below(3)) {
    case 0:
      return bytesOf(before, wrong, after);
    case 1:
      return bytesOf(before, after);
    default:
      return bytesOf(before, wrong, bytes.subarray(at));
  }
}

Deno.test("encodeFrame() makes one good line of TERMINATE, whatever its text", async () => {
  await forEachSeed(200, (random) => {
    const units = Array.from({ length: random.below(3000) }, () => random.below(0x10000));
    const ascii = units.map((unit) => random.oneIn(2) ? unit % 128 : unit);
    const text = String.fromCharCode(...ascii);
    const bytes = encodeFrame({ type: "TERMINATE", reason: "protocol", text });
    assertLessOrEqual(bytes.length, MAX_LINE_BYTES);
    const [frame, ...more] = decode([bytes]).frames;
    assertEquals(more, []);
    assert(frame?.type === "TERMINATE", frame?.type);
    const clean = text.toWellFormed().replace(/\p{Cc}/gu, " ").replaceAll("\ufffd", " ");
    assert(clean.startsWith(frame.text.replaceAll("\ufffd", " ")), frame.text);
  });
});
