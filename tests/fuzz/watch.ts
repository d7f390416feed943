/**
 * Runs the fuzzer in a thread of its own, and notices when it hangs.
 *
 * @module
 */
import type { Order, Outcome, Playing } from "./thread.ts";

/** How long, in milliseconds, one exchange may take: thousands of times as long as most. */
const HANG_MS = 20_000;

/** Runs the fuzzer. */
export async function runFuzzer(order: Order): Promise<Outcome> {
  const thread = new Worker(new URL("thread.ts", import.meta.url), { type: "module" });
  const { promise, reject, resolve } = Promise.withResolvers<Outcome>();
  let last: Playing = { playing: "[]", target: "server" };
  let isAlive = true;
  const watch = setInterval(() => {
    const { playing: exchange, target } = last;
    if (!isAlive) resolve({ found: { target, text: "it hangs", exchange } });
    isAlive = false;
  }, HANG_MS);
  thread.onmessage = ({ data }: MessageEvent<Playing | Outcome>) => {
    isAlive = true;
    if ("playing" in data) last = data;
    else resolve(data);
  };
  thread.onerror = (event) => {
    event.preventDefault();
    reject(new Error(`the fuzzer fails: ${event.message}`));
  };
  thread.postMessage(order);
  try {
    return await promise;
  } finally {
    clearInterval(watch);
    thread.terminate();
  }
}

/** What was found, for people, and how to see it again. */
export function textOfFound({ exchange, target, text }: NonNullable<Outcome["found"]>): string {
  const quoted = exchange.replaceAll("'", "'\\''");
  return `${target}: ${text}\nto see it again, by the shortest exchange that shows it:\n` +
    `deno task fuzz --target '${target}' --exchange '${quoted}'`;
}
