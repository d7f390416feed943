/**
 * Errors that nobody catches, as they are reported. Signals are tested on real processes.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { defectText, onDefect } from "../../lib/cli/signals.ts";

Deno.test("defectText() gives the stack of an error, and anything else as a text", () => {
  assertMatch(defectText(new Error("why")), /^a defect of this program: Error: why\n +at /);
  assertEquals(defectText("why"), "a defect of this program: why");
});

Deno.test("onDefect() reports an error that nobody caught, until it is disposed of", () => {
  const reported: string[] = [];
  const event = () => new ErrorEvent("error", { error: "why", cancelable: true });
  {
    using _defects = onDefect((text) => reported.push(text));
    dispatchEvent(event());
  }
  dispatchEvent(event());
  assertEquals(reported, ["a defect of this program: why"]);
});
