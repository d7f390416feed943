/**
 * Texts that fit: widths as terminals have them, never half a character, and numbers that people read.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { cut, fitted, flowed, lineOf, widthOf } from "../../../lib/output/live/spans.ts";
import { countText, durationText, roundTripText } from "../../../lib/output/live/words.ts";

Deno.test("widthOf() counts columns: wide characters as two, combining ones as none", () => {
  const widths = [
    ["", 0],
    ["mill-7", 6],
    ["ü·…▁█", 5],
    ["e\u0301", 1],
    ["日本語", 6],
    [
      "ﾊﾝ",
      2,
    ],
    ["한국", 4],
    ["🚀x", 3],
    ["🇩🇪", 4],
    ["𠀀", 2],
  ] as const;
  for (const [text, width] of widths) assertEquals([text, widthOf(text)], [text, width]);
});

Deno.test("cut() keeps whole characters, and shows that something is missing", () => {
  assertEquals(cut("mill-7", 6), "mill-7");
  assertEquals(cut("mill-78", 6), "mill-…");
  assertEquals(cut("日本語", 5), "日本…");
  assertEquals(cut("日本語", 4), "日…");
  assertEquals([cut("ab", 1), cut("ab", 0), cut("ab", -3)], ["…", "", ""]);
  assertEquals([fitted("日本語", 4), fitted("a", 3), fitted("\n", 7)], ["日… ", "a  ", "\\u000a "]);
});

Deno.test("flowed() begins a new line where a span does not fit, and cuts one that never does", () => {
  const lines = flowed([["12345"], [""], ["789"], ["abcdefghijklmn"], ["x"]], 11, false);
  assertEquals(lines, [
    { text: "12345 · 789", width: 11 },
    { text: "abcdefghij…", width: 11 },
    { text: "x", width: 1 },
  ]);
});

Deno.test("lineOf() styles what is shown, and nothing that is cut away", () => {
  assertEquals(lineOf([["ab", "bad"], ["cd", "faint"], ["ef"]], 2, true), {
    text: "\x1b[1;31mab\x1b[0m",
    width: 2,
  });
});

Deno.test("durationText() changes its unit where a person would", () => {
  const texts = [-5, 0, 99_949, 99_950, 3_599_999, 3_600_000, 86_399_999, 86_400_000, 1e9]
    .map(durationText);
  assertEquals(texts, [
    "0.0 s",
    "0.0 s",
    "99.9 s",
    "1m39s",
    "59m59s",
    "1h00m",
    "23h59m",
    "1d00h",
    "11d13h",
  ]);
});

Deno.test("roundTripText() and countText() are as short as they can be", () => {
  const texts = [null, 0.004, 9.994, 9.996, 99.94, 99.96, 9_999, 10_000].map(roundTripText);
  assertEquals(texts, [
    "-",
    "0.00 ms",
    "9.99 ms",
    "10.0 ms",
    "99.9 ms",
    "100 ms",
    "9999 ms",
    "10.0 s",
  ]);
  assertEquals([0, 999, 1_000, 1_234_567].map(countText), ["0", "999", "1,000", "1,234,567"]);
});
