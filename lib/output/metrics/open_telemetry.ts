/**
 * The metrics through OpenTelemetry: the same table, as instruments whose values Deno exports.
 *
 * @module
 */
import { BOUNDS_S, type TimeName } from "../../monitor/buckets.ts";
import type { Monitor } from "../../monitor/monitor.ts";
import type { Attributes, InstrumentOptions, Meter } from "./meter.ts";
import type { Metric, Reading, ValueMetric } from "./metric.ts";
import { METRICS, read } from "./metrics.ts";

/** The metric whose callback reads all others before each export. */
const DRIVER = "pulsewire_build_info";

/**
 * The name that exporters to Prometheus turn into that of the table: they add the unit, `_total`, and `_` for a dot
 * (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/).
 */
export function telemetryName(name: string): string {
  return name.replace(/_total$/, "").replace(/_(seconds|bytes)$/, "").replace("_", ".");
}

/** An instrument that takes the values of a metric. */
interface Instrument {
  readonly metric: ValueMetric;
  take(value: number, labels: Attributes): void;
}

/**
 * Exports the metrics of a process. Values are recorded before each export and at the end, and not observed: Deno's
 * last export, when a process exits, asks no observable instrument, and the last numbers are those that say why.
 */
export class MetricExport {
  /** They are to be given each time when it is measured, in seconds. */
  readonly recorders: Readonly<Record<TimeName, { record(seconds: number): void }>>;
  readonly #instruments: Instrument[] = [];
  readonly #read: () => Promise<Reading>;

  /** Makes the instruments, and reads a monitor before each export. */
  constructor(meter: Meter, monitor: Monitor, version: string) {
    this.#read = () => read(monitor, version);
    const recorders: Partial<Record<TimeName, { record(seconds: number): void }>> = {};
    for (const metric of METRICS) {
      const name = telemetryName(metric.name);
      const options = optionsOf(metric);
      if (metric.type === "histogram") {
        recorders[metric.times] = meter.createHistogram(name, options);
      } else if (metric.name === DRIVER) {
        meter.createObservableGauge(name, options).addCallback(async (result) => {
          const reading = await this.update();
          if (!reading) return;
          for (const { labels, value } of metric.read(reading)) result.observe(value, labels);
        });
      } else if (metric.type === "counter") {
        this.#instruments.push(counter(meter, metric, name, options));
      } else {
        const gauge = meter.createGauge(name, options);
        const take = (value: number, labels: Attributes) => gauge.record(value, labels);
        this.#instruments.push({ metric, take });
      }
    }
    this.recorders = recorders as Record<TimeName, { record(seconds: number): void }>;
  }

  /** Records all values as they are now. A monitor that cannot be read leaves them as they were. */
  async update(): Promise<Reading | undefined> {
    try {
      const reading = await this.#read();
      for (const { metric, take } of this.#instruments) {
        for (const { labels, value } of metric.read(reading)) take(value, labels);
      }
      return reading;
    } catch {
      // It ends just now. Deno would end the process for a callback that fails.
    }
  }
}

function optionsOf(metric: Metric): InstrumentOptions {
  const { help: description, unit } = metric;
  if (metric.type !== "histogram") return { description, unit };
  return { description, unit, advice: { explicitBucketBoundaries: [...BOUNDS_S[metric.times]] } };
}

/** A counter takes what came since the last value; an older value that comes later adds nothing. */
function counter(
  meter: Meter,
  metric: ValueMetric,
  name: string,
  options: InstrumentOptions,
): Instrument {
  const counter = meter.createCounter(name, options);
  const last = new Map<string, number>();
  return {
    metric,
    take: (value, labels) => {
      const key = Object.values(labels).join(" ");
      const before = last.get(key) ?? 0;
      last.set(key, Math.max(before, value));
      counter.add(Math.max(0, value - before), labels);
    },
  };
}
