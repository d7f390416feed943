/**
 * The metrics as text, as Prometheus scrapes them, and the answer of `/healthz`.
 *
 * Sources: the text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/) and OpenMetrics 1.0
 * (https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md).
 *
 * @module
 */
import type { Buckets, Health, Monitor } from "../../monitor/monitor.ts";
import type { Metric, Reading, Sample } from "./metric.ts";
import { METRICS, read } from "./metrics.ts";

/** An answer over HTTP. */
export interface Answer {
  /** The status. */
  readonly status: number;
  /** The header `Content-Type`. */
  readonly contentType: string;
  /** The text. */
  readonly body: string;
}

const TEXT = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** The endings of names that OpenMetrics has as a line of their own. */
const UNITS: Readonly<Record<string, string>> = { s: "seconds", By: "bytes" };

/**
 * The answer of `/metrics`: as OpenMetrics to whoever names version 1.0 of it in the header `Accept`, otherwise as
 * text. The values, and what they are called, are the same in both.
 */
export async function metricsAnswer(
  monitor: Monitor,
  version: string,
  accept: string | null = null,
): Promise<Answer> {
  const reading = await read(monitor, version);
  const isOpen = /application\/openmetrics-text\s*;\s*version=1\.0\.0/.test(accept ?? "");
  return {
    status: 200,
    contentType: isOpen ? OPEN_METRICS : TEXT,
    body: isOpen ? `${families(reading, true)}# EOF\n` : families(reading, false),
  };
}

/** The answer of `/healthz`: 200, or 503 with a line for each thing that is wrong. */
export function healthAnswer({ ok, problems }: Health): Answer {
  const body = ok ? "ok\n" : `${problems.join("\n")}\n`;
  return { status: ok ? 200 : 503, contentType: "text/plain; charset=utf-8", body };
}

function families(reading: Reading, isOpen: boolean): string {
  return METRICS.map((metric) => head(metric, isOpen) + samples(metric, reading)).join("");
}

/** The lines about a metric: OpenMetrics names a counter without its `_total`, and has the unit. */
function head({ help, name, type, unit }: Metric, isOpen: boolean): string {
  const named = isOpen ? name.replace(/_total$/, "") : name;
  const unitName = UNITS[unit];
  const hasUnit = isOpen && unitName && named.endsWith(`_${unitName}`);
  return `# HELP ${named} ${help}.\n# TYPE ${named} ${type}\n` +
    (hasUnit ? `# UNIT ${named} ${unitName}\n` : "");
}

function samples(metric: Metric, reading: Reading): string {
  const { name } = metric;
  if (metric.type === "histogram") return bucketLines(name, reading.totals[metric.times]);
  return metric.read(reading).map((sample) => `${name}${labelText(sample)} ${sample.value}\n`)
    .join("");
}

function bucketLines(name: string, { bounds_s, counts, count, sum_s }: Buckets): string {
  const line = (bound: string, value: number) => `${name}_bucket{le="${bound}"} ${value}\n`;
  // OpenMetrics asks for the point; in the other text it stands too, so that the series have one name.
  const boundText = (bound: number) => Number.isInteger(bound) ? `${bound}.0` : `${bound}`;
  return bounds_s.map((bound, at) => line(boundText(bound), counts[at]!)).join("") +
    `${line("+Inf", count)}${name}_sum ${sum_s}\n${name}_count ${count}\n`;
}

function labelText({ labels }: Sample): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
