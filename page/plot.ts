/// <reference lib="dom" />
/**
 * Round trips over time as a plot: from the least to the most of each sample, with gaps where there were none.
 *
 * @module
 */
import { html } from "htm/preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { SessionHistoryDocument } from "../lib/output/web/documents.ts";
import { type Span, stretchesIn } from "./band.ts";
import { roundTripText } from "./text.ts";

const HEIGHT = 220;

interface Props {
  history: SessionHistoryDocument;
  span: Span;
}

/** The plot; its text says what a screen reader can of it. */
export function RoundTripPlot({ history, span }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef({ history, span });
  latest.current = { history, span };
  useEffect(() => {
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(
        options(box.current!, () => latest.current),
        dataOf(latest.current),
        box.current!,
      );
    };
    const sizes = new ResizeObserver(() =>
      plot.current?.setSize({ width: box.current!.clientWidth, height: HEIGHT })
    );
    make();
    sizes.observe(box.current!);
    scheme.addEventListener("change", make);
    return () => {
      scheme.removeEventListener("change", make);
      sizes.disconnect();
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(dataOf({ history, span })), [history, span.from_ms]);
  const { max_ms, p50_ms, p99_ms } = history.round_trips.percentiles;
  const text = `round trips: median ${roundTripText(p50_ms)}, 99 % ${roundTripText(p99_ms)}, ` +
    `longest ${roundTripText(max_ms)}`;
  return html`<div class="plot" ref=${box} role="img" aria-label=${text}></div>`;
}

/** The samples in a span, in the form that the plot takes: times in seconds. */
function dataOf({ history, span }: Props): uPlot.AlignedData {
  const samples = history.round_trips.samples.filter(([from_ms]) => from_ms >= span.from_ms);
  return [
    samples.map(([from_ms]) => from_ms / 1_000),
    samples.map(([, , most]) => most),
    samples.map(([, least]) => least),
  ];
}

function options(box: HTMLElement, latest: () => Props): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name);
  const axis = {
    stroke: colour("--quiet"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 },
  };
  const series = {
    stroke: colour("--plot"),
    width: 1.5,
    spanGaps: false,
    value: (_: uPlot, ms: number | null) => roundTripText(ms),
  };
  return {
    width: box.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: {
      x: { range: () => [latest().span.from_ms / 1_000, latest().span.to_ms / 1_000] },
      y: { range: (_plot, _least, most) => [0, Math.max(most ?? 0, 0.1) * 1.1] },
    },
    axes: [{ ...axis, space: 90, values: (_, ticks) => ticks.map(timeText) }, {
      ...axis,
      size: 72,
      values: (_, ticks) => ticks.map(roundTripText),
    }],
    series: [
      { label: "time", value: (_, s) => s === null ? "" : timeText(s) },
      { ...series, label: "most" },
      { ...series, label: "least", width: 0.8 },
    ],
    bands: [{ series: [1, 2], fill: colour("--plot-fill") }],
    hooks: { drawClear: [(plot) => shade(plot, latest(), colour("--shade"))] },
  };
}

/** A time of day, by seconds since 1970. */
function timeText(s: number): string {
  return new Date(s * 1_000).toTimeString().slice(0, 8);
}

/** Marks the times in which all was not well. */
function shade(plot: uPlot, { history, span }: Props, colour: string): void {
  const { states } = history.session;
  if (!states) return;
  const { ctx } = plot;
  const { height, left, top, width } = plot.bbox;
  ctx.fillStyle = colour;
  for (const stretch of stretchesIn(states, span)) {
    if (["ok", "idle", "ended"].includes(stretch.state)) continue;
    ctx.fillRect(left + stretch.from / 1_000 * width, top, stretch.width / 1_000 * width, height);
  }
}
