/**
 * The report as text of 80 columns.
 *
 * @module
 */
import { timeText } from "../evidence/verdict.ts";
import { counted, wrapped } from "../output/phrases.ts";
import { printable } from "../wire/quote.ts";
import type {
  FlowDocument,
  IntervalDocument,
  OfSides,
  OutageDocument,
  ReportDocument,
  SessionDocument,
} from "./document.ts";
import { survivalLines } from "./idle_survival.ts";

/** How wide the labels of lines are, with the space before and after them. */
const LABEL = 15;

/** How many sessions and outages are shown in full. */
const MAX_SESSIONS = 20;
const MAX_OUTAGES = 100;

/** The report as text, without a line end at its end. */
export function reportText(report: ReportDocument): string {
  const { outages, recordings, sessions } = report;
  const shown = sessions.length <= MAX_SESSIONS
    ? sessions
    : sessions.filter(({ gaps, ledger }) => gaps.count > 0 || ledger.contradictions.length > 0)
      .sort((a, b) => b.gaps.total_ms - a.gaps.total_ms).slice(0, MAX_SESSIONS);
  const [left, more] = [sessions.length - shown.length, outages.length - MAX_OUTAGES];
  return [
    `Pulsewire report: ${counted(recordings.length, "file")}, ` +
    `${counted(sessions.length, "session")}, ${counted(outages.length, "outage")}`,
    recordingsText(report),
    clocksText(report),
    ...report.idle ? [survivalLines(report.idle).join("\n")] : [],
    ...sessions.length > 1 ? [totalText(sessions)] : [],
    ...shown.map(sessionText),
    ...left > 0 ? [`${counted(left, "more session")} left out here; --json has all.`] : [],
    ...outages.slice(0, MAX_OUTAGES).map(outageText),
    ...more > 0 ? [`${counted(more, "more outage")} left out here; --json has all.`] : [],
  ].join("\n\n");
}

function recordingsText({ notes, recordings }: ReportDocument): string {
  const lines = recordings.map(({ damaged, file, host, lines, role }) =>
    line(
      role,
      `${file}, of ${host}: ${counted(lines, "line")}${damaged ? `, ${damaged} damaged` : ""}`,
    )
  );
  return ["Recordings", ...lines, ...notes.map((note) => line("note", note))].join("\n");
}

function clocksText({ clock_steps, clocks }: ReportDocument): string {
  if (clocks.length === 0) return "Clocks: one side only; its own wall clock is used, in UTC.";
  const lines = clocks.map(({ client, contradictory, drift_ppm, frames, offset_ms, server }) => {
    const hosts = `${server.host} - ${client.host}`;
    if (contradictory) return line("offset", `${hosts}: the frames contradict each other`);
    return line(
      "offset",
      `${hosts}: ${intervalText(offset_ms, "ms")}, drift ${intervalText(drift_ppm, "ppm")}, ` +
        `by ${counted(frames, "frame")}`,
    );
  });
  const steps = clock_steps.map(({ at, by_ms, host, role }) =>
    line("step", `the ${role}'s wall clock (${host}) was stepped by ${by_ms} ms at ${dateText(at)}`)
  );
  return [
    "Clocks (server minus client; times below are the client's wall clock, in UTC)",
    ...lines,
    ...steps,
  ].join("\n");
}

function totalText(sessions: readonly SessionDocument[]): string {
  const sum = (value: (ledger: SessionDocument["ledger"]) => number | null) => {
    const known = sessions.map(({ ledger }) => value(ledger)).filter((count) => count !== null);
    if (known.length === 0) return "not recorded";
    const total = known.reduce((total, each) => total + each, 0);
    return known.length === sessions.length
      ? `${total}`
      : `${total} (recorded of ${counted(known.length, "session")})`;
  };
  const contradictory = sessions.filter(({ ledger }) => ledger.contradictions.length > 0).length;
  return [
    `All ${sessions.length} sessions`,
    line(
      "ledger",
      `sent ${sum(({ sent }) => sent)}, received ${sum(({ received }) => received)}, ` +
        `confirmed by the server ${sum(({ confirmed_by_server }) => confirmed_by_server)}, ` +
        `at the client ${sum(({ confirmed }) => confirmed)}, ` +
        `in doubt ${sum(({ in_doubt }) => in_doubt)}`,
    ),
    line("silent", counted(sessions.reduce((total, { gaps }) => total + gaps.count, 0), "time")),
    ...contradictory ? [line("contradiction", `in ${counted(contradictory, "session")}`)] : [],
  ].join("\n");
}

function sessionText(session: SessionDocument): string {
  const { connections, ended, from, gaps, ledger, round_trip, sides, to } = session;
  const { count, max_ms, p50_ms, p99_ms } = round_trip;
  const of = (value: number | null) => value === null ? "not recorded" : `${value}`;
  return [
    `Session ${printable(session.session)}`,
    line(
      "recorded",
      `${dateText(from)} to ${timeSince(from, to)}, by the ${sides.join(" and the ")}`,
    ),
    ...count > 0
      ? [line(
        "round trip",
        `p50 ${timeText(p50_ms!)}, p99 ${timeText(p99_ms!)}, max ${timeText(max_ms!)}, ` +
          `of ${counted(count, "message")}`,
      )]
      : [],
    line(
      "silent",
      gaps.count === 0 ? "never" : `${counted(gaps.count, "time")}, ${timeText(gaps.total_ms)} ` +
        `together, ${timeText(gaps.longest_ms)} at the longest`,
    ),
    line("connections", `${connections}`),
    line(
      "ledger",
      `sent ${of(ledger.sent)}, received ${of(ledger.received)}, ` +
        `confirmed by the server ${of(ledger.confirmed_by_server)}, ` +
        `at the client ${of(ledger.confirmed)}, in doubt ${of(ledger.in_doubt)}` +
        (ledger.in_doubt && ledger.in_doubt_arrived !== null
          ? ` (of which ${ledger.in_doubt_arrived} arrived)`
          : ""),
    ),
    ...ledger.contradictions.map((each) => line("contradiction", each)),
    line("ended", sidesText(ended, (how) => printable(how), "not recorded")),
  ].join("\n");
}

function outageText(outage: OutageDocument, at: number): string {
  const { detected_ms, from, in_doubt, lasted_ms, not_proven, predicted_ms, settled, to, verdict } =
    outage;
  const timeOf = (iso: string) => timeSince(from, iso);
  const lasted = to === null
    ? "not over in the recordings"
    : `to ${timeOf(to)}, ${timeText(lasted_ms!)}`;
  const kernel = sidesText(outage.kernel, (cause) => cause, "no view");
  return [
    `Outage ${at + 1}: ${dateText(from)} ${lasted}`,
    wrap(`  ${sentence(verdict)}`, 2),
    wrap(`  Not proven: ${not_proven}.`, 2),
    line("session", printable(outage.session)),
    line("began", outage.began.replace("_", " the ")),
    line("cause", `${outage.cause}${outage.at ? `, at the ${outage.at}` : ""}`),
    line("noticed", sidesText(outage.noticed, timeOf, "no")),
    line(
      "detected",
      (["client", "server"] as const).flatMap((role) =>
        detected_ms[role] === null ? [] : [
          `${role}: after ${timeText(detected_ms[role]!)}` +
          (predicted_ms[role] === null ? "" : ` (predicted ${timeText(predicted_ms[role]!)})`),
        ]
      ).join("; ") || "by neither side as a silence",
    ),
    ...flowLines("to server", outage.to_server, timeOf),
    ...flowLines("to client", outage.to_client, timeOf),
    ...outage.stalls.map(({ at, ms, role }) =>
      line("stall", `the ${role} did not run for at least ${timeText(ms)}, from ${timeOf(at)} on`)
    ),
    ...outage.kernel.client || outage.kernel.server ? [line("kernel", kernel)] : [],
    ...in_doubt === null ? [] : [line("in doubt", `${in_doubt}, settled later: ${settled}`)],
  ].join("\n");
}

function flowLines(
  label: string,
  flow: FlowDocument | null,
  timeOf: (iso: string) => string,
): string[] {
  if (!flow) return [];
  const { again, first_in_vain, last_through } = flow;
  const through = last_through
    ? `${last_through.frame} came through (sent ${timeOf(last_through.sent)})`
    : "no frame is known to have come through";
  const vain = first_in_vain
    ? `; ${first_in_vain.frame} did not, or late (sent ${timeOf(first_in_vain.sent)})`
    : "; no frame is known to have been lost";
  return [line(label, `${through}${vain}${again ? `; again from ${timeOf(again)} on` : ""}`)];
}

function sidesText<T>(sides: OfSides<T>, text: (value: T) => string, none: string): string {
  return (["client", "server"] as const).map((role) => {
    const value = sides[role];
    return `${role}: ${value === null ? none : text(value)}`;
  }).join("; ");
}

function intervalText([low, high]: IntervalDocument, unit: string): string {
  if (low === null && high === null) return `not bounded`;
  if (low === null) return `at most ${high!.toFixed(1)} ${unit}`;
  if (high === null) return `at least ${low.toFixed(1)} ${unit}`;
  return `${low.toFixed(1)} to ${high.toFixed(1)} ${unit}`;
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

/** The date and time of an ISO 8601 time. */
export function dateText(iso: string): string {
  return iso.slice(0, 23).replace("T", " ");
}

/** The time of an ISO 8601 time, with its date if that is not the date of another one. */
export function timeSince(from: string, iso: string): string {
  return from.slice(0, 10) === iso.slice(0, 10) ? iso.slice(11, 23) : dateText(iso);
}

/** A labelled line, wrapped. */
function line(label: string, text: string): string {
  return wrap(`  ${label.padEnd(LABEL - 3)} ${text}`, LABEL);
}

/** Breaks a line between words. */
function wrap(text: string, indent: number): string {
  return wrapped(text, indent).join("\n");
}
