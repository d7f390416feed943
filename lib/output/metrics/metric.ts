/**
 * What a metric is, apart from how it is exported.
 *
 * @module
 */
import type { TimeName } from "../../monitor/buckets.ts";
import type { Totals } from "../../monitor/monitor.ts";

/** One value of a metric. */
export interface Sample {
  /** Its labels, in the order of the metric's. */
  readonly labels: Readonly<Record<string, string>>;
  /** The value. */
  readonly value: number;
}

/** What a metric is read from: one state of this process. */
export interface Reading {
  /** The totals of its monitor. */
  readonly totals: Totals;
  /** Whether it does its work. */
  readonly healthy: boolean;
  /** When it was started, in milliseconds since 1970. */
  readonly started_ms: number;
  /** Which side it is. */
  readonly role: string;
  /** The version of this program. */
  readonly version: string;
}

/** What all metrics have. */
export interface Description {
  /** The name, as Prometheus has it; of a counter with `_total`, of a time with `_seconds`. */
  readonly name: string;
  /** What is counted or measured, as in the OpenTelemetry unit `{session}`; or the unit itself: `s`, `By`. */
  readonly unit: string;
  /** What it says, in one sentence without its full stop. */
  readonly help: string;
}

/** A metric with single values: a count that only grows, or a measure that goes up and down. */
export interface ValueMetric extends Description {
  /** What kind it is. */
  readonly type: "counter" | "gauge";
  /** The names of its labels. */
  readonly labels: readonly string[];
  /** Reads its values. */
  read(from: Reading): readonly Sample[];
}

/** A metric that counts times in buckets. */
export interface HistogramMetric extends Description {
  /** What kind it is. */
  readonly type: "histogram";
  /** Which of the totals it is. */
  readonly times: TimeName;
  /** Its unit. */
  readonly unit: "s";
}

/** One metric. */
export type Metric = ValueMetric | HistogramMetric;

/** The totals that are one number. */
export type CountKey = {
  [Key in keyof Totals]: Totals[Key] extends number ? Key : never;
}[keyof Totals];

/** A metric with one value and without labels. */
export function single(
  type: "counter" | "gauge",
  name: string,
  unit: string,
  help: string,
  value: (from: Reading) => number,
): ValueMetric {
  return {
    ...{ type, name, unit, help, labels: [] },
    read: (from) => [{ labels: {}, value: value(from) }],
  };
}

/** A counter without labels. */
export function count(name: string, unit: string, key: CountKey, help: string): ValueMetric {
  return single("counter", name, unit, help, ({ totals }) => totals[key]);
}

/** A gauge without labels. */
export function gauge(name: string, unit: string, key: CountKey, help: string): ValueMetric {
  return single("gauge", name, unit, help, ({ totals }) => totals[key]);
}

/** A histogram of times. */
export function histogram(name: string, times: TimeName, help: string): HistogramMetric {
  return { type: "histogram", name, unit: "s", times, help };
}
