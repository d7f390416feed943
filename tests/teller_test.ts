/**
 * Telling events: in order, a moment later, with the time at which they happened.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Event } from "../lib/events.ts";
import { LineOutput } from "../lib/output.ts";
import { Teller, type TellerOptions } from "../lib/teller.ts";
import { DEFAULT_TIMERS } from "./support/stage.ts";
import { settle, VirtualClock } from "./support/virtual_clock.ts";

const TIME = "2026-11-22T06:43:42.686Z";

function sent(seq: number, session: string | null = "s"): Event {
  return { time: TIME, event: "data_sent", session, seq, bytes: 1 };
}

function notice(text: string): Event {
  return { time: TIME, event: "notice", session: null, level: "warning", text };
}

/** A teller, what it has logged, and what it has written as JSON. */
function stage(options: Partial<TellerOptions> = {}) {
  const logged: string[] = [];
  const written: Uint8Array[] = [];
  const write = (bytes: Uint8Array) => Promise.resolve(written.push(bytes) && bytes.length);
  const teller = new Teller({
    role: "client",
    timers: DEFAULT_TIMERS,
    log: {
      line: (level, text, session, time) => logged.push([level, text, session, time].join(" | ")),
      close: () => {},
    },
    tellsAll: true,
    json: new LineOutput({ write }, () => {}),
    many: false,
    clock: new VirtualClock(),
    ...options,
  });
  const json = async () => {
    await settle();
    const text = written.map((bytes) => new TextDecoder().decode(bytes)).join("");
    return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  };
  return { teller, logged, json };
}

Deno.test("Teller tells events in order when the turn is over, of their own time", async () => {
  const { teller, logged, json } = stage();
  teller.emit(sent(1));
  teller.emit(sent(2));
  assertEquals(logged, []);
  await settle();
  assertEquals(logged, [
    `info | data message 1 sent, 1 byte | s | ${TIME}`,
    `info | data message 2 sent, 1 byte | s | ${TIME}`,
  ]);
  assertEquals((await json()).map(({ seq }) => seq), [1, 2]);
});

Deno.test("Teller.flush() tells at once what waits, and nothing twice", async () => {
  const { teller, logged } = stage();
  teller.emit(sent(1));
  teller.flush();
  assertEquals(logged.length, 1);
  await settle();
  assertEquals(logged.length, 1);
});

Deno.test("Teller keeps no more than 65,536 events waiting", () => {
  const { teller, logged } = stage({ json: undefined });
  for (let seq = 1; seq <= 65_536; seq++) teller.emit(sent(seq));
  assertEquals(logged.length, 65_536);
});

Deno.test("Teller writes no notice as JSON, and logs it", async () => {
  const { teller, logged, json } = stage();
  teller.emit(notice("look here"));
  assertEquals(await json(), []);
  assertEquals(logged, [`warning | look here |  | ${TIME}`]);
});

Deno.test("Teller logs of each of many sessions only what is not as it should be", async () => {
  const { teller, logged, json } = stage({ many: true });
  teller.emit(sent(1));
  teller.emit({ time: TIME, event: "heartbeat_missed", session: "s", n: 1, missed: 1, left: 3 });
  teller.emit(notice("look here"));
  assertEquals((await json()).length, 2);
  assertEquals(logged.map((line) => line.split(" | ")[0]), ["warning", "warning"]);
});

/** Heartbeats are missed, one by each of so many sessions. */
function missEach(teller: Teller, sessions: number): void {
  for (let n = 1; n <= sessions; n++) {
    const missed = { n: 1, missed: 1, left: 3 };
    teller.emit({ time: TIME, event: "heartbeat_missed", session: `s${n}`, ...missed });
  }
}

/** When it is told, by the clock of the teller. */
const NOW = "2026-11-22T00:00:00.000Z";
const MISSED = "heartbeat 1 missed, 1 in a row; dead after 3 more";

Deno.test("Teller logs of what many sessions have in common a part, and writes all of it as JSON", async () => {
  const { teller, logged, json } = stage({ many: true });
  missEach(teller, 100);
  teller.emit(notice("that was all"));
  await settle();
  assertEquals(logged, [
    ...["s1", "s2", "s3"].map((session) => `warning | ${MISSED} | ${session} | ${TIME}`),
    `warning | and 97 more, the last of them: ${MISSED} | s100 | ${NOW}`,
    `warning | that was all |  | ${TIME}`,
  ]);
  assertEquals((await json()).map(({ session }) => session).slice(-2), ["s99", "s100"]);
});

Deno.test("Teller.flush() logs all that it has held back; of one session it holds back nothing", () => {
  const many = stage({ many: true });
  missEach(many.teller, 5);
  many.teller.flush();
  assertEquals(many.logged.length, 4);
  const one = stage();
  missEach(one.teller, 5);
  one.teller.flush();
  assertEquals(one.logged.length, 5);
});

for (
  const [tellsAll, hasJson, many, wants] of [
    [true, true, false, true],
    [true, false, false, true],
    [false, false, false, false],
    [false, true, false, true],
    [true, false, true, false],
    [true, true, true, true],
  ] as const
) {
  const how = `log ${tellsAll}, JSON ${hasJson}, many ${many}`;
  Deno.test(`Teller wants the events of data messages: ${wants} with ${how}`, () => {
    const json = hasJson ? {} : { json: undefined };
    assertEquals(stage({ tellsAll, many, ...json }).teller.wantsMessages, wants);
  });
}
