import { assertEquals, assertStringIncludes } from "@std/assert";
import { TimeCounts } from "../../../lib/monitor/buckets.ts";
import { healthAnswer, metricsAnswer } from "../../../lib/output/metrics/exposition.ts";
import { METRICS } from "../../../lib/output/metrics/metrics.ts";
import { FakeMonitor } from "../../support/fake_monitor.ts";

/** What Prometheus 2.53 says. */
const PROMETHEUS = "application/openmetrics-text;version=1.0.0;q=0.5," +
  "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/** The samples of a text, by series. */
async function samplesOf(monitor: FakeMonitor, accept?: string): Promise<Map<string, string>> {
  const { body } = await metricsAnswer(monitor, "1.2.3", accept);
  const lines = body.trimEnd().split("\n").filter((line) => !line.startsWith("#"));
  const samples = lines.map((line) => line.split(" ") as [string, string]);
  assertEquals(new Set(samples.map(([series]) => series)).size, samples.length);
  return new Map(samples);
}

Deno.test("every series is there from the start, with zero", async () => {
  const samples = await samplesOf(new FakeMonitor());
  const other = [...samples].filter(([, value]) => value !== "0");
  assertEquals(other, [
    ['pulsewire_build_info{version="1.2.3",role="server"}', "1"],
    ["process_start_time_seconds", "1795759200"],
    ["pulsewire_healthy", "1"],
  ]);
  for (const by of ["self", "peer", "network"]) {
    assertEquals(samples.get(`pulsewire_sessions_ended_total{by="${by}",reason="silent"}`), "0");
  }
});

Deno.test("no session, and no number of sessions, makes another series", async () => {
  const monitor = new FakeMonitor();
  const before = (await samplesOf(monitor)).size;
  const times = new TimeCounts("round_trips");
  for (let ms = 0.1; ms < 1e6; ms *= 2) times.add(ms);
  monitor.set({
    phases: { connecting: 1, data: 9_000, heartbeat: 3, terminated: 0 },
    round_trips: times.read(),
    ended: [{ by: "network", reason: "reset", count: 7 }, { by: "self", reason: "done", count: 1 }],
  });
  assertEquals((await samplesOf(monitor)).size, before);
});

Deno.test("values are those of the totals", async () => {
  const monitor = new FakeMonitor();
  const silences = new TimeCounts("silence_durations");
  for (const ms of [400, 22_000, 9e6]) silences.add(ms);
  monitor.set({
    phases: { connecting: 1, data: 20, heartbeat: 3, terminated: 0 },
    silent: 2,
    silences: 5,
    data_bytes: 1e15,
    ended: [{ by: "network", reason: "reset", count: 4 }],
    silence_durations: silences.read(),
  });
  monitor.fail("the store is locked");
  const samples = await samplesOf(monitor);
  const expected: Record<string, string> = {
    "pulsewire_healthy": "0",
    'pulsewire_sessions{phase="connecting"}': "1",
    'pulsewire_sessions{phase="data"}': "20",
    'pulsewire_sessions{phase="heartbeat"}': "3",
    "pulsewire_silent_sessions": "2",
    "pulsewire_silences_total": "5",
    "pulsewire_data_bytes_total": "1000000000000000",
    'pulsewire_sessions_ended_total{by="network",reason="reset"}': "4",
    'pulsewire_silence_seconds_bucket{le="0.5"}': "1",
    'pulsewire_silence_seconds_bucket{le="20.0"}': "1",
    'pulsewire_silence_seconds_bucket{le="25.0"}': "2",
    'pulsewire_silence_seconds_bucket{le="+Inf"}': "3",
    "pulsewire_silence_seconds_sum": "9022.4",
    "pulsewire_silence_seconds_count": "3",
  };
  for (const [series, value] of Object.entries(expected)) {
    assertEquals(samples.get(series), value, series);
  }
});

Deno.test("an end that nobody foresaw is counted too", async () => {
  const monitor = new FakeMonitor();
  monitor.set({ ended: [{ by: "peer", reason: "reset", count: 1 }] });
  const samples = await samplesOf(monitor);
  assertEquals(samples.get('pulsewire_sessions_ended_total{by="peer",reason="reset"}'), "1");
});

Deno.test("who asks for OpenMetrics 1.0 gets it, with the same series", async () => {
  const monitor = new FakeMonitor("client");
  const text = await metricsAnswer(monitor, "1", "text/plain;version=0.0.4");
  assertEquals(text.contentType, "text/plain; version=0.0.4; charset=utf-8");
  const open = await metricsAnswer(monitor, "1", PROMETHEUS);
  assertEquals(open.contentType, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  assertEquals(open.body.endsWith("\n# EOF\n"), true);
  assertStringIncludes(open.body, "\n# TYPE pulsewire_silences counter\n");
  assertStringIncludes(open.body, "\n# UNIT pulsewire_round_trip_seconds seconds\n");
  assertStringIncludes(text.body, "\n# TYPE pulsewire_silences_total counter\n");
  assertEquals(await samplesOf(monitor, PROMETHEUS), await samplesOf(monitor));
});

Deno.test("a metric's name, type and unit agree", () => {
  assertEquals(new Set(METRICS.map(({ name }) => name)).size, METRICS.length);
  for (const { help, name, type, unit } of METRICS) {
    assertEquals(name.endsWith("_total"), type === "counter", name);
    assertEquals(/_seconds(_total)?$/.test(name), unit === "s", name);
    assertEquals(/_bytes(_total)?$/.test(name), unit === "By", name);
    // An escape is needed nowhere.
    assertEquals(/["\\\n]|\.$/.test(help), false, name);
  }
});

Deno.test("/healthz is ok, or names each thing that is wrong", () => {
  const contentType = "text/plain; charset=utf-8";
  assertEquals(healthAnswer({ ok: true, problems: [] }), {
    ...{ status: 200, contentType, body: "ok\n" },
  });
  const problems = ["the store is locked", "no new connection is accepted"];
  assertEquals(healthAnswer({ ok: false, problems }), {
    ...{ status: 503, contentType, body: "the store is locked\nno new connection is accepted\n" },
  });
});
