/**
 * The plots of the page, as SVG: the phases of both sides over one time axis, and the round trips.
 *
 * @module
 */
import { timeText } from "../../evidence/verdict.ts";
import { counted } from "../../output/phrases.ts";
import { printable } from "../../wire/quote.ts";
import { type MatchedSession, type Side, sideWallTime } from "../matching.ts";
import type { Report } from "../report.ts";

/** The coordinates of a plot: the page scales it. */
const WIDTH = 1_000;
const LEFT = 130;
const RIGHT = 20;

const LANE = 16;
const GAP = 4;
const AXIS = 28;

/** How many sessions have bands. */
const MAX_BANDS = 12;

/** How high the plot of round trips is. */
const PLOT_HEIGHT = 220;

/** Text for HTML. */
export function escaped(text: string): string {
  const names: Record<string, string> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot" };
  return printable(text).replace(/[&<>"]/g, (each) => `&${names[each]};`);
}

/** A time axis. */
class TimeAxis {
  readonly from_ms: number;
  readonly to_ms: number;

  constructor(from_ms: number, to_ms: number) {
    this.from_ms = from_ms;
    this.to_ms = Math.max(to_ms, from_ms + 1);
  }

  x(at_ms: number): number {
    const share = (at_ms - this.from_ms) / (this.to_ms - this.from_ms);
    return round(LEFT + Math.min(1, Math.max(0, share)) * (WIDTH - LEFT - RIGHT));
  }

  /** Lines and times, down to a height. */
  grid(height: number): string {
    const steps_s = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 86_400];
    const span_s = (this.to_ms - this.from_ms) / 1_000;
    const step_s = steps_s.find((each) => span_s / each <= 8) ?? Math.ceil(span_s / 8);
    const step_ms = step_s * 1_000;
    const lines: string[] = [];
    for (let at = Math.ceil(this.from_ms / step_ms) * step_ms; at <= this.to_ms; at += step_ms) {
      const time = new Date(at).toISOString();
      const text = step_s < 1 ? time.slice(11, 21) : step_s < 60 ? time.slice(11, 19) : "";
      const shown = text || (step_s < 86_400 ? time.slice(11, 16) : time.slice(5, 10));
      const x = this.x(at);
      lines.push(
        `<line class="grid" x1="${x}" x2="${x}" y1="0" y2="${height}"/>` +
          `<text x="${x}" y="${height + 16}" text-anchor="middle">${shown}</text>`,
      );
    }
    return lines.join("");
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function axisOf({ document: { sessions } }: Report): TimeAxis | undefined {
  if (sessions.length === 0) return undefined;
  // A wall clock that was set back may end before it began.
  const times = sessions.flatMap(({ from, to }) => [Date.parse(from), Date.parse(to)]);
  const least = (values: number[]) => values.reduce((a, b) => Math.min(a, b));
  return new TimeAxis(least(times), -least(times.map((each) => -each)));
}

function svg(height: number, label: string, content: string): string {
  return `<div class="wide"><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">` +
    `${content}</svg></div>`;
}

/** The phases of both sides of the sessions with most outages, over one time axis. */
export function phasesPlot(report: Report): string {
  const axis = axisOf(report);
  if (!axis) return "<p>There is no session in the recordings.</p>";
  const count = (session: MatchedSession) =>
    report.outages.filter(({ outage }) => outage.session === session).length;
  const sessions = report.sessions.length <= MAX_BANDS
    ? report.sessions
    : report.sessions.map((session) => ({ session, outages: count(session) }))
      .sort((a, b) => b.outages - a.outages).slice(0, MAX_BANDS).map(({ session }) => session);
  const content: string[] = [];
  let y = 0;
  for (const session of sessions) {
    const top = y + 16;
    content.push(`<text x="0" y="${y + 12}">${escaped(session.id)}</text>`);
    y = top;
    for (const role of ["client", "server"] as const) {
      const sides = role === "client" ? [session.client] : session.servers;
      const known = sides.filter((side) => side !== undefined);
      if (known.length === 0) continue;
      content.push(`<text x="16" y="${y + 12}">${role}</text>`);
      for (const side of known) content.push(band(report, session, side, axis, y));
      y += LANE + GAP;
    }
    content.push(outageMarks(report, session, axis, top, y - top - GAP));
    y += 10;
  }
  const left = report.sessions.length - sessions.length;
  const legend = [["data", "data"], ["heartbeat", "heartbeat"], ["none", "no connection"]]
    .map(([color, text]) => `<span><i style="background:var(--${color})"></i>${text}</span>`);
  return svg(y + AXIS, "Phases of both sides over time", axis.grid(y) + content.join("")) +
    `<p class="legend">${legend.join("")}` +
    `<span><i style="background:var(--outage)"></i>outage: its number leads to it</span></p>` +
    (left > 0 ? `<p>${counted(left, "more session")} left out here.</p>` : "");
}

/** The phases of one side, as rectangles. */
function band(
  { clocks }: Report,
  session: MatchedSession,
  side: Side,
  axis: TimeAxis,
  y: number,
): string {
  const { phases } = side.history;
  const wall = (at_ms: number) => sideWallTime(clocks, session, side, at_ms);
  // Between two connections there is no phase.
  const changes = [
    ...phases,
    ...side.history.outages.flatMap(({ ended_ms }) =>
      ended_ms === undefined ? [] : [{ phase: "none", from_ms: ended_ms }]
    ),
  ].sort((a, b) => a.from_ms - b.from_ms);
  const end_ms = side.history.ended?.at_ms ?? side.history.last_ms;
  return changes.map(({ from_ms, phase }, at) => {
    if (phase === "terminated" || from_ms >= end_ms) return "";
    const to_ms = changes[at + 1]?.from_ms ?? end_ms;
    const [from, to] = [wall(from_ms), wall(to_ms)];
    const kind = phase === "data" || phase === "heartbeat" ? phase : "none";
    const [x, width] = [axis.x(from), Math.max(0.5, axis.x(to) - axis.x(from))];
    const title = `${phase === "none" ? "no connection" : phase}, ${
      timeText(to_ms - from_ms)
    }, from ${Number.isFinite(from) ? new Date(from).toISOString().slice(11, 23) : "?"}`;
    return `<rect class="${kind}" x="${x}" y="${y}" width="${
      round(width)
    }" height="${LANE}"><title>${title}</title></rect>`;
  }).join("");
}

/** The outages of a session, each a link to what is known of it. */
function outageMarks(
  { document, outages }: Report,
  session: MatchedSession,
  axis: TimeAxis,
  y: number,
  height: number,
): string {
  return outages.map(({ outage }, at) => {
    if (outage.session !== session) return "";
    const { from, to } = document.outages[at]!;
    const x = axis.x(Date.parse(from));
    const width = Math.max(3, axis.x(to === null ? axis.to_ms : Date.parse(to)) - x);
    return `<a href="#outage-${at + 1}"><title>Outage ${at + 1}</title>` +
      `<rect class="outage" x="${x}" y="${y - 2}" width="${round(width)}" height="${
        height + 4
      }"/>` +
      `<text class="number" x="${round(x + width / 2)}" y="${y - 5}" text-anchor="middle">${
        at + 1
      }</text></a>`;
  }).join("");
}

/** The round trips of all clients, on a logarithmic scale. */
export function roundTripsPlot(report: Report): string {
  const axis = axisOf(report);
  const buckets = report.roundTrips.all();
  if (!axis || buckets.length === 0) {
    return "<p>No round trip is in the recordings: the client's has them.</p>";
  }
  const least = Math.max(1e-3, Math.min(...buckets.map(([, { least_ms }]) => least_ms)));
  const greatest = Math.max(...buckets.map(([, { greatest_ms }]) => greatest_ms), least * 2);
  const [low, high] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(greatest))];
  const y = (ms: number) =>
    round(PLOT_HEIGHT * (1 - (Math.log10(Math.max(ms, 10 ** low)) - low) / (high - low || 1)));
  const scale = Array.from({ length: high - low + 1 }, (_, at) => 10 ** (low + at)).map((ms) =>
    `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(ms)}" y2="${y(ms)}"/>` +
    `<text x="${LEFT - 8}" y="${y(ms) + 4}" text-anchor="end">${scaleText(ms)}</text>`
  );
  const bucket_ms = report.roundTrips.bucket_ms;
  const width = Math.max(1, axis.x(axis.from_ms + bucket_ms) - axis.x(axis.from_ms));
  const ranges = buckets.map(([at_ms, { greatest_ms, least_ms }]) => {
    const top = y(greatest_ms);
    return `<rect class="range" x="${round(axis.x(at_ms) - width / 2)}" y="${top}" width="${
      round(width)
    }" height="${round(Math.max(1.5, y(least_ms) - top))}"/>`;
  });
  // A line between neighbours; where nothing was confirmed it has a gap.
  const usual_ms = gapOf(buckets.map(([at_ms]) => at_ms));
  const path = buckets.map(([at_ms, { count, sum_ms }], at) => {
    const isNext = at > 0 && at_ms - buckets[at - 1]![0] <= usual_ms;
    return `${isNext ? "L" : "M"}${axis.x(at_ms)} ${y(sum_ms / count)}`;
  }).join("");
  return svg(
    PLOT_HEIGHT + AXIS,
    "Round trips over time",
    `<g transform="translate(0 6)">${scale.join("")}${axis.grid(PLOT_HEIGHT)}${ranges.join("")}` +
      `<path class="mean" d="${path}"/></g>`,
  ) + `<p>Mean, and from the shortest to the longest, of each ${timeText(bucket_ms)}.</p>`;
}

/** From which distance on points have a gap between them: three times the median. */
function gapOf(times_ms: readonly number[]): number {
  const gaps = times_ms.slice(1).map((each, at) => each - times_ms[at]!).sort((a, b) => a - b);
  return 3 * (gaps[Math.floor(gaps.length / 2)] ?? 0);
}

function scaleText(ms: number): string {
  return ms < 1 ? `${ms * 1_000} µs` : ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`;
}
