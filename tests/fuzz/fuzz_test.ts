/**
 * Some seconds of fuzzing, always the same; and what it found once.
 *
 * @module
 */
import { assert } from "@std/assert";
import { runFuzzer, textOfFound } from "./watch.ts";

/** How many bytes are played: what takes about six seconds. `deno task fuzz` plays 100 MB, and another seed each time. */
const BYTES = 3_000_000;

Deno.test("no hostile peer makes a session hang, leak or fail, or touches somebody else's", async () => {
  const { found } = await runFuzzer({ seed: 1, bytes: BYTES, minutes: Infinity });
  assert(!found, found && textOfFound(found));
});
