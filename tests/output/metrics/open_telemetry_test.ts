import { assertEquals } from "@std/assert";
import { BOUNDS_S } from "../../../lib/monitor/buckets.ts";
import type { Attributes, InstrumentOptions, Meter } from "../../../lib/output/metrics/meter.ts";
import { METRICS } from "../../../lib/output/metrics/metrics.ts";
import { MetricExport, telemetryName } from "../../../lib/output/metrics/open_telemetry.ts";
import { FakeMonitor, NO_TOTALS } from "../../support/fake_monitor.ts";

/** A meter that keeps what is recorded: by the name of the instrument, and its attributes if it has any. */
class FakeMeter implements Meter {
  /** The sums of counters, and the last values of gauges. */
  readonly values = new Map<string, number>();
  /** What histograms took. */
  readonly times = new Map<string, number[]>();
  /** What was said of each instrument. */
  readonly options = new Map<string, InstrumentOptions>();
  /** Does what Deno does before an export. */
  export = (): Promise<void> => Promise.resolve();

  createCounter(name: string, options: InstrumentOptions) {
    this.options.set(name, options);
    return {
      add: (value: number, attributes: Attributes) => {
        assertEquals(value >= 0, true, `${name} grows by ${value}`);
        const key = keyOf(name, attributes);
        this.values.set(key, (this.values.get(key) ?? 0) + value);
      },
    };
  }

  createGauge(name: string, options: InstrumentOptions) {
    this.options.set(name, options);
    return {
      record: (value: number, attributes: Attributes) =>
        void this.values.set(keyOf(name, attributes), value),
    };
  }

  createHistogram(name: string, options: InstrumentOptions) {
    this.options.set(name, options);
    const times: number[] = [];
    this.times.set(name, times);
    return { record: (value: number) => void times.push(value) };
  }

  createObservableGauge(name: string, options: InstrumentOptions) {
    this.options.set(name, options);
    const observe = (value: number, attributes: Attributes) =>
      void this.values.set(keyOf(name, attributes), value);
    return {
      addCallback: (callback: (result: { observe: typeof observe }) => Promise<void>) => {
        this.export = () => callback({ observe });
      },
    };
  }
}

function keyOf(name: string, attributes: Attributes): string {
  return [name, ...Object.entries(attributes).map(([key, value]) => `${key}=${value}`)].join(" ");
}

Deno.test("instruments have the names that exporters make those of the table of, and their units", () => {
  const meter = new FakeMeter();
  new MetricExport(meter, new FakeMonitor(), "1");
  assertEquals(meter.options.size, METRICS.length);
  const suffixes: Record<string, string> = { s: "_seconds", By: "_bytes" };
  for (const { help, name, type, unit } of METRICS) {
    const own = telemetryName(name);
    const exported = own.replaceAll(".", "_") + (suffixes[unit] ?? "") +
      (type === "counter" ? "_total" : "");
    assertEquals(exported, name);
    assertEquals([meter.options.get(own)?.description, meter.options.get(own)?.unit], [help, unit]);
  }
  assertEquals(telemetryName("pulsewire_round_trip_seconds"), "pulsewire.round_trip");
});

Deno.test("each export has the values of its moment", async () => {
  const meter = new FakeMeter();
  const monitor = new FakeMonitor("client");
  new MetricExport(meter, monitor, "1.2.3");
  await meter.export();
  assertEquals(meter.values.get("pulsewire.silences"), 0);
  assertEquals(meter.values.get("pulsewire.sessions_ended by=self reason=silent"), 0);
  assertEquals(meter.values.get("pulsewire.build_info version=1.2.3 role=client"), 1);
  monitor.set({
    silences: 3,
    phases: { ...NO_TOTALS.phases, data: 7 },
    ended: [{ by: "self", reason: "silent", count: 2 }],
  });
  await meter.export();
  monitor.set({ silences: 4, phases: { ...NO_TOTALS.phases, data: 5 } });
  await meter.export();
  assertEquals(meter.values.get("pulsewire.silences"), 4);
  assertEquals(meter.values.get("pulsewire.sessions phase=data"), 5);
  assertEquals(meter.values.get("pulsewire.sessions_ended by=self reason=silent"), 2);
});

Deno.test("values that were read before others, and come after them, take nothing away", async () => {
  const meter = new FakeMeter();
  const monitor = new FakeMonitor();
  const exported = new MetricExport(meter, monitor, "1");
  const { promise, resolve } = Promise.withResolvers<void>();
  const totals = monitor.totals.bind(monitor);
  monitor.totals = () => totals().then((early) => promise.then(() => early));
  const early = exported.update();
  monitor.totals = totals;
  monitor.set({ data_sent: 9 });
  await exported.update();
  resolve();
  await early;
  monitor.set({ data_sent: 12 });
  await exported.update();
  assertEquals(meter.values.get("pulsewire.data_messages_sent"), 12);
});

Deno.test("times go to histograms with the bounds of the table", () => {
  const meter = new FakeMeter();
  const { recorders } = new MetricExport(meter, new FakeMonitor(), "1");
  recorders.overshoots.record(0.25);
  assertEquals(meter.times.get("pulsewire.detection_overshoot"), [0.25]);
  assertEquals(
    meter.options.get("pulsewire.round_trip")?.advice?.explicitBucketBoundaries,
    [...BOUNDS_S.round_trips],
  );
});

Deno.test("a monitor that cannot be read fails no export", async () => {
  const meter = new FakeMeter();
  const monitor = new FakeMonitor();
  new MetricExport(meter, monitor, "1");
  monitor.totals = () => Promise.reject(new Error("the worker has ended"));
  await meter.export();
  assertEquals(meter.values.size, 0);
});
