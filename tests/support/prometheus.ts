/**
 * Prometheus and its tool, as Debian has them.
 *
 * @module
 */
import { text } from "./bytes.ts";
import { killIfRunning } from "./kill.ts";

/** Runs promtool, with a text on stdin; gives its exit status and all that it said. */
export async function promtool(
  args: readonly string[],
  input = "",
): Promise<{ code: number; said: string }> {
  const io = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  await using process = new Deno.Command("promtool", { args: [...args], ...io }).spawn();
  const [{ code, stdout, stderr }] = await Promise.all([
    process.output(),
    new Blob([input]).stream().pipeTo(process.stdin),
  ]);
  return { code, said: text(stdout) + text(stderr) };
}

/** How long, in milliseconds, anything may take before the test fails. */
const WARN_AFTER_MS = 60_000;

/** How long, in milliseconds, until Prometheus is asked again. */
const AGAIN_MS = 50;

/** How often it scrapes, and evaluates rules. */
const INTERVAL = "250ms";

/** A Prometheus on a port of 127.0.0.1 that scrapes one process. Dispose of it with `await using`. */
export class Prometheus implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #url: string;

  private constructor(process: Deno.ChildProcess, url: string) {
    this.#process = process;
    this.#url = url;
  }

  /** Starts one with a folder for its data, and rules; it has scraped the target when this resolves. */
  static async start(
    { folder, port, rules, target }: {
      folder: string;
      port: number;
      rules: string;
      target: string;
    },
  ): Promise<Prometheus> {
    const config = {
      global: {
        scrape_interval: INTERVAL,
        scrape_timeout: INTERVAL,
        evaluation_interval: INTERVAL,
      },
      rule_files: [rules],
      scrape_configs: [{ job_name: "pulsewire", static_configs: [{ targets: [target] }] }],
    };
    // JSON is YAML.
    await Deno.writeTextFile(`${folder}/prometheus.yml`, JSON.stringify(config));
    const args = [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ];
    const process = new Deno.Command("prometheus", { args, stdin: "null" }).spawn();
    await using made = new AsyncDisposableStack();
    const prometheus = made.use(new Prometheus(process, `http://127.0.0.1:${port}`));
    await prometheus.until('up{job="pulsewire"}', 1);
    made.move();
    return prometheus;
  }

  /** Waits until a query gives one series of this value. */
  async until(query: string, value: number): Promise<void> {
    const path = `/api/v1/query?query=${encodeURIComponent(query)}`;
    await this.#until(
      `${query} to be ${value}`,
      path,
      ({ result }) => result?.length === 1 && Number(result[0]!.value[1]) === value,
    );
  }

  /** Waits until an alert fires. */
  async alert(name: string): Promise<void> {
    await this.#until(
      `alert ${name}`,
      "/api/v1/alerts",
      ({ alerts }) =>
        alerts?.some(({ labels, state }) => labels.alertname === name && state === "firing"),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killIfRunning(this.#process);
    await this.#process.status;
  }

  async #until(
    what: string,
    path: string,
    isIt: (data: {
      result?: { value: [number, string] }[];
      alerts?: { labels: { alertname: string }; state: string }[];
    }) => boolean | undefined,
  ): Promise<void> {
    const deadline = performance.now() + WARN_AFTER_MS;
    let last = "";
    while (performance.now() < deadline) {
      try {
        last = await (await fetch(this.#url + path)).text();
        if (isIt(JSON.parse(last).data)) return;
      } catch (error) {
        // It does not listen yet.
        last = `${error}`;
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
    throw new Error(`waited in vain for ${what}; the last answer: ${last}`);
  }
}
