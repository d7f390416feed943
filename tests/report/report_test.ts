import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/platform/errors.ts";
import { makeReport } from "../../lib/report/report.ts";
import { reportText } from "../../lib/report/text.ts";
import type { ReportDocument } from "../../lib/report/document.ts";
import { type Cut, CutPath } from "../support/cut_path.ts";
import { Folder } from "../support/folder.ts";
import { forEachSeed, Random } from "../support/random.ts";
import { type HostClocks, monoAt, recordingOf, wallAt } from "../support/recorded_path.ts";

const START_MS = Date.UTC(2026, 10, 27, 6, 0, 0);

const CLIENT: HostClocks = { mono_ms: 5_000, drift_ppm: 0, wall_ms: START_MS };

/** A path that is cut towards the server for good after 32 s, and what both sides record of it. */
function cutPath(): CutPath {
  const cut: Cut = { direction: "to_server", from_ms: 32_000, to_ms: 1e9 };
  const path = new CutPath(new Random(1), cut, 5_000);
  path.run(120_000);
  return path;
}

function serverClocks(more: Partial<HostClocks> = {}): HostClocks {
  return { mono_ms: 900_000, drift_ppm: 40, wall_ms: START_MS + 1_234, ...more };
}

/** Writes recordings, by the names of their files, and makes their report. */
function reportOf(files: Record<string, readonly string[]>): ReportDocument {
  using folder = new Folder();
  const paths = Object.entries(files).map(([name, lines]) => {
    const path = `${folder.path}/${name}`;
    Deno.writeTextFileSync(path, lines.map((line) => `${line}\n`).join(""));
    return path;
  });
  return makeReport(paths).document;
}

function ofBoth(path = cutPath()): { c: string[]; s: string[] } {
  return {
    c: recordingOf("client", path, CLIENT),
    s: recordingOf("server", path, serverClocks()),
  };
}

Deno.test("makeReport() of both sides says direction, cause, who noticed first, clocks and ledgers", () => {
  const path = cutPath();
  const { clock, notes, outages, sessions } = reportOf(ofBoth(path));
  assertEquals(notes, []);
  const [low_ms, high_ms] = clock!.offset_ms as [number, number];
  const true_ms = wallAt(serverClocks(), 120_000) - wallAt(CLIENT, 120_000);
  assert(low_ms <= true_ms && true_ms <= high_ms, `${low_ms} ≤ ${true_ms} ≤ ${high_ms}`);
  assert(high_ms - low_ms < 80, `${high_ms - low_ms}`);
  assertEquals(outages.length, 1);
  const [outage] = outages;
  assertEquals([outage!.began, outage!.cause], ["to_server", "path_cut"]);
  assertEquals(outage!.first_noticed_by, "server");
  assertEquals(outage!.to_server!.first_in_vain!.frame, "DATA 8");
  assertEquals([outage!.in_doubt, outage!.settled, outage!.to], [1, 0, null]);
  assertEquals(outage!.detected_ms, { client: 36_000, server: 36_000 });
  const later_ms = path.logs.client.noticed_ms! - path.logs.server.noticed_ms!;
  const [least_ms, most_ms] = outage!.by_ms!;
  assert(least_ms <= later_ms && later_ms <= most_ms, `${least_ms} ≤ ${later_ms} ≤ ${most_ms}`);
  const { ledger } = sessions[0]!;
  assertEquals([ledger.sent, ledger.received, ledger.in_doubt], [8, 7, 1]);
  assertEquals(ledger.in_doubt_arrived, 0);
  assertEquals(ledger.contradictions, []);
});

Deno.test("makeReport() is never wrong about direction and first noticed, with clocks of all kinds", async () => {
  let told = 0;
  await forEachSeed(150, (random) => {
    const direction = random.pick(["to_server", "to_client", "both"] as const);
    // Between two exchanges of 5 s, of which each takes 60 ms and what a timer is late at most.
    const from_ms = 22_000 + random.below(2_500);
    const cut = { direction, from_ms, to_ms: from_ms + random.pick([8_000, 25_000, 1e9]) };
    const path = new CutPath(random, cut, 5_000);
    path.run(120_000);
    const clocks = (): HostClocks => ({
      mono_ms: random.below(1e9),
      drift_ppm: random.between(-300, 300),
      wall_ms: START_MS + random.between(-1e7, 1e7),
      ...random.oneIn(2) && { step: { at_ms: random.below(120_000), by_ms: 30_000 } },
    });
    const ofClient = clocks();
    const { outages } = reportOf({
      c: recordingOf("client", path, ofClient),
      s: recordingOf("server", path, clocks()),
    });
    for (const { began, by_ms, first_noticed_by } of outages) {
      assert(began === direction || began === "unknown", `${direction}, not ${began}`);
      if (began !== "unknown") told++;
      const [client, server] = [path.logs.client.noticed_ms, path.logs.server.noticed_ms];
      if (client === undefined || server === undefined) continue;
      // As the client's clock counts.
      const later_ms = monoAt(ofClient, server) - monoAt(ofClient, client);
      const true_ms = first_noticed_by === "server" ? -later_ms : later_ms;
      assert(by_ms![0] - 0.001 <= true_ms && true_ms <= by_ms![1] + 0.001, `${by_ms}: ${true_ms}`);
    }
  });
  assert(told > 60, `${told}`);
});

Deno.test("makeReport() counts what a stopped process finds out when it runs again to the same outage", () => {
  // Seed and times are those of a stop that outlasts the client's patience.
  const cut: Cut = { direction: "to_server", from_ms: 32_000, to_ms: 32_000 };
  const path = new CutPath(new Random(1), cut, 5_000, {
    from_ms: 32_000,
    to_ms: 1e9,
    side: "server",
  });
  path.run(120_000);
  const c = recordingOf("client", path, CLIENT);
  const alone = reportOf({ c }).outages;
  assertEquals([alone.length, alone[0]!.noticed.client !== null], [1, true]);
  const s = recordingOf("server", path, serverClocks(), { end_ms: 110_010 }).map((line) =>
    line.replace('"by":"peer","reason":"done"', '"by":"peer","reason":"silent","silent_ms":5')
  );
  const stall = { event: "local_stall", ms: 77_000, kind: "stopped" };
  const [{ mono_us, wall_ms }] = s.filter((each) => each.includes("terminated")).map((each) =>
    JSON.parse(each)
  );
  const at = { session: "0123456789abcdef", wall_ms: wall_ms - 5, mono_us: mono_us - 5_000 };
  s.splice(
    s.findIndex((each) => each.includes("terminated")),
    0,
    JSON.stringify({ ...stall, ...at }),
  );
  const { outages } = reportOf({ c, s });
  assertEquals(outages.length, 1);
  assertEquals(outages[0]!.first_noticed_by, "client");
  assert(outages[0]!.noticed.server !== null);
});

Deno.test("makeReport() of one side reports what that side saw, and leaves the rest unknown", () => {
  const { c, s } = ofBoth();
  const client = reportOf({ c });
  assertEquals(client.clock, null);
  assertEquals([client.outages[0]!.began, client.outages[0]!.first_noticed_by], ["unknown", null]);
  assertEquals(client.outages[0]!.detected_ms, { client: 36_000, server: null });
  assertEquals(client.sessions[0]!.round_trip.count, 7);
  const server = reportOf({ s });
  assertEquals(server.outages[0]!.in_doubt, null);
  assertEquals([server.sessions[0]!.ledger.sent, server.sessions[0]!.ledger.received], [null, 7]);
});

Deno.test("makeReport() finds a step of a wall clock, and does not let it move anything", () => {
  const path = cutPath();
  const step = { at_ms: 20_000, by_ms: -30_000 };
  const { c } = ofBoth(path);
  const s = recordingOf("server", path, serverClocks({ step }));
  const { clock_steps, outages } = reportOf({ c, s });
  assertEquals(clock_steps.map(({ by_ms, role }) => [role, by_ms]), [["server", -30_000]]);
  assertEquals(outages, reportOf(ofBoth(path)).outages);
});

Deno.test("makeReport() puts rotated files of a run together, in any order", () => {
  const { c, s } = ofBoth();
  const next = JSON.stringify({ ...JSON.parse(c[0]!), file: 2 });
  const files = { "c.rec": [next, ...c.slice(20)], s, "c.rec.1": c.slice(0, 20) };
  const [rotated, whole] = [reportOf(files), reportOf({ c, s })];
  assertEquals(rotated.outages, whole.outages);
  assertEquals(rotated.sessions, whole.sessions);
  const { notes } = reportOf({ c: [next, ...c.slice(20)], s });
  assert(/^file 1 of the run of .*c is not among the recordings$/.test(notes[0]!), notes[0]);
});

Deno.test("makeReport() reports what is good of damaged, cut off and empty files, and names the rest", () => {
  const { c, s } = ofBoth();
  const damaged = [...c];
  damaged.splice(5, 0, "\0\0\0", '{"event":"data_sent"}', '{"time":', "");
  const { outages, recordings } = reportOf({ c: damaged, s });
  assertEquals(outages, reportOf({ c, s }).outages);
  assertEquals(recordings[0]!.damaged, 4);
  using folder = new Folder();
  const [client, empty] = [`${folder.path}/c`, `${folder.path}/empty`];
  Deno.writeTextFileSync(client, c.join("\n"));
  Deno.writeTextFileSync(empty, "");
  const { document } = makeReport([client, empty]);
  // The last line has no end.
  assertEquals(document.recordings[0]!.damaged, 1);
  assertEquals(document.notes, [`${empty} has no complete line; it is left out`]);
});

Deno.test("makeReport() says so of the same side twice, and of different sessions", () => {
  const path = cutPath();
  const { c, s } = ofBoth(path);
  const again = reportOf({ a: c, b: c, s });
  assert(again.notes[0]!.includes("is file 1 of the same run as"), `${again.notes}`);
  const other = recordingOf("client", path, CLIENT, { run: "other" });
  const twice = reportOf({ c, other, s });
  assert(twice.notes[0]!.includes("which another recording has, too"), `${twice.notes}`);
  // The other one counts in nothing, though its clock is another one.
  const late = recordingOf("client", path, { ...CLIENT, mono_ms: 9e6 }, { run: "late" });
  const whole = reportOf({ c, s });
  for (const { clocks, notes, outages } of [twice, reportOf({ c, late, s })]) {
    assertEquals([clocks, outages, notes.length], [whole.clocks, whole.outages, 1]);
  }
  const foreign = recordingOf("client", path, CLIENT, { id: "fedcba9876543210" });
  const { clock, notes, sessions } = reportOf({ foreign, s });
  assertEquals(notes, [
    "no session is in recordings of both sides: they are of different sessions",
  ]);
  assertEquals([clock, sessions.length], [null, 2]);
  const none = reportOf({ c: c.slice(0, 1), s: s.slice(0, 1) });
  assertEquals(none.notes, ["there is no session in the recordings"]);
});

Deno.test("makeReport() keeps the longer one of two copies of a file, in any order", () => {
  const { c, s } = ofBoth();
  for (const files of [{ early: c.slice(0, 8), c, s }, { c, early: c.slice(0, 8), s }]) {
    const { notes, outages } = reportOf(files);
    assert(/\/early is file 1 of the same run as .*\/c; it is left out$/.test(notes[0]!), notes[0]);
    assertEquals(outages, reportOf({ c, s }).outages);
  }
});

Deno.test("makeReport() takes of a file with several recordings the first, and says so", () => {
  const { c, s } = ofBoth();
  const of = (path: string, at: number) =>
    `${path} has another recording from line ${at} on, which is left out: ` +
    "give each in a file of its own";
  for (const both of [[...c, ...s], [...c, ...c]]) {
    const { notes, outages, recordings, sessions } = reportOf({ both, s });
    assertEquals(notes, [of(recordings[0]!.file, c.length + 1)]);
    assertEquals([recordings[0]!.lines, recordings[0]!.damaged], [c.length, 0]);
    const apart = reportOf({ c, s });
    assertEquals([outages, sessions], [apart.outages, apart.sessions]);
  }
  // The files of one run may follow each other.
  const next = JSON.stringify({ ...JSON.parse(c[0]!), file: 2 });
  const joined = reportOf({ c: [...c.slice(0, 20), next, ...c.slice(20)], s });
  assertEquals([joined.notes, joined.outages], [[], reportOf({ c, s }).outages]);
});

Deno.test("reportText() sums up what was recorded, and says of how many sessions that is", () => {
  const path = cutPath();
  const { c, s } = ofBoth(path);
  const other = recordingOf("server", path, serverClocks(), { id: "fedcba9876543210", run: "o" });
  const ledger = (files: Record<string, readonly string[]>) =>
    /All 2 sessions\n +ledger +([^]*?)\n +silent/.exec(reportText(reportOf(files)))![1]!
      .replaceAll(/\s+/g, " ");
  assertEquals(
    ledger({ s, other }),
    "sent not recorded, received 14, confirmed by the server 14, at the client not recorded, " +
      "in doubt not recorded",
  );
  assertEquals(
    ledger({ c, s, other }),
    "sent 8 (recorded of 1 session), received 14, confirmed by the server 14, " +
      "at the client 7 (recorded of 1 session), in doubt 1 (recorded of 1 session)",
  );
});

Deno.test("reportText() says how many sessions it leaves out", () => {
  const path = new CutPath(new Random(1), { direction: "both", from_ms: 1e9, to_ms: 1e9 }, 5_000);
  path.run(10_000);
  const of = (count: number) => {
    const files = Array.from({ length: count }, (_, n) => {
      const [id, run] = [n.toString(16).padStart(16, "0"), `r${n}`];
      return [`c${n}`, recordingOf("client", path, CLIENT, { id, run })] as const;
    });
    return reportText(reportOf(Object.fromEntries(files)));
  };
  assert(of(21).endsWith("\n\n21 more sessions left out here; --json has all."));
  assert(!of(20).includes("left out"));
});

Deno.test("makeReport() names recordings whose frames contradict each other", () => {
  const path = cutPath();
  const { c } = ofBoth(path);
  const other = new CutPath(new Random(2), { direction: "both", from_ms: 60_000, to_ms: 1e9 }, 300);
  other.run(120_000);
  // The same session id, but not the same session.
  const s = recordingOf("server", other, serverClocks());
  const { clocks, notes, outages } = reportOf({ c, s });
  assert(clocks[0]!.contradictory);
  assert(notes.some((note) => note.includes("contradict each other")), `${notes}`);
  for (const { began } of outages) assertEquals(began, "unknown");
});

Deno.test("makeReport() fails with a sentence where nothing is a recording", () => {
  using folder = new Folder();
  const fails = (text: string, message: RegExp) => {
    Deno.writeTextFileSync(`${folder.path}/x`, text);
    const error = assertThrows(() => makeReport([`${folder.path}/x`]), UsageError);
    assert(message.test(error.message), error.message);
  };
  fails("", /x has no complete line$/);
  fails("hello\n", /x is no recording: its first line is not that of one$/);
  fails('{"time":"2026","event":"started","session":null}\n', /it is what --json writes/);
  const { c } = ofBoth();
  fails(`${c[3]}\n`, /x does not begin with started/);
  assertThrows(() => makeReport([`${folder.path}/none`]), UsageError, "there is no such file");
  assertThrows(() => makeReport([folder.path]), UsageError, "it is a folder, not a file");
});

Deno.test("makeReport() of a time leaves out the outages and round trips of other times", () => {
  using folder = new Folder();
  const { c } = ofBoth();
  const path = `${folder.path}/c`;
  Deno.writeTextFileSync(path, c.map((line) => `${line}\n`).join(""));
  const early = makeReport([path], { until_ms: START_MS + 20_000 }).document;
  assertEquals([early.outages.length, early.sessions[0]!.round_trip.count], [0, 4]);
  const late = makeReport([path], { since_ms: START_MS + 20_000 }).document;
  assertEquals([late.outages.length, late.sessions[0]!.round_trip.count], [1, 3]);
  assertEquals(makeReport([path]).document.notes, []);
  const [since_ms, until_ms] = [START_MS, START_MS + 20_000];
  assertEquals([early.notes, makeReport([path], { since_ms, until_ms }).document.notes], [
    ["outages and round trips after 2026-11-27T06:00:20.000Z are left out, as asked"],
    [
      "outages and round trips before 2026-11-27T06:00:00.000Z and after " +
      "2026-11-27T06:00:20.000Z are left out, as asked",
    ],
  ]);
});
