/**
 * A process that commits batches to a store and reports what is confirmed, for tests that kill it or
 * fill its disk. Its arguments: the store, the output (or nothing), and the number of batches (or no
 * limit).
 *
 * Each payload has the number of the first message of its batch, and their count, so that a test
 * finds a batch that is not whole.
 *
 * @module
 */
import { openSqliteStore } from "../../lib/store/sqlite/sqlite_store.ts";
import type { MessageOutput, Store } from "../../lib/store/store.ts";
import { openStoredOutput } from "../../lib/store/stored_output.ts";
import { Command } from "./process.ts";
import { AT, message, opened, payloadsOf } from "./store_folder.ts";

/** The id of its only session. */
export const SESSION = "a";

/** What the process reports. */
export type CommitterEvent =
  /** The store is open, and has messages up to this one. */
  | { event: "opened"; received: number }
  /** Messages up to this one are in the store, and in the output. */
  | { event: "confirmed"; seq: number }
  /** It ends with an error. */
  | { event: "failed"; text: string };

const ROOT = new URL("../..", import.meta.url).pathname;

/** Starts the process, with the permissions of the server; `before` precedes its command line. */
export function startCommitter(args: readonly string[], before: readonly string[] = []) {
  const options = ["run", "--quiet", "--no-prompt", `--config=${ROOT}deno.json`, "-P=server"];
  const words = [
    ...before,
    Deno.execPath(),
    ...options,
    new URL(import.meta.url).pathname,
    ...args,
  ];
  return new Command<CommitterEvent>("store_committer", words);
}

/** The payload of message `seq`, in a batch of `size` messages from `first` on. */
export function payloadOf(first: number, size: number, seq: number): Uint8Array {
  return new TextEncoder().encode(`${first} ${size} ${seq} ${"x".repeat((seq * 37) % 400)}`);
}

/** The size of the batch that begins with this message. */
export function sizeOf(first: number): number {
  return 1 + (first * 31) % 41;
}

function report(event: CommitterEvent): void {
  console.log(JSON.stringify(event));
}

async function commitAll(store: Store, output?: MessageOutput, batches = Infinity): Promise<void> {
  let received = store.sessions[0]?.received ?? 0;
  if (store.sessions.length === 0) await store.commit([opened(SESSION)]);
  for (let batch = 0; batch < batches; batch++) {
    const first = received + 1;
    const size = sizeOf(first);
    const entries = Array.from({ length: size }, (_, i) => ({
      // A batch takes 0.1 s by these times, so that the store records the output's position sometimes.
      ...message(SESSION, first + i, AT + first * 5),
      payload: payloadOf(first, size, first + i),
    }));
    await store.commit(entries);
    await output?.append(payloadsOf(entries));
    received += size;
    report({ event: "confirmed", seq: received });
  }
}

if (import.meta.main) {
  const [path, outputPath, batches] = Deno.args;
  try {
    const store = await openSqliteStore(path!);
    report({ event: "opened", received: store.sessions[0]?.received ?? 0 });
    const output = outputPath ? await openStoredOutput(store, outputPath) : undefined;
    await commitAll(store, output, batches === undefined ? Infinity : Number(batches));
    await output?.close();
    await store.close();
  } catch (error) {
    report({ event: "failed", text: error instanceof Error ? error.message : String(error) });
    Deno.exit(1);
  }
}
