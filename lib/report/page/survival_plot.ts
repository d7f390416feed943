/**
 * The survival picture of a search for idle timeouts, as SVG: idle time against fate, for both directions.
 *
 * @module
 */
import type { IdleDocument } from "../document.ts";
import {
  bracketText,
  FATE_NAMES,
  IDLE_FATES,
  type IdleFate,
  survivalOf,
} from "../idle_survival.ts";

/** The coordinates of the picture: the page scales it. */
const WIDTH = 1_000;
const LEFT = 130;
const RIGHT = 30;
const AXIS = 28;

/** The size of a session's mark, and how many stand above each other at the most. */
const MARK = 8;
const MOST = 12;

/** How many idle times are written below the axis. */
const LABELS = 8;

/** The colour of each fate, of those of the style sheet. */
const COLOURS: Readonly<Record<IdleFate, string>> = {
  alive: "data",
  silent: "outage",
  reset_client: "heartbeat",
  reset_server: "heartbeat",
  reset_both: "heartbeat",
  closed: "none",
};

/** The picture, with what was found above it. */
export function survivalPlot(idle: IdleDocument): string {
  const times = idle.probes.map(({ idle_ms }) => idle_ms / 1_000);
  const least = Math.max(0.1, Math.min(...times));
  const most = Math.max(...times, least * 1.01);
  // Idle times are spread geometrically: so is the axis.
  const x = (idle_s: number) => {
    const share = Math.log(Math.max(idle_s, least) / least) / Math.log(most / least);
    return Math.round(100 * (LEFT + share * (WIDTH - LEFT - RIGHT))) / 100;
  };
  const lane = (MOST + 1) * MARK;
  const height = 2 * lane + 10;
  const marks = (["client", "server"] as const).map((first, at) =>
    laneOf(idle, first, at * (lane + 10), lane, x)
  );
  const grid = Array.from({ length: LABELS + 1 }, (_, at) => {
    const idle_s = least * (most / least) ** (at / LABELS);
    return `<line class="grid" x1="${x(idle_s)}" x2="${x(idle_s)}" y1="0" y2="${height}"/>` +
      `<text x="${x(idle_s)}" y="${height + 16}" text-anchor="middle">${
        numberText(idle_s)
      } s</text>`;
  });
  return `${foundText(idle)}<div class="wide"><svg viewBox="0 0 ${WIDTH} ${
    height + AXIS
  }" role="img" ` +
    `aria-label="Idle time against fate">${grid.join("")}${marks.join("")}</svg></div>${legend()}`;
}

function laneOf(
  idle: IdleDocument,
  first: "client" | "server",
  top: number,
  lane: number,
  x: (idle_s: number) => number,
): string {
  const marks = survivalOf(idle, first).flatMap(({ fates, idle_s }) => {
    const all = fates.flatMap(([fate, count]) => Array<IdleFate>(count).fill(fate)).slice(0, MOST);
    const title = fates.map(([fate, count]) => `${count} ${FATE_NAMES[fate]}`).join(", ");
    return all.map((fate, at) =>
      `<rect class="${COLOURS[fate]}" x="${x(idle_s) - MARK / 2 + 0.5}" y="${
        top + lane - (at + 1) * MARK
      }" width="${MARK - 1}" height="${MARK - 1}"><title>${idle_s} s: ${title}</title></rect>`
    );
  });
  return `<text x="0" y="${top + lane - 4}">${first} first</text>${marks.join("")}`;
}

function foundText({ found }: IdleDocument): string {
  if (!found) return "";
  const end = found.complete ? "" : " (so far: the search was not at its end)";
  return (["client", "server"] as const).map((first) =>
    `<p>${first} first: ${bracketText(found[`${first}_first`])}${end}.</p>`
  ).join("");
}

function legend(): string {
  const spans = IDLE_FATES.filter((fate) => !fate.startsWith("reset")).map((fate) =>
    `<span><i style="background:var(--${COLOURS[fate]})"></i>${FATE_NAMES[fate]}</span>`
  );
  spans.push(`<span><i style="background:var(--heartbeat)"></i>reset</span>`);
  return `<p class="legend">${spans.join("")}</p>`;
}

function numberText(seconds: number): string {
  return seconds < 10 ? seconds.toFixed(1) : `${Math.round(seconds)}`;
}
