/**
 * A process that commits batch after batch to a store, and tells what is confirmed, for tests that
 * kill it or fill its disk. Its arguments: the store, the output (or nothing), and how many batches,
 * or as many as it can.
 *
 * Each batch belongs together: all of its payloads begin with the number of its first message, and
 * say how many there are.
 *
 * @module
 */
import { openSqliteStore } from "../../lib/store/sqlite/sqlite_store.ts";
import type { MessageOutput, Store } from "../../lib/store/store.ts";
import { openStoredOutput } from "../../lib/store/stored_output.ts";
import { Command } from "./process.ts";
import { AT, message, opened, payloadsOf } from "./store_folder.ts";

/** The one session. */
export const SESSION = "a";

/** What the process tells. */
export type Told =
  /** The store is open; it had messages up to this one. */
  | { event: "opened"; received: number }
  /** Messages up to this one are in the store, and in the output. */
  | { event: "confirmed"; seq: number }
  /** It could not go on. */
  | { event: "failed"; text: string };

const ROOT = new URL("../..", import.meta.url).pathname;

/** Starts the process, with the rights that the server has; `before` are words before its own. */
export function startCommitter(args: readonly string[], before: readonly string[] = []) {
  const options = ["run", "--quiet", "--no-prompt", `--config=${ROOT}deno.json`, "-P=server"];
  const words = [
    ...before,
    Deno.execPath(),
    ...options,
    new URL(import.meta.url).pathname,
    ...args,
  ];
  return new Command<Told>("store_committer", words);
}

/** The payload of a message of a batch of so many, the first of which is `first`. */
export function payloadOf(first: number, size: number, seq: number): Uint8Array {
  return new TextEncoder().encode(`${first} ${size} ${seq} ${"x".repeat((seq * 37) % 400)}`);
}

/** How many messages the batch has that begins with this one. */
export function sizeOf(first: number): number {
  return 1 + (first * 31) % 41;
}

function tell(told: Told): void {
  console.log(JSON.stringify(told));
}

async function commitAll(store: Store, output?: MessageOutput, batches = Infinity): Promise<void> {
  let received = store.sessions[0]?.received ?? 0;
  if (store.sessions.length === 0) await store.commit([opened(SESSION)]);
  for (let batch = 0; batch < batches; batch++) {
    const first = received + 1;
    const size = sizeOf(first);
    const entries = Array.from({ length: size }, (_, i) => ({
      // A batch takes 0.1 s by its clock, so that the position of the output is noted now and then.
      ...message(SESSION, first + i, AT + first * 5),
      payload: payloadOf(first, size, first + i),
    }));
    await store.commit(entries);
    await output?.append(payloadsOf(entries));
    received += size;
    tell({ event: "confirmed", seq: received });
  }
}

if (import.meta.main) {
  const [path, outputPath, batches] = Deno.args;
  try {
    const store = await openSqliteStore(path!);
    tell({ event: "opened", received: store.sessions[0]?.received ?? 0 });
    const output = outputPath ? await openStoredOutput(store, outputPath) : undefined;
    await commitAll(store, output, batches === undefined ? Infinity : Number(batches));
    await output?.close();
    await store.close();
  } catch (error) {
    tell({ event: "failed", text: error instanceof Error ? error.message : String(error) });
    Deno.exit(1);
  }
}
