/**
 * Summaries in several lines of 80 columns, as people see them; the last line is the verdict.
 *
 * @module
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { eventText } from "../../lib/output/event_text.ts";
import { isLost } from "../../lib/output/summary_text.ts";
import type { EndedBy, EndReason } from "../../lib/session/close_reason.ts";
import type { Event, Total } from "../../lib/session/events.ts";
import { Counters, type SeqRange, type Summary } from "../../lib/session/ledger.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { eventOf, summaryOf } from "../support/events.ts";
import { forEachSeed, type Random } from "../support/random.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

const PEER = "192.0.2.1:4000";

function linesOf(event: Event, role: Role = "client", peer = PEER): readonly string[] {
  return eventText(event, role, DEFAULT_TIMERS, peer)!.lines!;
}

function summaryLines(
  fields: Partial<Summary> & { by?: EndedBy; reason?: EndReason; text?: string },
  role?: Role,
): readonly string[] {
  const ended = { by: "self", reason: "done", connections: 1 } as const;
  return linesOf(eventOf("summary", { ...summaryOf({}), ...ended, ...fields }), role);
}

const HEALTHY = { data_sent: 3, data_received: 3, data_confirmed: 3, duration_ms: 1_047 };
const DEAD = {
  data_sent: 13,
  data_received: 13,
  data_confirmed: 12,
  duration_ms: 27_682,
  in_doubt: [[13, 13]] as SeqRange[],
  reason: "silent",
  rtt_min_ms: 1.762,
  rtt_avg_ms: 474.1,
  rtt_max_ms: 5_633,
  silences: 2,
  longest_silence_ms: 11_002,
  longest_idle_ms: 3_009,
  heartbeats_sent: 6,
  heartbeats_missed: 5,
  local_stalls: 1,
} as const;

Deno.test("eventText() shows the summary of a session without trouble in four lines", () => {
  assertEquals(summaryLines({ ...HEALTHY, longest_idle_ms: 1_001 }), [
    "--- pulsewire client: session 5e55 with 192.0.2.1:4000 ---",
    "3 data messages sent, 3 confirmed, in 1.047 s",
    "no silence; longest time without traffic 1.001 s",
    "ended as asked: 3 of 3 data messages confirmed, none in doubt",
  ]);
});

Deno.test("eventText() shows all of the summary of a session that died, and the verdict last", () => {
  assertEquals(summaryLines(DEAD), [
    "--- pulsewire client: session 5e55 with 192.0.2.1:4000 ---",
    "13 data messages sent, 12 confirmed, in 27.682 s",
    "round trip min/avg/max 1.762/474.1/5633 ms",
    "2 silences, the longest 11.002 s",
    "longest time without traffic 3.009 s (heartbeats are traffic)",
    "1 local stall of this side",
    "heartbeats 6 sent, 0 answered, 5 missed, 0 received",
    "lost (silent): 12 of 13 data messages confirmed, in doubt: 13",
  ]);
  const server = summaryLines(DEAD, "server");
  assertEquals(server.slice(0, 2), [
    "--- pulsewire server: session 5e55 with 192.0.2.1:4000 ---",
    "13 data messages received, 12 confirmed, in 27.682 s",
  ]);
  assertEquals(server.at(-1), "lost (silent): 12 of 13 data messages confirmed, in doubt: 13");
});

Deno.test("eventText() shows no time without traffic that is too short to be measured", () => {
  const lines = summaryLines({ ...HEALTHY, longest_idle_ms: 499 });
  assertEquals(lines[2], "no silence");
  assertEquals(summaryLines({ ...DEAD, longest_idle_ms: 1 })[4], "1 local stall of this side");
});

Deno.test("eventText() lists in lines of their own what is in doubt if it is much, or held", () => {
  const in_doubt = Array.from({ length: 30 }, (_, n): SeqRange => [10 * n + 1, 10 * n + 5]);
  const lines = summaryLines({ ...HEALTHY, data_sent: 300, data_confirmed: 150, in_doubt });
  assertEquals(
    lines[2],
    "in doubt: 1 to 5, 11 to 15, 21 to 25, 31 to 35, 41 to 45, 51 to 55, 61 to 65, 71",
  );
  assertEquals(lines[3]!.slice(0, 13), "  to 75, 81 t");
  assertEquals(lines.at(-1), "ended as asked: 150 of 300 data messages confirmed, 150 in doubt");
  const held = summaryLines({ ...DEAD, held: "store" });
  assertEquals(held[2], "in doubt: 13, waiting for the server's store");
});

Deno.test("eventText() shows in lines of their own what of the input is left, and each connection", () => {
  const count = { sent: 9, received: 0, confirmed: 6, resent: 3, in_doubt: 3 };
  const lines = summaryLines({
    ...HEALTHY,
    lines_unsent: 2,
    input_ended: false,
    connections: 7,
    data_resent: 3,
    by_connection: Array.from({ length: 6 }, () => ({ ...count, age_ms: 3_664, idle_ms: 27 })),
  });
  assertEquals(lines.slice(2, 7), [
    "2 lines were read but never sent",
    "the input was not read to its end",
    "7 connections, 3 data messages sent again; the last 5:",
    ...Array(2).fill(
      "  9 sent, 3 again, 6 confirmed, 3.664 s old, idle for 0.027 s",
    ),
  ]);
});

Deno.test("eventText() names how a session ended in the verdict", () => {
  const verdict = (by: EndedBy, reason: EndReason, connections = 1, role: Role = "client") =>
    summaryLines({ by, reason, connections }, role).at(-1)!.split(":")[0];
  assertEquals(verdict("self", "shutdown"), "ended as asked");
  const forced = { by: "self", reason: "shutdown", text: "cannot write the store" } as const;
  const last = summaryLines({ ...forced, in_doubt: [] }, "server").at(-1)!;
  assertEquals(last.split(":")[0], "lost (store or output failed)");
  assertEquals([isLost(forced, "server"), isLost({ ...forced, text: "" }, "server")], [
    true,
    false,
  ]);
  assertEquals(verdict("peer", "done", 1, "server"), "ended as asked");
  assertEquals(verdict("peer", "shutdown"), "lost (the server stopped)");
  assertEquals(verdict("peer", "silent"), "lost (declared dead by the peer)");
  assertEquals(verdict("network", "reset"), "lost (connection reset)");
  assertEquals(verdict("self", "failed"), "lost (failed)");
  assertEquals(verdict("peer", "refused"), "refused");
  assertEquals(verdict("network", "name_not_found", 0), "never open (name not found)");
  assertEquals(verdict("self", "done", 0), "never open (its time was over)");
  const unknown = { by: undefined, reason: undefined };
  assertEquals(summaryLines(unknown).at(-1)!.split(":")[0], "ended");
});

function totalOf(fields: Partial<Total>): Total {
  const none = { p50_ms: null, p99_ms: null, max_ms: null } as Total["round_trips"];
  return {
    ...new Counters(),
    sessions: 1_000,
    started: 1_000,
    duration_ms: 15_465,
    phases: { data: 1_000, heartbeat: 0, connecting: 0, terminated: 0 },
    ended_as_asked: 1_000,
    lost: 0,
    unconnected: 0,
    refused: 0,
    round_trips: none,
    overshoots: none,
    ...fields,
  };
}

Deno.test("eventText() shows the total of many sessions in lines, and the verdict last", () => {
  const data = { opened: 1_000, data_sent: 2_997, data_confirmed: 2_997 };
  assertEquals(linesOf(eventOf("total", totalOf(data))), [
    "--- pulsewire client: total of 1000 sessions ---",
    "1000 opened, in 15.465 s",
    "at the end 1000 in the data phase, 0 in the heartbeat phase, 0 connecting",
    "ended as asked 1000, lost 0, refused 0, never connected 0",
    "2997 data messages sent, 2997 confirmed, 0 sent again, 0 in doubt",
    "0 silences, 0 connections lost and 0 resumed",
    "no server was declared dead",
    "1000 of 1000 sessions ended as asked: 2997 confirmed, none in doubt",
  ]);
});

Deno.test("eventText() counts one death and one hold as one time", () => {
  const overshoots = { p50_ms: 1, p99_ms: 1, max_ms: 1 };
  const lines = linesOf(eventOf("total", totalOf({ deaths: 1, holds: 1, overshoots })));
  const told = lines.filter((line) => /dead|held up/.test(line));
  assertEquals(told, [
    "confirmations held up at the server 1 time",
    "server declared dead 1 time, late by p50/p99/max 1/1/1 ms",
  ]);
});

/** A number of any size. */
function count(random: Random): number {
  return random.oneIn(3) ? 0 : random.below(10 ** random.between(1, 9));
}

/** The fields of something, each number a random one. */
function randomised<T extends object>(random: Random, fields: T): T {
  const entries = Object.entries(fields).map((
    [key, value],
  ) => [key, typeof value === "number" || value === null ? count(random) : value]);
  return Object.fromEntries(entries);
}

function randomSummary(random: Random): Event {
  const connection = { sent: 0, received: 0, confirmed: 0, resent: 0, in_doubt: 0 };
  const ended = { ...connection, age_ms: 0, idle_ms: 0 };
  const list = <T>(most: number, make: () => T) => Array.from({ length: random.below(most) }, make);
  const summary = randomised(random, summaryOf({}));
  return {
    ...eventOf("summary", {
      ...summary,
      in_doubt: list(50, (): SeqRange => [1, 1 + count(random)]),
      by_connection: list(9, () => randomised(random, ended)),
      by: random.pick(["self", "peer", "network"]),
      reason: random.pick(["done", "silent", "name_not_found", "superseded", "protocol"]),
      ...random.oneIn(2) && { held: random.pick(["store", "output", "room"] as const) },
      ...random.oneIn(2) && { lines_unsent: count(random), input_ended: random.oneIn(2) },
    }),
    session: "x".repeat(random.between(1, 64)),
  };
}

Deno.test("eventText() shows no summary and no total wider than 80 columns, with the verdict in one line", () => {
  return forEachSeed(300, (random) => {
    const peer = random.pick([PEER, "[2001:db8:1234:5678:9abc:def0:1234:5678%interface]:65535"]);
    const percentiles = () => randomised(random, { p50_ms: 0, p99_ms: 0, max_ms: 0 });
    const total = randomised(
      random,
      totalOf({ round_trips: percentiles(), overshoots: percentiles() }),
    );
    for (const event of [randomSummary(random), eventOf("total", total)]) {
      for (const role of ["client", "server"] as const) {
        const lines = linesOf(event, role, peer);
        for (const line of lines) assertLessOrEqual(line.length, 80, line);
        assert(/^\S.*: .* confirmed, .*in doubt/.test(lines.at(-1)!), lines.at(-1));
      }
    }
  });
});
