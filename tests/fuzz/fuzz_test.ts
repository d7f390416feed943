/**
 * Some seconds of fuzzing, always the same; and what it found once.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { parseExchange } from "./exchange.ts";
import { playAlone, type Target } from "./fuzzer.ts";
import { runFuzzer, textOfFound } from "./watch.ts";

/** How many bytes are played: what takes about six seconds. `deno task fuzz` plays 100 MB, and another seed each time. */
const BYTES = 3_000_000;

Deno.test("no hostile peer makes a session hang, leak or fail, or touches somebody else's", async () => {
  const { found } = await runFuzzer({ seed: 1, bytes: BYTES, minutes: Infinity });
  assert(!found, found && textOfFound(found));
});

/** What was found once: the exchange that showed it. */
const FOUND: Readonly<Record<string, [Target, string]>> = {
  "a client of an original server that takes the second connection for data while another one is opened":
    [
      "client of an original server",
      '[{"on":1,"say":"MSG_HEARTBEAT"},{"on":1,"say":"SERVER_DATA_REPLY"}]',
    ],
};

for (const [what, [target, exchange]] of Object.entries(FOUND)) {
  Deno.test(`found once: ${what}`, async () => {
    assertEquals(await playAlone(target, parseExchange(exchange)), undefined);
  });
}
