/**
 * Which frames of a session are kept in memory.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { LastFrames } from "../../../lib/evidence/recording/last_frames.ts";

/** Adds frames, written as `> DATA 1`, one each microsecond; gives what is taken as `1 > DATA 1`. */
function stage() {
  const frames = new LastFrames();
  let mono_us = 0;
  const add = (text: string, { connection = 1, isTaken = false } = {}) => {
    const [way, type, n = "-1"] = text.split(" ");
    const wall_ms = 1_000 + mono_us;
    frames.add(way === ">", type!, Number(n), connection, wall_ms, ++mono_us, isTaken);
  };
  const take = (depth = 16) =>
    frames.take(depth).map(({ isSent, mono_us, n, type }) =>
      [mono_us, isSent ? ">" : "<", type, ...n === -1 ? [] : [n]].join(" ")
    );
  return { add, take, frames };
}

Deno.test("LastFrames.take() gives the last frames of each direction, in order, each once", () => {
  const { add, take } = stage();
  assertEquals(take(), []);
  for (let n = 1; n <= 40; n++) {
    add(`> DATA ${n}`);
    add(`< CONFIRM ${n}`);
  }
  assertEquals(take(2), ["77 > DATA 39", "78 < CONFIRM 39", "79 > DATA 40", "80 < CONFIRM 40"]);
  assertEquals(take(3), ["75 > DATA 38", "76 < CONFIRM 38"]);
  assertEquals(take().length, 26);
  assertEquals(take(), []);
});

Deno.test("LastFrames keeps all that there is to say of a frame", () => {
  const { add, frames } = stage();
  add("> HELLO");
  add("> DATA 9007199254740991", { connection: 1_000_000 });
  add("< HOLD", { isTaken: true });
  assertEquals(frames.take(16), [
    { isSent: true, type: "HELLO", n: -1, connection: 1, wall_ms: 1_000, mono_us: 1 },
    {
      isSent: true,
      type: "DATA",
      n: 9_007_199_254_740_991,
      connection: 1_000_000,
      wall_ms: 1_001,
      mono_us: 2,
    },
  ]);
});

Deno.test("LastFrames keeps the first frame that was sent in vain, however many follow", () => {
  const { add, take } = stage();
  for (let n = 1; n <= 3; n++) add(`> DATA ${n}`);
  add("< CONFIRM 1");
  for (let n = 4; n <= 100; n++) add(`> DATA ${n}`);
  assertEquals(take(1), ["2 > DATA 2", "4 < CONFIRM 1", "101 > DATA 100"]);
});

Deno.test("LastFrames keeps no frame as sent in vain that was answered", () => {
  const { add, take } = stage();
  for (let n = 1; n <= 20; n++) add(`> DATA ${n}`);
  add("< CONFIRM 19");
  assertEquals(take(1), ["20 > DATA 20", "21 < CONFIRM 19"]);
  for (let n = 21; n <= 60; n++) add(`> DATA ${n}`);
  add("< CONFIRM 20");
  assertEquals(take(1).length, 2, "DATA 20 was in vain no more");
});

Deno.test("LastFrames has heartbeats of each connection apart", () => {
  const { add, take } = stage();
  add("> HEARTBEAT 1");
  add("< HEARTBEAT_REPLY 1");
  add("> HEARTBEAT 1", { connection: 2 });
  for (let n = 1; n <= 20; n++) add("> CONFIRM 1", { connection: 2 });
  assertEquals(take(1), ["2 < HEARTBEAT_REPLY 1", "3 > HEARTBEAT 1", "23 > CONFIRM 1"]);
  add("< HEARTBEAT_REPLY 1", { connection: 2 });
  for (let n = 1; n <= 20; n++) add("> CONFIRM 1", { connection: 2 });
  assertEquals(take(1).length, 2);
});
