/**
 * Searches for idle timeouts in a report: as text, as JSON and as a picture.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { pageOf } from "../../lib/report/page/page.ts";
import { makeReport, type Report } from "../../lib/report/report.ts";
import { reportText } from "../../lib/report/text.ts";
import { Folder } from "../support/folder.ts";
import { Schema } from "../support/schema.ts";

const STARTED = { event: "started", role: "client", run: "r", file: 1, host: "h", pid: 1 };

function probe(first: string, idle_ms: number, outcome: string, more: object = {}): object {
  return { event: "idle_probe", n: 1, first, idle_ms, idled_ms: idle_ms, outcome, ...more };
}

const BRACKET = { survives_s: 15, forgotten_by_s: 20, how: "silent" };
const FOUND = {
  ...{ event: "idle_timeout", client_first: BRACKET, complete: false, up_to_s: 60 },
  server_first: { survives_s: 0, forgotten_by_s: null, how: null },
};

/** The report of a client's recording with these events. */
function reportOf(...events: object[]): Report {
  using folder = new Folder();
  const path = `${folder.path}/search`;
  const lines = [STARTED, ...events].map((event, at) =>
    `${JSON.stringify({ time: "", session: null, wall_ms: 1.79e12, mono_us: at, ...event })}\n`
  );
  Deno.writeTextFileSync(path, lines.join(""));
  return makeReport([path]);
}

Deno.test("a report has the sessions of a search by idle time and fate, and what was found", () => {
  const report = reportOf(
    ...[probe("client", 20_000, "silent"), probe("client", 20_000, "reset_client")],
    ...[probe("client", 15_000, "alive"), probe("client", 15_040, "alive")],
    ...[probe("server", 9_000, "closed", { ended_after_ms: 5_000 })],
    ...[probe("server", 1, "void"), probe("server", 1, "not_opened"), FOUND],
  );
  const { idle } = report.document;
  assertEquals(idle!.probes.length, 5);
  assertEquals(idle!.probes[0], {
    first: "server",
    idle_ms: 9_000,
    outcome: "closed",
    ended_after_ms: 5_000,
  });
  assertEquals(idle!.found!.complete, false);
  new Schema("report.schema.json").check(undefined, report.document);
  assertStringIncludes(
    reportText(report.document),
    [
      "Idle-timeout search: 5 sessions, by idle time",
      "  client first: survives 15 s, forgotten by 20 s (dropped silently)",
      "         15 s  oo alive",
      "         20 s  x dropped silently  x reset at the client",
      "  server first: nothing is known to survive, no timeout found",
      "          9 s  x closed (FIN)",
    ].join("\n"),
  );
  assertEquals(report.document.notes, []);
  const ofOne = reportText(reportOf(probe("client", 1_000, "alive")).document);
  assertStringIncludes(ofOne, "Idle-timeout search: 1 session, by idle time");
});

Deno.test("the picture of a search has a mark for each session, and nothing that is no number", () => {
  const html = pageOf(reportOf(probe("client", 0, "alive"), probe("server", 5_000, "silent")));
  assertEquals([...html.matchAll(/<rect class="(?:data|outage)"/g)].length, 2);
  assert(!/NaN|undefined|Infinity/.test(html));
  const many = Array.from({ length: 40 }, () => probe("client", 5_000, "alive"));
  const page = pageOf(reportOf(...many));
  assertEquals([...page.matchAll(/<rect class="data"/g)].length, 12);
  assertStringIncludes(page, "40 alive");
});

Deno.test("damaged events of a search are left out, and a report without any has none", () => {
  const damaged = [
    ...[probe("both", 5, "alive"), probe("client", -1, "alive"), probe("client", 5, "<b>")],
    ...[{ event: "idle_probe" }, { ...FOUND, client_first: { survives_s: "x" } }],
  ];
  assertEquals(reportOf(...damaged).document.idle, null);
  const report = reportOf(...damaged, probe("client", 5, "alive"));
  assertEquals([report.document.idle!.probes.length, report.document.idle!.found], [1, null]);
  const odd = { ...FOUND, client_first: { ...BRACKET, how: "<b>" } };
  assert(!pageOf(reportOf(odd, probe("client", 5, "alive"))).includes("<b>"));
});
