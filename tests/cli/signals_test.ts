/**
 * Errors that nobody catches, as they are reported. Signals are tested on real processes.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { onDefect } from "../../lib/cli/signals.ts";

Deno.test("onDefect() reports errors that nobody caught, with their stack, until it is disposed of", () => {
  const reported: string[] = [];
  const raise = (error: unknown) => dispatchEvent(new ErrorEvent("error", { error }));
  {
    using _defects = onDefect((text) => reported.push(text));
    raise("why");
    raise(new Error("why"));
  }
  raise("why");
  assertEquals([reported.length, reported[0]], [2, "a defect of this program: why"]);
  assertMatch(reported[1]!, /^a defect of this program: Error: why\n +at /);
});
