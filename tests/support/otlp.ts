/**
 * Receives metrics by OTLP over HTTP, as JSON (https://opentelemetry.io/docs/specs/otlp/).
 *
 * @module
 */

/** What is read of a metric. */
interface OtlpMetric {
  name: string;
  sum?: { dataPoints: DataPoint[] };
  gauge?: { dataPoints: DataPoint[] };
  histogram?: { dataPoints: DataPoint[] };
}

/** One series of it: its value, or how many a histogram has counted. */
interface DataPoint {
  attributes: { key: string; value: { stringValue: string } }[];
  asDouble?: number;
  asInt?: number | string;
  count?: number | string;
}

/** How long, in milliseconds, anything may take before the test fails. */
const WARN_AFTER_MS = 60_000;

/** How often a process is to export, in milliseconds, if it is to do so before its end. */
const INTERVAL_MS = 1_000;

/**
 * The same if it is to export at its end only: Deno 2.9 may never exit where an export came while its thread was busy,
 * as on a small machine.
 */
export const AT_END_MS = 600_000;

/** A receiver on a port of 127.0.0.1. Dispose of it with `await using`. */
export class Otlp implements AsyncDisposable {
  /** The last values of the meter `pulsewire`, by name and attributes: of histograms their counts. */
  readonly values = new Map<string, number>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #changed = Promise.withResolvers<void>();

  constructor() {
    const address = { hostname: "127.0.0.1", port: 0, onListen() {} };
    this.#server = Deno.serve(address, async (request) => {
      const text = await request.text();
      if (request.url.endsWith("/v1/metrics")) this.#take(JSON.parse(text));
      return new Response("{}", { headers: { "content-type": "application/json" } });
    });
  }

  /** The variables that have a process export here, so often, `NAME=value` each. */
  variables(interval_ms: number = INTERVAL_MS): string[] {
    return [
      "OTEL_DENO=true",
      "OTEL_EXPORTER_OTLP_PROTOCOL=http/json",
      `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:${this.#server.addr.port}`,
      `OTEL_METRIC_EXPORT_INTERVAL=${interval_ms}`,
    ];
  }

  /** Waits for a value. */
  async until(key: string, isIt: (value: number | undefined) => boolean): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeUp = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(this.#told(key))), WARN_AFTER_MS);
    });
    try {
      while (!isIt(this.values.get(key))) await Promise.race([this.#changed.promise, timeUp]);
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #take(
    { resourceMetrics }: {
      resourceMetrics: { scopeMetrics: { scope: { name: string }; metrics: OtlpMetric[] }[] }[];
    },
  ): void {
    const scopes = resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics);
    const own = scopes.filter(({ scope }) => scope.name === "pulsewire");
    for (const metric of own.flatMap(({ metrics }) => metrics)) {
      const { dataPoints = [] } = metric.sum ?? metric.gauge ?? metric.histogram ?? {};
      for (const { asDouble, asInt, attributes, count } of dataPoints) {
        const labels = attributes.map(({ key, value }) => `${key}=${value.stringValue}`);
        this.values.set(
          [metric.name, ...labels.sort()].join(" "),
          Number(asDouble ?? asInt ?? count),
        );
      }
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #told(key: string): string {
    const values = [...this.values].map((each) => each.join(": ")).join("\n");
    return `waited in vain for ${key}\n${values}`;
  }
}
