/**
 * What Deno exports of this process by OpenTelemetry, if the variable `OTEL_DENO` is `true` where it was started, or
 * where its executable was compiled (https://docs.deno.com/runtime/fundamentals/open_telemetry/).
 *
 * @module
 */
import { UsageError } from "../../platform/errors.ts";

/** Names and values that tell series of one instrument apart. */
export type Attributes = Readonly<Record<string, string>>;

/** What is said of an instrument when it is made. */
export interface InstrumentOptions {
  /** What it measures or counts. */
  readonly description: string;
  /** Its unit in UCUM (https://ucum.org), or in braces what it counts. */
  readonly unit: string;
  /** Of a histogram: the upper bounds of its buckets. */
  readonly advice?: { readonly explicitBucketBoundaries: number[] };
}

/** Makes instruments: what is used of the `Meter` of `@opentelemetry/api`. */
export interface Meter {
  /** Makes a counter. */
  createCounter(
    name: string,
    options: InstrumentOptions,
  ): { add(value: number, attributes: Attributes): void };
  /** Makes a gauge. */
  createGauge(
    name: string,
    options: InstrumentOptions,
  ): { record(value: number, attributes: Attributes): void };
  /** Makes a histogram. */
  createHistogram(name: string, options: InstrumentOptions): { record(value: number): void };
  /** Makes a gauge whose callback is called, and waited for, before each export; it must not reject. */
  createObservableGauge(name: string, options: InstrumentOptions): {
    addCallback(
      callback: (
        result: { observe(value: number, attributes: Attributes): void },
      ) => Promise<void>,
    ): void;
  };
}

/** The package through which instruments are made; in executables if they are compiled with it. */
export const TELEMETRY_PACKAGE = "npm:@opentelemetry/api@^1.9.0";

/** Whether Deno exports telemetry of this process: then it has registered its implementation for the package. */
export function exportsTelemetry(): boolean {
  return Symbol.for("opentelemetry.js.api.1") in globalThis;
}

/**
 * The meter of a name.
 *
 * @throws {UsageError} If the package cannot be had.
 */
export async function loadMeter(name: string, version: string): Promise<Meter> {
  try {
    // Not a literal: where nothing is exported, Deno is not to fetch, check or embed the package.
    const { metrics } = await import(TELEMETRY_PACKAGE);
    return metrics.getMeter(name, version);
  } catch (error) {
    const [why] = `${(error as Error).message}`.split("\n");
    throw new UsageError(
      `OTEL_DENO is true, but ${TELEMETRY_PACKAGE} cannot be loaded (${why}): connect to the network, ` +
        "so that Deno can fetch it once, or unset OTEL_DENO",
    );
  }
}
