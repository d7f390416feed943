/**
 * Writes the tables of metrics in `docs/monitoring.md` from the registry.
 *
 * @module
 */
import { BOUNDS_S } from "../lib/monitor/buckets.ts";
import { METRICS } from "../lib/output/metrics/metrics.ts";
import { table } from "./settings_doc.ts";

/** The file in which this script writes. */
export const MONITORING_DOC = new URL("../docs/monitoring.md", import.meta.url);

/** What stands between the marks in `docs/monitoring.md`. */
export function metricsTables(): string {
  const rows = METRICS.map((metric) => {
    const labels = metric.type === "histogram" ? [] : metric.labels;
    const named = labels.map((label) => `\`${label}\``).join(", ");
    return [`\`${metric.name}\``, metric.type, named, metric.help];
  });
  const bounds = METRICS.flatMap((metric) =>
    metric.type === "histogram" ? [[`\`${metric.name}\``, BOUNDS_S[metric.times].join(", ")]] : []
  );
  return `${table(["metric", "type", "labels", "meaning"], rows)}
${table(["histogram", "upper bounds of its buckets, in seconds"], bounds)}`;
}

/** A page with these tables between its marks. */
export function withMetrics(page: string, tables: string): string {
  return page.replace(/(<!-- metrics: .*\n)[^]*(<!-- \/metrics -->)/, `$1\n${tables}\n$2`);
}

if (import.meta.main) {
  const page = Deno.readTextFileSync(MONITORING_DOC);
  Deno.writeTextFileSync(MONITORING_DOC, withMetrics(page, metricsTables()));
}
