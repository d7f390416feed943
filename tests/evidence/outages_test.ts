import { assert, assertEquals } from "@std/assert";
import type { Interval } from "../../lib/evidence/clock_bounds.ts";
import { judge, type Judgement } from "../../lib/evidence/outages.ts";
import type { FrameSeen, SideSeen } from "../../lib/evidence/side.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { type Cut, CutPath, type SideLog } from "../support/cut_path.ts";
import { forEachSeed, type Random } from "../support/random.ts";
import { cutToServer, exactly, frame } from "../support/seen.ts";

/** How a moment of a side is known on the common clock. */
type Known = (at_ms: number) => Interval;

/** What a side saw, as the judge takes it. */
function sideOf(role: Role, log: SideLog, known: Known, end_ms: number, kernel: boolean): SideSeen {
  const frames = (list: SideLog["sent"]): FrameSeen[] =>
    list.map(({ at_ms, ...frame }) => ({ ...frame, connection: 1, at: known(at_ms) }));
  return {
    role,
    sent: frames(log.sent),
    received: frames(log.received),
    ...log.noticed_ms !== undefined && { noticed: { at: known(log.noticed_ms), how: "silent" } },
    ...log.over_ms !== undefined && { over: known(log.over_ms) },
    open_until: known(log.dead_ms ?? end_ms),
    stalls: log.stalls.map(({ due_ms, since_ms, to_ms }) => ({
      earliest_ms: known(since_ms)[0],
      from_ms: known(due_ms)[0],
      to_ms: known(to_ms)[1],
    })),
    causes: [],
    ...kernel && log.transmits !== undefined && { transmits: log.transmits },
  };
}

/** Runs a session over a path that is cut at a random moment. */
function judged(
  random: Random,
  interval_ms = 5_000,
  stops?: Role,
): { cut: Cut; path: CutPath; judgement: Judgement } {
  const from_ms = 4 * interval_ms + random.below(2_000 * interval_ms) / 1000;
  const lasts_ms = random.pick([3_000, 8_000, 15_000, 25_000, 1e9]);
  const direction = random.pick(["to_server", "to_client", "both"] as const);
  const cut = { direction, from_ms, to_ms: from_ms + lasts_ms };
  // A process that stops, instead of a cut.
  const path = stops
    ? new CutPath(random, { ...cut, to_ms: from_ms }, interval_ms, { ...cut, side: stops })
    : new CutPath(random, cut, interval_ms);
  path.run(120_000);
  const width_ms = random.pick([0, 0.5, 4]);
  const shift = random.below(1001) / 1000;
  // An offset that is known within an interval, and is the same for all moments of the server.
  const known: Known = (at_ms) => [at_ms - width_ms * shift, at_ms + width_ms * (1 - shift)];
  const kernel = random.oneIn(2);
  const { client, server } = path.logs;
  const judgement = judge({
    client: sideOf("client", client, exactly, 120_000, kernel),
    server: sideOf("server", server, known, 120_000, kernel),
  });
  return { cut, path, judgement };
}

/** Whether nothing was under way when the path was cut. */
function isQuiet({ from_ms }: Cut, path: CutPath): boolean {
  const all = [path.logs.client, path.logs.server].flatMap(({ received, sent }) => [
    ...received,
    ...sent,
  ]);
  return all.every(({ at_ms }) => at_ms < from_ms - 150 || at_ms > from_ms + 150);
}

Deno.test("judge() is never wrong about the direction of a cut between two exchanges", async () => {
  const counts: Record<string, number> = {};
  await forEachSeed(2_000, (random) => {
    const { cut, judgement: { began }, path } = judged(random);
    if (!isQuiet(cut, path)) return;
    const key = began === cut.direction ? began : `${cut.direction} judged ${began}`;
    counts[key] = (counts[key] ?? 0) + 1;
    assert(began === cut.direction || began === "unknown", `${cut.direction} judged ${began}`);
  });
  assert(counts.to_server! > 250 && counts.both! > 250, JSON.stringify(counts));
});

Deno.test("judge() is hardly ever wrong about the direction of a cut within an exchange", async () => {
  let wrong = 0;
  let right = 0;
  await forEachSeed(3_000, (random) => {
    const { cut, judgement: { began } } = judged(random);
    if (began === "unknown") return;
    if (began === cut.direction) right++;
    else wrong++;
  });
  assert(right > 1_500, `${right} right`);
  assert(wrong < right / 300, `${wrong} wrong, ${right} right`);
});

Deno.test("judge() says unknown where exchanges follow close on each other, rather than guess", async () => {
  const counts = { right: 0, wrong: 0, unknown: 0 };
  await forEachSeed(600, (random) => {
    const { cut, judgement: { began } } = judged(random, random.pick([20, 300, 1_000]));
    counts[began === "unknown" ? "unknown" : began === cut.direction ? "right" : "wrong"]++;
  });
  assert(counts.wrong <= 2 && counts.right > 100, JSON.stringify(counts));
});

Deno.test("judge() never takes a process that did not run for a path that was cut", async () => {
  const counts: Record<string, number> = {};
  await forEachSeed(2_000, (random) => {
    const side = random.pick(["client", "server"] as const);
    const { judgement: { at, began, cause } } = judged(random, random.pick([300, 5_000]), side);
    counts[cause] = (counts[cause] ?? 0) + 1;
    assert(cause !== "path_cut" && began === "unknown", `${side}: ${cause}, ${began}`);
    if (cause === "local_stall") assertEquals(at, side);
  });
  assert(counts.local_stall! > 300, JSON.stringify(counts));
});

Deno.test("judge() is never wrong about which side noticed first, and contains by how much", async () => {
  const counts: Record<string, number> = {};
  await forEachSeed(2_000, (random) => {
    const { judgement: { by_ms, first_noticed_by }, path: { logs } } = judged(random);
    const [c, s] = [logs.client.noticed_ms, logs.server.noticed_ms];
    counts[`${first_noticed_by}`] = (counts[`${first_noticed_by}`] ?? 0) + 1;
    if (c === undefined || s === undefined) {
      const only = c !== undefined ? "client" : s !== undefined ? "server" : null;
      return assertEquals([first_noticed_by, by_ms], [only, null]);
    }
    const later_ms = s - c;
    if (first_noticed_by === "client") assert(later_ms >= 0);
    if (first_noticed_by === "server") assert(later_ms <= 0);
    const true_ms = first_noticed_by === "server" ? -later_ms : later_ms;
    assert(by_ms![0] - 1e-6 <= true_ms && true_ms <= by_ms![1] + 1e-6, `${by_ms}: ${true_ms}`);
  });
  assert(counts.client! > 100 && counts.server! > 100, JSON.stringify(counts));
});

Deno.test("judge() takes a small frame that was lost for a cut, and a large one for unknown", () => {
  const seen = cutToServer();
  assertEquals(judge(seen).cause, "path_cut");
  assertEquals([judge(seen).began, judge(seen).isLikely], ["to_server", false]);
  const sent = [frame("DATA 1", 0, 19), frame("DATA 2", 5_000, 1_400)];
  assertEquals(judge({ ...seen, client: { ...seen.client, sent } }).cause, "unknown");
  // The server's heartbeat is lost, too: its way may have been whole, had it not been held back.
  const received = [frame("CONFIRM 1", 2)];
  const both = judge({ ...seen, client: { ...seen.client, received } });
  assertEquals([both.cause, both.began, both.isLikely], ["path_cut", "both", true]);
  const close = {
    ...seen.client,
    received,
    sent: [frame("DATA 1", 0), frame("DATA 2", 3_000, 19)],
  };
  const unclear = judge({ ...seen, client: close });
  assertEquals([unclear.cause, unclear.began], ["path_cut", "unknown"]);
  const transmits = judge({ client: close, server: { ...seen.server, transmits: true } });
  assertEquals([transmits.began, transmits.isLikely], ["both", false]);
});

Deno.test("judge() gives the frames of each direction: the last through, the first in vain, and again", () => {
  const { client, server } = cutToServer();
  const received = [...server.received, frame("DATA 2", 45_000)];
  const { to_client, to_server } = judge({ client, server: { ...server, received } });
  assertEquals([to_server!.through!.n, to_server!.vain!.n], [1, 2]);
  assertEquals(to_server!.again, exactly(45_000));
  assertEquals([to_client!.through!.frame, to_client!.vain], ["HEARTBEAT", undefined]);
});

Deno.test("judge() does not count what was sent when the other side had no connection any more", () => {
  const { client, server } = cutToServer();
  const judgement = judge({ client, server: { ...server, open_until: exactly(5_001) } });
  assertEquals([judgement.began, judgement.cause], ["unknown", "unknown"]);
  assertEquals(judgement.to_server!.vain, undefined);
});

Deno.test("judge() believes the kernels' views as far as they agree", () => {
  const { client, server } = cutToServer();
  const withCauses = (c: SideSeen["causes"], s: SideSeen["causes"]) =>
    judge({ client: { ...client, causes: c, sent: [] }, server: { ...server, causes: s } });
  assertEquals(withCauses(["unknown", "not_reading"], []).cause, "not_reading");
  assertEquals(withCauses(["not_reading"], []).at, "server");
  assertEquals(withCauses(["path_cut"], ["path_cut", "unknown"]).cause, "path_cut");
  assertEquals(withCauses(["process_not_running"], ["path_cut"]).cause, "unknown");
  assertEquals(withCauses([], []).cause, "unknown");
  // A path that is whole again acknowledges all before the peer transmits again.
  assertEquals(withCauses([], ["path_cut", "process_not_running"]).cause, "path_cut");
  assertEquals(withCauses([], ["process_not_running", "path_cut"]).cause, "unknown");
  assertEquals(withCauses(["path_cut", "large_packets"], []).cause, "large_packets");
});

Deno.test("judge() does not call a process stopped that ran, whoever acknowledged what it did not receive", () => {
  const { client, server } = cutToServer();
  const { at, began, cause } = judge({
    client: { ...client, causes: ["process_not_running"] },
    server,
  });
  assertEquals([began, cause, at], ["to_server", "path_cut", undefined]);
});

Deno.test("judge() names what ended the connection, and what the server waited for", () => {
  const { client, server } = cutToServer();
  const reset = { at: exactly(5_001), how: "reset" } as const;
  assertEquals(judge({ client: { ...client, noticed: reset }, server }).cause, "reset");
  const closed = { at: exactly(5_001), how: "closed" } as const;
  assertEquals(judge({ client: { ...client, noticed: closed } }).cause, "closed");
  // It was silent before it was reset.
  const later = { at: exactly(50_000), how: "reset" } as const;
  assertEquals(judge({ client: { ...client, noticed: later }, server }).cause, "path_cut");
  const held = judge({ client, server: { ...server, held: "store" } });
  assertEquals([held.cause, held.began, held.at], ["held", "unknown", "server"]);
});

Deno.test("judge() of one side alone leaves unknown what only both sides prove", () => {
  const { client } = cutToServer();
  const judgement = judge({ client });
  assertEquals(judgement.began, "unknown");
  assertEquals(judgement.cause, "unknown");
  assertEquals(judgement.first_noticed_by, null);
  assertEquals(judgement.to_server, null);
});

Deno.test("judge() compares nothing where the offset of the clocks is unknown", () => {
  const { client, server } = cutToServer();
  const unknown = (list: readonly FrameSeen[]) =>
    list.map((each) => ({ ...each, at: [-Infinity, Infinity] as const }));
  const judgement = judge({
    client,
    server: {
      ...server,
      sent: unknown(server.sent),
      received: unknown(server.received),
      noticed: { at: [-Infinity, Infinity], how: "silent" },
    },
  });
  assertEquals([judgement.began, judgement.first_noticed_by], ["unknown", null]);
});

const NOTHING = { sent: [], received: [], stalls: [], causes: [] };

Deno.test("judge() does not say reset or closed where the sides differ, and which was first is not known", () => {
  const causeOf = (client: Interval, server: Interval) =>
    judge({
      client: { ...NOTHING, role: "client", noticed: { how: "reset", at: client } },
      server: { ...NOTHING, role: "server", noticed: { how: "closed", at: server } },
    }).cause;
  assertEquals(causeOf([0, 5], [3, 8]), "unknown");
  assertEquals(causeOf([0, 2], [3, 8]), "reset");
  assertEquals(causeOf([4, 5], [2, 3]), "closed");
});

Deno.test("judge() does not say held of a connection that both sides found ended, if unclear how first", () => {
  const { client, server } = cutToServer();
  const at = (low: number, high: number): Interval => [low, high];
  const seen = (how: "reset" | "silent") => ({
    client: { ...client, noticed: { at: at(10_000, 10_000), how: "closed" as const } },
    server: { ...server, noticed: { at: at(9_500, 10_100), how }, held: "store" },
  });
  assert(judge(seen("reset")).cause !== "held");
  assertEquals(judge(seen("silent")).cause, "held");
});

Deno.test("judge() takes a message for received of which a later one was", () => {
  const frame = (n: number, at_ms: number) =>
    ({ frame: "DATA", n, connection: 1, at: exactly(at_ms) }) as const;
  const { to_server } = judge({
    client: { ...NOTHING, role: "client", sent: [frame(5, 0), frame(6, 0)] },
    server: { ...NOTHING, role: "server", received: [frame(9, 10)], open_until: exactly(60_000) },
  });
  assertEquals(to_server!.vain, undefined);
});

Deno.test("judge() takes of messages sent in one moment only those before a late one for received", () => {
  const { client, server } = cutToServer();
  const sent = [...client.sent, frame("DATA 3", 5_000, 19), frame("DATA 4", 5_000, 19)];
  const received = [...server.received, frame("DATA 2", 45_000)];
  const { to_server } = judge({ client: { ...client, sent }, server: { ...server, received } });
  assertEquals([to_server!.through!.n, to_server!.vain!.n], [1, 2]);
});

Deno.test("judge() takes no frame for lost that was sent before one that has arrived", () => {
  const { client, server } = cutToServer();
  // Of the numbers that were received only the last is known, and of what was sent before only the first.
  const sent = [
    frame("DATA 1", 0, 19),
    frame("HEARTBEAT_REPLY 3", 10_000),
    frame("DATA 2", 25_000, 19),
  ];
  const { to_server } = judge({
    client: { ...client, sent },
    server: { ...server, received: [frame("HEARTBEAT_REPLY 9", 20_000)] },
  });
  assertEquals([to_server!.through?.frame, to_server!.vain?.n], ["HEARTBEAT_REPLY", 2]);
});

Deno.test("judge() takes what an excerpt leaves out for no sign that a direction was whole", () => {
  const { client, server } = cutToServer();
  const sent = [...server.sent, frame("HEARTBEAT 2", 30_001), frame("HEARTBEAT 9", 90_000)];
  const received = [frame("CONFIRM 1", 2), frame("HEARTBEAT 9", 90_001)];
  const judged = (isExcerpt: boolean) =>
    judge({ client: { ...client, received, isExcerpt }, server: { ...server, sent } });
  const through = (isExcerpt: boolean) => {
    const { began, to_client } = judged(isExcerpt);
    return [began, to_client!.through?.frame];
  };
  assertEquals(through(false), ["to_server", "HEARTBEAT"]);
  // Of these it is known only that they had come by 90 s.
  assertEquals(through(true), ["unknown", "CONFIRM"]);
});
