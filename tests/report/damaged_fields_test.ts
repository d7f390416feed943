/**
 * Recordings with a value of a wrong type, or beyond any clock, in one field: it counts as not known, and what is made
 * of them has no value that is none.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { pageOf } from "../../lib/report/page/page.ts";
import { makeReport, type Report } from "../../lib/report/report.ts";
import { reportText } from "../../lib/report/text.ts";
import { CutPath } from "../support/cut_path.ts";
import { Folder } from "../support/folder.ts";
import { forEachSeed, Random } from "../support/random.ts";
import { recordingOf } from "../support/recorded_path.ts";
import { Schema } from "../support/schema.ts";

type Line = Record<string, unknown>;

/** Values as they stand in a line. */
const VALUES = ["null", "true", '"x"', '"__proto__"', "-1", "1.5", "1e308", "1e999"]
  .concat(["[]", "{}", "[[1.5,-2]]", '[["x"]]']);

const schema = new Schema("report.schema.json");

/** The client's recording and the server's, of an outage and a stall; with a search for idle timeouts, too. */
const recordings = record();

function record(): Line[][] {
  const cut = { direction: "to_server", from_ms: 32_000, to_ms: 70_000 } as const;
  const stall = { side: "server", from_ms: 10_000, to_ms: 26_000 } as const;
  const path = new CutPath(new Random(1), cut, 5_000, stall);
  path.run(120_000);
  const clocks = { mono_ms: 0, drift_ppm: 0, wall_ms: 1.79e12 };
  const [client, server] = (["client", "server"] as const).map((role) =>
    recordingOf(role, path, clocks).map((line): Line => JSON.parse(line))
  );
  const at = client!.findIndex(({ event, to }) => event === "phase" && to === "heartbeat");
  const { session, ...times } = client![at]!;
  const silent = { by: "self", reason: "silent", text: "" };
  const bracket = () => ({ survives_s: 15, forgotten_by_s: 20, how: "silent" });
  const more = [
    { session, event: "kernel", at: "silence", cause: "path_cut", retransmissions: 2 },
    { session, event: "hold", reason: "store" },
    { session, event: "heartbeat_missed", n: 1, missed: 1, left: 3 },
    { session, event: "disconnected", ...silent, detected_after_ms: 36_000, predicted_ms: 36_000 },
    {
      session: null,
      event: "idle_probe",
      n: 1,
      first: "client",
      idle_ms: 5_000,
      outcome: "closed",
    },
    { session: null, event: "idle_timeout", client_first: bracket(), server_first: bracket() },
  ];
  client!.splice(at + 1, 0, ...more.map((each) => ({ ...times, ...each })));
  return [client!, server!];
}

/** The report of both recordings, with one line of one side as given. */
function reportWith(side: number, at: number, text: string): Report {
  using folder = new Folder();
  const files = recordings.map((lines, of) => {
    const texts = lines.map((line) => JSON.stringify(line));
    if (of === side) texts[at] = text;
    Deno.writeTextFileSync(`${folder.path}/${of}`, texts.map((each) => `${each}\n`).join(""));
    return `${folder.path}/${of}`;
  });
  return makeReport(files);
}

/** A line with another value at a path of fields. */
function lineWith(line: Line, fields: readonly string[], value: string): string {
  const copy = structuredClone(line);
  let owner = copy;
  for (const field of fields.slice(0, -1)) owner = owner[field] as Line;
  owner[fields.at(-1)!] = "@";
  return JSON.stringify(copy).replace('"@"', value);
}

/** The paths of all fields of a line. */
function fieldsOf(line: Line): string[][] {
  return Object.entries(line).flatMap(([field, value]) => {
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    const inner = isObject ? fieldsOf(value as Line) : [];
    return [[field], ...inner.map((each) => [field, ...each])];
  });
}

/** Checks what is made of a report. */
function check(report: Report, what: string): void {
  schema.check(undefined, report.document);
  for (const text of [reportText(report.document), pageOf(report)]) {
    const odd = /.{0,40}(?:NaN|undefined|Infinity|\de\+\d).{0,20}/.exec(text);
    assertEquals(odd?.[0], undefined, what);
  }
  const isFinite = (value: unknown): boolean =>
    typeof value === "object" && value !== null
      ? Object.values(value).every(isFinite)
      : typeof value !== "number" || Number.isFinite(value);
  assert(isFinite(report.document), what);
}

/** The event, with the frame or phase where there are several. */
const CASES: readonly [event: string, field: string, value: string][] = [
  ["phase heartbeat", "silent_ms", "1e308"],
  ["local_stall", "ms", "1e308"],
  ["started", "pid", "1.5"],
  ["started", "file", "1e308"],
  ["frame_sent", "connection", "1.5"],
  ["frame_sent CONFIRM", "n", "1e308"],
  ["frame_received WELCOME", "connection", "null"],
  ["data_confirmed", "rtt_ms", "1e308"],
  ["data_sent", "seq", "1e308"],
  ["kernel", "cause", '"x"'],
  ["disconnected", "detected_after_ms", "1e308"],
  ["summary", "confirmed_up_to", "1e308"],
  ["idle_probe", "idle_ms", "1e308"],
  ["idle_timeout", "client_first.survives_s", "1e999"],
  ["idle_timeout", "server_first.forgotten_by_s", "1e999"],
];

for (const [event, field, value] of CASES) {
  Deno.test(`makeReport() does not believe ${value} for ${field} of ${event}`, () => {
    for (const [side, lines] of recordings.entries()) {
      const at = lines.findLastIndex(({ event: name, frame, to }) =>
        [name, `${name} ${frame ?? to}`].includes(event)
      );
      if (at === -1) continue;
      check(reportWith(side, at, lineWith(lines[at]!, field.split("."), value)), event);
    }
  });
}

Deno.test("makeReport() does not believe a value of a wrong type in any field", () =>
  forEachSeed(100, (random) => {
    const side = random.below(2);
    const lines = recordings[side]!;
    // What is wrong with the first line is another matter: the file may be none of a recording.
    const kind = random.pick([...new Set(lines.slice(1).map(({ event }) => event))]);
    const at = lines.indexOf(random.pick(lines.filter(({ event }) => event === kind)));
    const text = lineWith(lines[at]!, random.pick(fieldsOf(lines[at]!)), random.pick(VALUES));
    check(reportWith(side, at, text), text);
  }));
