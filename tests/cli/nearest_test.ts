/**
 * Finding what somebody meant to type.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { didYouMean, nearest } from "../../lib/cli/check.ts";

const KEYS = ["host", "port", "data_interval", "data_threshold", "heart_beat_threshold"];

const MISTYPED: readonly [what: string, word: string, meant: string | undefined][] = [
  ["the word itself", "port", "port"],
  ["a letter missing", "prt", "port"],
  ["a letter too many", "porrt", "port"],
  ["a letter replaced", "pott", "port"],
  ["two letters swapped", "prot", "port"],
  ["another case", "PORT", "port"],
  ["an underscore missing", "heartbeat_threshold", "heart_beat_threshold"],
  ["a dash for an underscore", "data-threshold", "data_threshold"],
  ["several letters in a long word", "data_tresholt", "data_threshold"],
  ["the nearer of two", "data_intervall", "data_interval"],
  ["nothing near", "colour", undefined],
  ["too much wrong in a short word", "xyzt", undefined],
];

for (const [what, word, meant] of MISTYPED) {
  Deno.test(`nearest() finds what was meant: ${what}`, () => {
    assertEquals(nearest(word, KEYS), meant);
  });
}

Deno.test("nearest() finds nothing among nothing", () => {
  assertEquals(nearest("port", []), undefined);
});

Deno.test("nearest() takes the first of two that are equally near", () => {
  assertEquals(nearest("ab", ["ax", "ay"]), "ax");
});

Deno.test("didYouMean() asks, or says nothing", () => {
  assertEquals(didYouMean("prot", KEYS), "; did you mean port?");
  assertEquals(didYouMean("colour", KEYS), "");
});
