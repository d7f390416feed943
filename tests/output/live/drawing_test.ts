/**
 * What the live view shows, line by line, at the widths that matter.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { draw } from "../../../lib/output/live/drawing.ts";
import type { Presentation, Readings } from "../../../lib/output/live/readings.ts";
import { NO_TOTALS } from "../../support/fake_monitor.ts";
import {
  historyOf,
  NOW_MS,
  OUTAGE,
  readingsOf,
  shownAt,
  SILENT,
  WELL,
} from "../../support/live_readings.ts";

/** The block as text; every line is narrower than the terminal. */
function block(readings: Readings, how: Presentation): string {
  const lines = draw(readings, how);
  for (const { text, width } of lines) {
    assertEquals(width, [...text].length);
    assert(width < how.size.columns, text);
  }
  assert(lines.length < how.size.rows);
  return lines.map(({ text }) => `${text}\n`).join("");
}

const many: Readings = {
  now_ms: NOW_MS,
  started_ms: NOW_MS - 7_200_000,
  totals: {
    ...NO_TOTALS,
    phases: { connecting: 3, data: 9_980, heartbeat: 17, terminated: 0 },
    silent: 12,
    held: 4,
    opened: 10_231,
    disconnected: 3,
    resumed: 2,
    ended: [
      { by: "self", reason: "done", count: 220 },
      { by: "network", reason: "silent", count: 11 },
    ],
    silences: 31,
    recoveries: 8,
    data_confirmed: 1_234_567,
    in_doubt: 14,
    round_trip: { p50_ms: 0.6, p99_ms: 3.216, max_ms: 9 },
  },
  matched: 10_000,
  rows: [
    SILENT,
    { ...SILENT, session: "mill", peer: "[2001:db8::1]:50000", state_ms: 4_000, missed: 0 },
    { ...WELL, session: "mill-8", state: "away", due: { what: "forget", in_ms: 3_500_000 } },
    { ...WELL, session: "mill-9", due: { what: "silent", in_ms: 17_000 }, rtt_ms: null },
  ],
  lastOutage: OUTAGE,
};

Deno.test("draw() counts a session whose server stops as lost at the client, and as ended at the server", () => {
  const ended = [{ by: "peer", reason: "shutdown", count: 5 }, {
    by: "self",
    reason: "done",
    count: 2,
  }];
  const readings = { ...many, totals: { ...many.totals, ended } };
  const shown = (role: "client" | "server") =>
    /ended \d+ · lost \d+/.exec(block(readings, shownAt(250, { role })))![0];
  assertEquals([shown("client"), shown("server")], ["ended 2 · lost 5", "ended 7 · lost 0"]);
});

Deno.test("draw() shows one session at 40 columns", () => {
  assertEquals(
    block(readingsOf(historyOf(SILENT, [OUTAGE])), shownAt(40)),
    `\
silent for 13.2 s · dead in 8.0 s
2 heartbeats missed, 2 left
heartbeat phase
session 8b9d2cfb1182a4da
to 192.0.2.7:4000 · 1h05m old
round trip 0.61 ms · p50 0.58 ms
p99 12.3 ms
▃▅▆██  ▆██ 80.0 s, up to 2.00 ms
sent 1,028 · confirmed 1,027
in doubt 1
1 outage · last 2m00s ago: path cut
50.0 s · recovered
? keys
`,
  );
});

Deno.test("draw() shows one session at 80 columns", () => {
  assertEquals(
    block(readingsOf(historyOf(WELL)), shownAt(80)),
    `\
ok for 2m13s · next data message in 3.2 s · data phase
session 8b9d2cfb1182a4da · to 192.0.2.7:4000 · 1h05m old
round trip 0.61 ms · p50 0.58 ms · p99 12.3 ms
▂▃▄▅▆▇██    ▆▇██ 80.0 s, up to 2.00 ms
sent 1,027 · confirmed 1,027 · in doubt 0
no outage
? keys
`,
  );
});

Deno.test("draw() shows one session at 250 columns", () => {
  assertEquals(
    block(readingsOf(historyOf(SILENT, [OUTAGE, OUTAGE])), shownAt(250, { role: "server" })),
    `\
silent for 13.2 s · dead in 8.0 s · 2 heartbeats missed, 2 left · heartbeat phase
session 8b9d2cfb1182a4da · from 192.0.2.7:4000 · 1h05m old
round trip 0.61 ms · p50 0.58 ms · p99 12.3 ms
▂▃▄▅▆▇██    ▆▇██ 80.0 s, up to 2.00 ms
received 0 · confirmed 1,027 · in doubt 1
2 outages · last 2m00s ago: path cut · 50.0 s · recovered
? keys
`,
  );
});

Deno.test("draw() shows many sessions at 40 columns", () => {
  assertEquals(
    block(many, shownAt(40, { role: "server" })),
    `\
10,000 sessions · 9,976 ok · 5 idle
4 held · 3 connecting · 12 silent
opened 10,231 · ended 220 · lost 11
silences 31, over 8 · disconnected 3
resumed 2 · confirmed 1,234,567
in doubt 14
round trip p50 0.60 ms, p99 3.22 ms
last outage 2m00s ago: path cut
50.0 s · recovered · 8b9d2cfb1182a4da
session  state      then
8b9d2cf… silent     dead in 8.0 s
mill     silent     dead in 8.0 s
mill-8   away       forgotten in 58m20s
mill-9   ok         silent in 17.0 s
? keys
`,
  );
});

Deno.test("draw() shows many sessions at 80 columns", () => {
  assertEquals(
    block(many, shownAt(80, { role: "server", order: "peer" })),
    `\
10,000 sessions · 9,976 ok · 5 idle · 4 held · 3 connecting · 12 silent
opened 10,231 · ended 220 · lost 11 · silences 31, over 8 · disconnected 3
resumed 2 · confirmed 1,234,567 · in doubt 14
round trip p50 0.60 ms, p99 3.22 ms
last outage 2m00s ago: path cut · 50.0 s · recovered · 8b9d2cfb1182a4da
session          peer*               state      for     then
8b9d2cfb1182a4da 192.0.2.7:4000      silent     13.2 s  dead in 8.0 s
mill             [2001:db8::1]:50000 silent     4.0 s   dead in 8.0 s
mill-8           192.0.2.7:4000      away       2m13s   forgotten in 58m20s
mill-9           192.0.2.7:4000      ok         2m13s   silent in 17.0 s
? keys
`,
  );
});

Deno.test("draw() shows many sessions at 250 columns", () => {
  const rows = many.rows.map((row) => ({ ...row, who: "mill-key" }));
  assertEquals(
    block({ ...many, rows }, shownAt(250, { order: "round_trip" })),
    `\
10,000 sessions · 9,976 ok · 5 idle · 4 held · 3 connecting · 12 silent
opened 10,231 · ended 220 · lost 11 · silences 31, over 8 · disconnected 3 · resumed 2 · confirmed 1,234,567 · in doubt 14 · round trip p50 0.60 ms, p99 3.22 ms
last outage 2m00s ago: path cut · 50.0 s · recovered · 8b9d2cfb1182a4da
session          key      peer                state      for     then                round trip* in doubt
8b9d2cfb1182a4da mill-key 192.0.2.7:4000      silent     13.2 s  dead in 8.0 s       0.61 ms     1
mill             mill-key [2001:db8::1]:50000 silent     4.0 s   dead in 8.0 s       0.61 ms     1
mill-8           mill-key 192.0.2.7:4000      away       2m13s   forgotten in 58m20s 0.61 ms     0
mill-9           mill-key 192.0.2.7:4000      ok         2m13s   silent in 17.0 s    -           0
? keys
`,
  );
});

Deno.test("draw() says so where there is no session", () => {
  const none = { ...many, matched: 0, rows: [], lastOutage: undefined };
  const fresh = { ...none, totals: NO_TOTALS };
  assertEquals(
    block(fresh, shownAt(80, { role: "server" })),
    "nobody is connected · running for 2h00m\n? keys\n",
  );
  assertEquals(
    block(none, shownAt(80, { role: "server", hasKeys: false })),
    "nobody is connected · running for 2h00m · 10,231 opened, 231 ended\n",
  );
  assertEquals(
    block(fresh, shownAt(80, { hasKeys: false })),
    "no session yet · running for 2h00m\n",
  );
});

Deno.test("draw() says so, too, where only lost sessions are left", () => {
  const lost = { ...SILENT, state: "lost" as const, due: undefined };
  const readings = { ...many, totals: NO_TOTALS, matched: 1, rows: [lost], lastOutage: undefined };
  const lines = block(readings, shownAt(80, { role: "server" })).split("\n");
  assertEquals(lines[0], "nobody is connected");
  assertEquals(lines[4]?.trimEnd(), "8b9d2cfb1182a4da 192.0.2.7:4000  lost       13.2 s");
});

Deno.test("draw() explains the keys, and says that it is paused", () => {
  const none = { ...many, matched: 0, rows: [], totals: NO_TOTALS };
  const foot = (how: Partial<Presentation>) => block(none, shownAt(80, how)).split("\n").slice(1);
  assertEquals(foot({ explainsKeys: true }), [
    "p pause · s sort (worst first) · q quit · ? hide keys",
    "",
  ]);
  assertEquals(foot({ isPaused: true }), ["paused: p goes on · ? keys", ""]);
  assertEquals(foot({ isPaused: true, hasKeys: false }), [""]);
});

Deno.test("draw() shows as many sessions as there are lines for", () => {
  for (let rows = 1; rows < 24; rows++) {
    const text = block(many, shownAt(80, { size: { columns: 80, rows: Math.max(2, rows) } }));
    assert(text.endsWith("? keys\n") || rows <= 2, text);
  }
  assertEquals(
    block(many, shownAt(80, { size: { columns: 80, rows: 3 } })),
    `\
10,000 sessions · 9,976 ok · 5 idle · 4 held · 3 connecting · 12 silent
? keys
`,
  );
});

Deno.test("draw() shows what a session waits for, and how it ended", () => {
  const first = (now: Partial<typeof WELL>, role: "client" | "server" = "client") =>
    block(readingsOf(historyOf({ ...WELL, ...now })), shownAt(120, { role })).split("\n")[0];
  assertEquals(
    first({ state: "held", held: "store" }),
    "held for 2m13s · next data message in 3.2 s · waits for the server's store · data phase",
  );
  assertEquals(
    first({ state: "away", due: { what: "dial", in_ms: 1_300 }, phase: "connecting" }),
    "away for 2m13s · dials again in 1.3 s · connecting phase",
  );
  assertEquals(
    first({
      state: "lost",
      phase: "terminated",
      due: undefined,
      end: { by: "network", reason: "reset" },
    }),
    "lost for 2m13s · reset, by the network · terminated phase",
  );
});

Deno.test("draw() styles what is wrong, and nothing without colours", () => {
  const lines = draw(readingsOf(historyOf(SILENT)), shownAt(80, { hasColours: true }));
  const [{ text, width }] = lines as [typeof lines[0]];
  assertEquals(
    text,
    "\x1b[1;31msilent for 13.2 s\x1b[0m\x1b[2m · \x1b[0m\x1b[1;31mdead in 8.0 s\x1b[0m\x1b[2m · \x1b[0m" +
      "\x1b[1;31m2 heartbeats missed, 2 left\x1b[0m",
  );
  assertEquals(width, "silent for 13.2 s · dead in 8.0 s · 2 heartbeats missed, 2 left".length);
  const plain = draw(readingsOf(historyOf(SILENT)), shownAt(80));
  assert(plain.every((line) => !line.text.includes("\x1b")));
});

Deno.test("draw() makes a peer's texts printable", () => {
  const now = { ...WELL, session: "\x1b[2Jx", who: "a\u202eb", peer: "p\nq" };
  const text = block(readingsOf(historyOf(now)), shownAt(80));
  assert(text.includes("session \\u001b[2Jx · key a\\u202eb · to p\\u000aq"), text);
  const table = block({ ...many, rows: [now, WELL] }, shownAt(120));
  assert(table.includes("\\u001b[2Jx"), table);
});

Deno.test("draw() says at which side the cause of an outage lies", () => {
  const outage = { ...OUTAGE, cause: "local_stall", at: "server" as const };
  const text = block(readingsOf(historyOf(WELL, [outage])), shownAt(80));
  assert(text.includes(" ago: local stall at the server · "), text);
});
