/**
 * Accounts as text: what fits a line, what is left of garbled ones, and how the peer's times are placed.
 *
 * @module
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { accountOf, areOne, bothSeen, readAccount } from "../../lib/evidence/account.ts";
import { type FrameNote, OutageLog } from "../../lib/evidence/outage_log.ts";
import { frameLine, parseLine } from "../../lib/wire/line.ts";
import { type JsonObject, MAX_LINE_BYTES } from "../../lib/wire/protocol.ts";
import { bytesOf } from "../support/decoding.ts";
import { forEachSeed, type Random } from "../support/random.ts";

/** A log with everything that it may have, and numbers and times as large as they come. */
function fullLog(): OutageLog {
  const log = new OutageLog({ sent: [], received: [] });
  const at_ms = -86_400_000.123;
  for (let n = 0; n < 100; n++) {
    const frame = n % 2 === 0 ? "HEARTBEAT" : "HEARTBEAT_REPLY";
    log.sent.add({ frame, n: 1_000_000_000 + n, at_ms });
    log.received.add({ frame: "DATA", n: 1_000_000_000_000 + n, at_ms, bytes: 268_435_456 });
    log.addStall({ earliest_ms: at_ms, from_ms: at_ms, to_ms: at_ms + n });
  }
  log.noticed = { how: "silent", at_ms };
  log.over_ms = log.closed_ms = at_ms;
  log.causes = ["process_not_running", "large_packets", "not_reading"];
  log.transmits = false;
  log.held = "output";
  log.in_doubt = log.settled = 16_384;
  log.measured = { detected_ms: 86_400_000.123, predicted_ms: 86_400_000 };
  return log;
}

Deno.test("accountOf() fits a line, whatever the log has", () => {
  const account = accountOf(fullLog(), 86_400_000.456);
  const line = frameLine({ type: "ACCOUNT", account });
  assertLessOrEqual(line.length, MAX_LINE_BYTES);
  assertEquals(parseLine(bytesOf(line.slice(0, -1))), { type: "ACCOUNT", account });
});

Deno.test("readAccount() reads what accountOf() makes", () => {
  const log = new OutageLog({
    sent: [{ frame: "DATA", n: 7, at_ms: 1_000, bytes: 5 }],
    received: [{ frame: "CONFIRM", n: 6, at_ms: 900.5 }],
  });
  log.noticed = { how: "reset", at_ms: 2_000 };
  log.closed_ms = 2_000;
  log.over_ms = 2_500;
  log.addStall({ earliest_ms: 1_050, from_ms: 1_100, to_ms: 1_200, kind: "suspended" });
  log.addKernel({ cause: "reset" });
  log.transmits = true;
  log.held = "store";
  log.in_doubt = log.settled = 1;
  log.measured = { detected_ms: 3, predicted_ms: 4 };
  const account = accountOf(log, 3_000, { n: 7 });
  assertEquals(account, {
    n: 7,
    sent: { DATA: [[7, 2_000, 5]] },
    received: { CONFIRM: [[6, 2_099.5]] },
    noticed: ["reset", 1_000],
    over: 500,
    closed: 1_000,
    detected: [3, 4],
    stalls: [[1_950, 1_900, 1_800, "suspended"]],
    causes: ["reset"],
    transmits: true,
    held: "store",
    in_doubt: 1,
    settled: 1,
  });
  assertEquals(readAccount(account), {
    sent: [{ frame: "DATA", n: 7, age_ms: 2_000, bytes: 5 }],
    received: [{ frame: "CONFIRM", n: 6, age_ms: 2_099.5 }],
    noticed: { how: "reset", age_ms: 1_000 },
    over_ms: 500,
    closed_ms: 1_000,
    measured: { detected_ms: 3, predicted_ms: 4 },
    stalls: [{ earliest_ms: 1_950, from_ms: 1_900, to_ms: 1_800, kind: "suspended" }],
    causes: ["reset"],
    transmits: true,
    held: "store",
    in_doubt: 1,
    settled: 1,
    n: 7,
    isAnswer: false,
    answers: undefined,
    isSeen: true,
  });
});

/** What an account is that says nothing. */
const NOTHING = {
  sent: [],
  received: [],
  over_ms: undefined,
  closed_ms: undefined,
  stalls: [],
  causes: [],
  in_doubt: undefined,
  settled: undefined,
  n: undefined,
  isAnswer: false,
  answers: undefined,
};

Deno.test("readAccount() leaves out whatever is not of the right form", () => {
  const wrong: unknown[] = [null, 1, "x", [], {}, [[]], [null], { DATA: 1 }, { DATA: [[1]] }];
  for (const value of [...wrong, { DATA: [[-1, 5]] }, { DATA: [["1", 5]] }, { HELLO: [[1, 1]] }]) {
    const keys = ["sent", "received", "noticed", "stalls", "causes", "detected"];
    const account = Object.fromEntries(keys.map((key) => [key, value]));
    const isSeen = typeof value === "object" && value !== null && !Array.isArray(value);
    assertEquals(readAccount(account), { ...NOTHING, isSeen }, JSON.stringify(value));
  }
  for (const value of [null, -1, "1", true, [1], 1e999]) {
    const account = { over: value, closed: value, in_doubt: value, settled: value, answer: value };
    assertEquals(
      readAccount(account),
      { ...NOTHING, isAnswer: value === true, isSeen: false },
      JSON.stringify(value),
    );
  }
  assertEquals(readAccount({ held: "__proto__", transmits: 1, causes: ["toString"] }), {
    ...NOTHING,
    isSeen: false,
  });
});

Deno.test("an answer repeats the number of the account that it answers", () => {
  const { answers, isAnswer } = readAccount(accountOf(fullLog(), 0, { answer: 3 }));
  assertEquals([answers, isAnswer], [3, true]);
});

Deno.test("readAccount() takes a bounded number of frames", () => {
  const sent = { DATA: Array.from({ length: 100 }, (_, n) => [n, 0]) };
  assertEquals(readAccount({ sent, received: {} }).sent.length, 12);
});

/** A client's log and a server's account of the same frames, with a true offset between the clocks. */
function exchanged(random: Random, offset_ms: number): { log: OutageLog; account: JsonObject } {
  const sent: FrameNote[] = [];
  const received: FrameNote[] = [];
  const log = new OutageLog({ sent: [], received: [] });
  for (let n = 1, at_ms = 1_000; n <= 4; n++, at_ms += 1_000) {
    const there_ms = at_ms + random.below(200);
    const back_ms = there_ms + random.below(200);
    log.sent.add({ frame: "DATA", n, at_ms });
    received.push({ frame: "DATA", n, at_ms: there_ms + offset_ms });
    sent.push({ frame: "CONFIRM", n, at_ms: there_ms + offset_ms });
    log.received.add({ frame: "CONFIRM", n, at_ms: back_ms });
  }
  const theirs = new OutageLog({ sent, received });
  theirs.noticed = { how: "silent", at_ms: 7_000 + offset_ms };
  return { log, account: accountOf(theirs, 9_000 + offset_ms) };
}

Deno.test("bothSeen() places the peer's times so that the true ones lie in the intervals", async () => {
  await forEachSeed(500, (random) => {
    const offset_ms = (random.below(2_000_001) - 1_000_000) / 7;
    const { account, log } = exchanged(random, offset_ms);
    const received_ms = 9_000 + random.below(300);
    const both = bothSeen("client", log, readAccount(account), { received_ms })!;
    const [low, high] = both.server.noticed!.at;
    assert(low <= 7_000 + 0.01 && high >= 7_000 - 0.01, `${low} to ${high}`);
    assertLessOrEqual(high - low, 400);
  });
});

Deno.test("bothSeen() knows nothing of an account that contradicts what this side saw", () => {
  const log = new OutageLog({
    sent: [{ frame: "DATA", n: 1, at_ms: 1_000 }],
    received: [{ frame: "CONFIRM", n: 1, at_ms: 1_010 }],
  });
  const peer = (received: number, sent: number) =>
    readAccount({ received: { DATA: [[1, received]] }, sent: { CONFIRM: [[1, sent]] } });
  const exchange = { received_ms: 5_000 };
  assert(bothSeen("client", log, peer(3_995, 3_995), exchange));
  // It says that it had the message before that was sent.
  assertEquals(bothSeen("client", log, peer(4_500, 4_400), exchange), undefined);
});

Deno.test("areOne() takes an outage that was over before the other side noticed one for another outage", () => {
  const side = { sent: [], received: [], stalls: [], causes: [] };
  const seen = (over: number, noticed: readonly [number, number], perhaps = false) =>
    areOne({
      client: {
        ...side,
        role: "client",
        noticed: { how: "silent", at: [0, 0] },
        over: [over, over],
      },
      server: { ...side, role: "server", noticed: { how: "silent", at: noticed } },
    }, perhaps);
  assertEquals(seen(10, [5, 9]), true);
  assertEquals(seen(10, [9, 12]), false);
  assertEquals(seen(10, [9, 12], true), true);
  assertEquals(seen(10, [11, 12]), false);
  assertEquals(seen(10, [-Infinity, 12]), false);
  assertEquals(seen(10, [-Infinity, 12], true), true);
});

Deno.test("bothSeen() expects nothing of the peer that was sent when the outage was over", () => {
  const log = new OutageLog({
    sent: [{ frame: "CONFIRM", n: 1, at_ms: 1_000 }],
    received: [{ frame: "DATA", n: 1, at_ms: 1_000 }],
  });
  log.over_ms = 4_000;
  const peer = readAccount({ sent: { DATA: [[1, 4_010]] }, received: { CONFIRM: [[1, 3_990]] } });
  const { client } = bothSeen("server", log, peer, { received_ms: 5_000 })!;
  assertEquals(client.open_until, [4_000, 4_000]);
});

Deno.test("an OutageLog has the first frames in vain, however many came through before", () => {
  const log = new OutageLog({ sent: [{ frame: "DATA", n: 7, at_ms: 0 }], received: [] });
  for (let n = 1; n <= 9; n++) {
    log.sent.add({ frame: "HEARTBEAT", n, at_ms: 1_000 * n });
    log.received.add({ frame: "HEARTBEAT_REPLY", n, at_ms: 1_000 * n + 1 });
    log.onAnswer(true, 1_000 * n + 1);
  }
  for (let n = 10; n < 30; n++) {
    log.sent.add({ frame: "HEARTBEAT", n, at_ms: 1_000 * n });
    log.onMissed(1_000 * n + 500);
  }
  assertEquals(log.sent.all.slice(0, 3).map(({ n }) => n), [7, 10, 11]);
  assertEquals(log.received.all.map(({ n }) => n), [9]);
});
