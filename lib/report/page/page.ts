/**
 * The report as one page: no script, no request to anywhere; it opens from a mail, and prints on A4.
 *
 * The room: this file has the page, `plots.ts` the bands and the round trips as SVG, `survival_plot.ts` idle timeouts, `style.ts` the style sheet.
 * `cli/` calls it. Everything that stands in a recording is escaped.
 *
 * @module
 */
import { timeText } from "../../evidence/verdict.ts";
import { counted } from "../../output/phrases.ts";
import type { FlowDocument, OutageDocument, SessionDocument } from "../document.ts";
import type { JudgedOutage } from "../outage_list.ts";
import { dateText, timeSince } from "../text.ts";
import type { Report } from "../report.ts";
import { escaped, phasesPlot, roundTripsPlot } from "./plots.ts";
import { STYLE } from "./style.ts";
import { survivalPlot } from "./survival_plot.ts";

/** How many outages and sessions are shown. */
const MAX_OUTAGES = 200;
const MAX_SESSIONS = 200;

/** The page of a report. */
export function pageOf(report: Report): string {
  const { document } = report;
  const outages = document.outages.slice(0, MAX_OUTAGES);
  const left = document.outages.length - outages.length;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Pulsewire report</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Pulsewire report</h1>
${summary(report)}
${document.idle ? `<h2>Idle timeouts</h2>\n${survivalPlot(document.idle)}` : ""}
<h2>Outages</h2>
${outages.length === 0 ? "<p>There is no outage in the recordings.</p>" : verdictTable(outages)}
${
    left > 0
      ? `<p>${counted(left, "more outage")} left out here; <code>--json</code> has all.</p>`
      : ""
  }
<h2>Phases</h2>
${phasesPlot(report)}
<h2>Round trips</h2>
${roundTripsPlot(report)}
${outages.map((outage, at) => outageSection(outage, report.outages[at]!, at)).join("\n")}
<h2>Sessions</h2>
${sessionTable(document.sessions)}
</body>
</html>
`;
}

function summary({ document }: Report): string {
  const { clock_steps, clocks, notes, recordings } = document;
  const files = recordings.map(({ damaged, file, host, lines, role }) => [
    role,
    escaped(host),
    `<code>${escaped(file)}</code>`,
    `${lines}${damaged ? ` (${damaged} damaged)` : ""}`,
  ]);
  const offsets = clocks.map(({ client, contradictory, drift_ppm, frames, offset_ms, server }) => [
    `${escaped(server.host)} − ${escaped(client.host)}`,
    contradictory ? "contradictory" : intervalText(offset_ms, "ms"),
    contradictory ? "" : intervalText(drift_ppm, "ppm"),
    `${frames}`,
  ]);
  const steps = clock_steps.map(({ at, by_ms, host, role }) =>
    `The ${role}'s wall clock (${escaped(host)}) was stepped by ${by_ms} ms at ${dateText(at)}.`
  );
  return [
    table(["side", "host", "recording", "lines"], files),
    clocks.length === 0
      ? "<p>One side only was recorded; times are those of its wall clock, in UTC.</p>"
      : table(["clocks", "offset", "drift", "frames"], offsets) +
        "<p>Times are those of the client's wall clock, in UTC.</p>",
    ...[...notes.map(escaped), ...steps].map((text) => `<p class="note">${text}</p>`),
  ].join("\n");
}

function verdictTable(outages: readonly OutageDocument[]): string {
  const rows = outages.map((outage, at) => {
    const { by_ms, detected_ms, first_noticed_by, from, in_doubt, lasted_ms, settled } = outage;
    const by = by_ms && first_noticed_by !== "too_close"
      ? ` by ${timeText((by_ms[0] + by_ms[1]) / 2)}`
      : "";
    return [
      `<a href="#outage-${at + 1}">${at + 1}</a>`,
      `<a href="#outage-${at + 1}">${dateText(from)}</a>`,
      lastedText(lasted_ms),
      outage.began.replace("_", " the "),
      outage.cause.replaceAll("_", " ") + (outage.at ? `, ${outage.at}` : ""),
      first_noticed_by === null ? "unknown" : `${first_noticed_by.replace("_", " ")}${by}`,
      (["client", "server"] as const).filter((role) => detected_ms[role] !== null)
        .map((role) => `${role} ${timeText(detected_ms[role]!)}`).join(", "),
      in_doubt === null ? "" : `${in_doubt} (${settled} settled)`,
    ];
  });
  const head = ["", "from", "lasted", "began", "cause", "noticed first", "detected", "in doubt"];
  return table(head, rows);
}

function outageSection(
  outage: OutageDocument,
  { outage: { parts } }: JudgedOutage,
  at: number,
): string {
  const { from, kernel, lasted_ms, noticed, predicted_ms, detected_ms, session, stalls } = outage;
  const timeOf = (iso: string) => timeSince(from, iso);
  const facts: [string, string][] = [
    ["session", `<code>${escaped(session)}</code>`],
    ["lasted", `${lastedText(lasted_ms)}, from ${dateText(from)}`],
    ...(["client", "server"] as const).flatMap((role): [string, string][] => [
      ...noticed[role] === null
        ? []
        : [[`${role} noticed`, timeOf(noticed[role]!)] as [string, string]],
      ...detected_ms[role] === null ? [] : [[
        `${role} detected`,
        `after ${timeText(detected_ms[role]!)}${
          predicted_ms[role] === null ? "" : ` (predicted ${timeText(predicted_ms[role]!)})`
        }`,
      ] as [string, string]],
    ]),
    ...flowFacts("to the server", outage.to_server, timeOf),
    ...flowFacts("to the client", outage.to_client, timeOf),
    ...stalls.map(({ at, ms, role }): [string, string] => [
      `${role} stalled`,
      `for at least ${timeText(ms)}, from ${timeOf(at)} on`,
    ]),
    ...(["client", "server"] as const).flatMap((role): [string, string][] =>
      kernel[role] === null
        ? []
        : [[`${role}'s kernel`, escaped(kernel[role]!.replaceAll("_", " "))]]
    ),
  ];
  const lines = parts.filter(({ window }) => window.lines.length > 0).map(({ side, window }) =>
    `<details><summary>Lines of the ${side.run.role}'s recording (${
      window.lines.length + window.linesLeftOut
    })</summary><pre>${window.lines.map(({ line }) => escaped(line)).join("\n")}${
      window.linesLeftOut > 0 ? `\n… and ${window.linesLeftOut} more` : ""
    }</pre></details>`
  );
  const text = escaped(outage.verdict);
  return `<section id="outage-${at + 1}">
<h2>Outage ${at + 1}</h2>
<p class="verdict">${text[0]!.toUpperCase()}${text.slice(1)}.</p>
<p>Not proven: ${escaped(outage.not_proven)}.</p>
<dl>${facts.map(([term, fact]) => `<div><dt>${term}</dt><dd>${fact}</dd></div>`).join("")}</dl>
${lines.join("\n")}
</section>`;
}

function flowFacts(
  label: string,
  flow: FlowDocument | null,
  timeOf: (iso: string) => string,
): [string, string][] {
  if (!flow) return [];
  const { again, first_in_vain, last_through } = flow;
  const frame = (seen: FlowDocument["last_through"]) =>
    seen ? `${escaped(seen.frame)} (sent ${timeOf(seen.sent)})` : "none known";
  return [[
    label,
    `last through: ${frame(last_through)}; first in vain: ${frame(first_in_vain)}` +
    (again ? `; again from ${timeOf(again)} on` : ""),
  ]];
}

function sessionTable(sessions: readonly SessionDocument[]): string {
  const rows = sessions.slice(0, MAX_SESSIONS).map(({ gaps, ledger, round_trip, session }) => [
    `<code>${escaped(session)}</code>`,
    ...[ledger.sent, ledger.received, ledger.confirmed_by_server, ledger.confirmed, ledger.in_doubt]
      .map((count) => count === null ? "–" : `${count}`),
    `${gaps.count}`,
    round_trip.p50_ms === null
      ? "–"
      : `${timeText(round_trip.p50_ms)} / ${timeText(round_trip.p99_ms!)}`,
    escaped(ledger.contradictions.join("; ")) || "none",
  ]);
  const left = sessions.length - rows.length;
  return table([
    "session",
    "sent",
    "received",
    "confirmed by the server",
    "at the client",
    "in doubt",
    "outages",
    "p50 / p99",
    "contradictions",
  ], rows) + (left > 0 ? `<p>${counted(left, "more session")} left out here.</p>` : "");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const body = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`);
  return `<div class="wide"><table><thead><tr>${
    head.map((cell) => `<th>${cell}</th>`).join("")
  }</tr></thead><tbody>${body.join("\n")}</tbody></table></div>`;
}

function intervalText([low, high]: readonly [number | null, number | null], unit: string): string {
  if (low === null && high === null) return "not bounded";
  if (low === null) return `at most ${high!.toFixed(1)} ${unit}`;
  return high === null
    ? `at least ${low.toFixed(1)} ${unit}`
    : `${low.toFixed(1)} to ${high.toFixed(1)} ${unit}`;
}

function lastedText(lasted_ms: number | null): string {
  return lasted_ms === null ? "not over" : timeText(lasted_ms);
}
