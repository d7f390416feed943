/**
 * A program of its own: says whether it may read the uptime, here and in a thread.
 *
 * @module
 */
import type { Port } from "../../lib/platform/thread_link.ts";

const state = () => Deno.permissions.querySync({ name: "sys", kind: "osUptime" }).state;

if (import.meta.main && !("WorkerGlobalScope" in globalThis)) {
  console.log(state());
  const thread = new Worker(import.meta.url, { type: "module" });
  thread.onmessage = ({ data }) => {
    console.log(data);
    thread.terminate();
  };
} else {
  (self as unknown as Port).postMessage(state());
}
