/**
 * The command `fuzz [--seed N] [--minutes N] [--bytes N]`, or `fuzz --target NAME --exchange JSON` to play one
 * exchange again.
 *
 * @module
 */
import { type Target, TARGETS } from "./fuzzer.ts";
import { runFuzzer, textOfFound } from "./watch.ts";

const USAGE =
  "usage: fuzz [--seed N] [--minutes N] [--bytes N], or fuzz --target NAME --exchange JSON";

/** How many bytes are played unless it is said. */
const BYTES = 100_000_000;

/** The values of options; `undefined` if they are not of this command. */
function parse(args: readonly string[]): Map<string, string> | undefined {
  const options = new Map<string, string>();
  for (let at = 0; at < args.length; at += 2) {
    const [name, value] = [args[at]!.replace(/^--/, ""), args[at + 1]];
    const isKnown = ["seed", "minutes", "bytes", "target", "exchange"].includes(name);
    const isNumber = Number.isFinite(Number(value)) || name === "target" || name === "exchange";
    if (!isKnown || value === undefined || !isNumber) return undefined;
    options.set(name, value);
  }
  return options;
}

/** Runs the command: its exit status. */
async function main(args: readonly string[]): Promise<number> {
  const options = parse(args);
  const target = options?.get("target") ?? "server";
  if (!options || !TARGETS.includes(target as Target)) {
    console.error(USAGE);
    return 2;
  }
  const exchange = options.get("exchange");
  const seed = Number(options.get("seed") ?? Math.floor(Math.random() * 2 ** 32));
  const minutes = Number(options.get("minutes") ?? Infinity);
  const bytes = Number(options.get("bytes") ?? (options.has("minutes") ? Infinity : BYTES));
  if (exchange === undefined) console.log(`seed ${seed}`);
  const began_ms = performance.now();
  const outcome = await runFuzzer(
    exchange === undefined ? { seed, minutes, bytes } : { target: target as Target, exchange },
  );
  if (outcome.found) {
    console.error(textOfFound(outcome.found));
    return 1;
  }
  const { done } = outcome;
  const seconds = (performance.now() - began_ms) / 1_000;
  const megabytes = done.bytes / 1e6;
  console.log(
    `${done.exchanges} exchanges, ${megabytes.toFixed(1)} MB in ${seconds.toFixed(1)} s: ` +
      `${
        (megabytes / seconds).toFixed(2)
      } MB/s; ${done.traces} traces, ${done.corpus} exchanges that ` +
      "showed a new one; nothing found",
  );
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
