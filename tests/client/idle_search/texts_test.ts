/**
 * What a search says, in words.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { durationText } from "../../../lib/client/idle_search/texts.ts";

Deno.test("durationText() rounds up, and takes the units of the rounded duration", () => {
  const texts: [seconds: number, text: string][] = [
    [11.2, "12 s"],
    [58.9, "59 s"],
    [59.7, "1 min"],
    [80, "1 min 20 s"],
    [3_599.7, "1 h"],
    [7_500, "2 h 5 min"],
  ];
  assertEquals(texts.map(([seconds]) => durationText(seconds)), texts.map(([, text]) => text));
});
