/**
 * The page, the alert rules and the dashboard name metrics and labels that exist.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { METRICS } from "../../../lib/output/metrics/metrics.ts";
import { metricsTables, MONITORING_DOC, withMetrics } from "../../../scripts/metrics_doc.ts";

const FOLDER = new URL("monitoring/", MONITORING_DOC);

/** The names of all series. */
const SERIES = new Set(
  METRICS.flatMap(({ name, type }) =>
    type === "histogram" ? ["bucket", "sum", "count"].map((end) => `${name}_${end}`) : [name]
  ),
);

/** Labels of metrics, and those that Prometheus adds. */
const LABELS = new Set([
  ...METRICS.flatMap((metric) => metric.type === "histogram" ? ["le"] : metric.labels),
  ...["job", "instance"],
]);

/** The names of series in a text. */
function namesIn(text: string): string[] {
  return text.match(/\b(pulsewire|process)_[a-z_]+\b/g) ?? [];
}

/** Labels that queries match on, or sum by. */
function labelsIn(text: string): string[] {
  const matched = [...text.matchAll(/([a-z_]+)\s*(=~|!~|!=|=)\s*\\?"/g)].map(([, label]) => label!);
  const grouped = [...text.matchAll(/\b(?:by|without|on) \(([^)]*)\)/g)];
  return [...matched, ...grouped.flatMap(([, labels]) => labels!.split(", "))];
}

Deno.test("the tables of docs/monitoring.md are up to date: deno task docs writes them", async () => {
  const page = await Deno.readTextFile(MONITORING_DOC);
  assertEquals(page, withMetrics(page, metricsTables()));
  assertStringIncludes(page, metricsTables());
  assertEquals(namesIn(page).filter((name) => !METRICS.some((metric) => metric.name === name)), []);
});

for (const file of ["alerts.yml", "alerts_test.yml", "dashboard.json"]) {
  Deno.test(`docs/monitoring/${file} uses only metrics and labels that exist`, async () => {
    const text = await Deno.readTextFile(new URL(file, FOLDER));
    const names = namesIn(text);
    assertEquals(names.length > 5, true);
    assertEquals(names.filter((name) => !SERIES.has(name)), []);
    assertEquals(labelsIn(text).filter((label) => !LABELS.has(label)), []);
  });
}

Deno.test("the dashboard shows every metric", async () => {
  const shown = namesIn(await Deno.readTextFile(new URL("dashboard.json", FOLDER)));
  const isShown = (name: string) => shown.some((series) => series.startsWith(name));
  assertEquals(METRICS.filter(({ name }) => !isShown(name)).map(({ name }) => name), []);
});

Deno.test("the dashboard's panels have ids of their own and do not overlap", async () => {
  const { panels } = JSON.parse(await Deno.readTextFile(new URL("dashboard.json", FOLDER)));
  const ids = panels.map(({ id }: { id: number }) => id);
  assertEquals(new Set(ids).size, ids.length);
  const taken = new Set<string>();
  for (const { gridPos: { h, w, x, y } } of panels) {
    for (let at = 0; at < h * w; at++) {
      const cell = `${x + at % w},${y + Math.floor(at / w)}`;
      assertEquals(taken.has(cell) || x + w > 24, false, cell);
      taken.add(cell);
    }
  }
});
