/**
 * A plot of memory over time, as an SVG image.
 *
 * @module
 */

/** The resident set of a process at a time since the start. */
export interface MemorySample {
  /** Seconds since the start. */
  readonly at_s: number;
  /** The resident set, in bytes. */
  readonly bytes: number;
}

const WIDTH = 720;
const HEIGHT = 260;
/** Room for the labels. */
const LEFT = 60;
const BOTTOM = 40;
const TOP = 30;

/** Plots samples; the axes begin at 0. */
export function plotMemory(title: string, samples: readonly MemorySample[]): string {
  const minutes = Math.max(1, Math.ceil(samples.at(-1)!.at_s / 60));
  const most_mb = Math.max(...samples.map(({ bytes }) => bytes)) / 2 ** 20;
  const step_mb = [10, 25, 50, 100, 250, 500, 1_000].find((step) => most_mb / step <= 6) ?? 2_500;
  const top_mb = Math.ceil(most_mb / step_mb) * step_mb;
  const x = (at_s: number) => (LEFT + at_s / 60 / minutes * (WIDTH - LEFT - 20)).toFixed(1);
  const y = (mb: number) => (HEIGHT - BOTTOM - mb / top_mb * (HEIGHT - BOTTOM - TOP)).toFixed(1);
  const points = samples.map(({ at_s, bytes }) => `${x(at_s)},${y(bytes / 2 ** 20)}`);
  const lines = Array.from({ length: top_mb / step_mb + 1 }, (_, i) => i * step_mb).map((mb) =>
    `<path d="M${x(0)} ${y(mb)}H${x(minutes * 60)}" stroke="#ccc"/>` +
    `<text x="${LEFT - 8}" y="${y(mb)}" text-anchor="end" dy="4">${mb} MB</text>`
  );
  const labels = Array.from(
    { length: minutes + 1 },
    (_, minute) =>
      `<text x="${x(minute * 60)}" y="${
        HEIGHT - BOTTOM + 18
      }" text-anchor="middle">${minute}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
    'font-family="sans-serif" font-size="12" fill="#333">',
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="${LEFT}" y="18">${title}</text>`,
    ...lines,
    ...labels,
    `<text x="${WIDTH / 2}" y="${HEIGHT - 6}" text-anchor="middle">minutes</text>`,
    `<polyline points="${points.join(" ")}" fill="none" stroke="#06c" stroke-width="1.5"/>`,
    "</svg>\n",
  ].join("\n");
}
