/**
 * Prometheus's own tools take the metrics, the alert rules and the dashboard's queries as they are.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { metricsAnswer } from "../../lib/output/metrics/exposition.ts";
import { FakeMonitor } from "../support/fake_monitor.ts";
import { withFolder } from "../support/folder.ts";
import { promtool } from "../support/prometheus.ts";
import { testUnless, whyNot } from "../support/skip.ts";

const FOLDER = decodeURIComponent(new URL("../../docs/monitoring", import.meta.url).pathname);

const noPromtool = whyNot("promtool", "--version");

for (const role of ["client", "server"] as const) {
  testUnless(noPromtool, `promtool finds nothing wrong with the metrics of a ${role}`, async () => {
    const { body } = await metricsAnswer(new FakeMonitor(role), "1.2.3");
    assertEquals(await promtool(["check", "metrics"], body), { code: 0, said: "" });
  });
}

testUnless(noPromtool, "promtool does find what is wrong with metrics", async () => {
  const text = "# TYPE pulsewire_silences counter\npulsewire_silences 1\n";
  assertEquals((await promtool(["check", "metrics"], text)).code, 3);
});

testUnless(noPromtool, "the alert rules are valid, and alert when they should", async () => {
  const checked = await promtool(["check", "rules", `${FOLDER}/alerts.yml`]);
  assertEquals([checked.code, checked.said.includes("6 rules found")], [0, true], checked.said);
  const tested = await promtool(["test", "rules", `${FOLDER}/alerts_test.yml`]);
  assertEquals(tested.code, 0, tested.said);
});

testUnless(noPromtool, "the dashboard's queries are valid", async () => {
  const { panels } = JSON.parse(await Deno.readTextFile(`${FOLDER}/dashboard.json`));
  const queries: string[] = panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
    targets.map(({ expr }) => expr.replaceAll(/\$__(rate_interval|range)/g, "5m"))
  );
  assertEquals(queries.length > 20, true);
  const rules = queries.map((expr, at) => ({ record: `query:${at}`, expr }));
  await withFolder(async (folder) => {
    // JSON is YAML.
    const groups = JSON.stringify({ groups: [{ name: "dashboard", rules }] });
    await Deno.writeTextFile(`${folder}/rules.yml`, groups);
    const { code, said } = await promtool(["check", "rules", `${folder}/rules.yml`]);
    assertEquals(code, 0, said);
  });
});
