/**
 * Times on the web page, in words, and numbers.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { durationText, lostOf, roundTripText } from "../../page/text.ts";
import { totalsDocument } from "../../lib/output/web/documents.ts";
import { NO_TOTALS } from "../support/fake_monitor.ts";

Deno.test("durationText() takes the units of the rounded duration", () => {
  const texts: [s: number, text: string][] = [
    [-1, "0.0 s"],
    [9.94, "9.9 s"],
    [9.96, "10 s"],
    [59.4, "59 s"],
    [59.7, "1 min"],
    [200, "3 min 20 s"],
    [3_599.4, "59 min 59 s"],
    [3_599.7, "1 h"],
    [7_520, "2 h 5 min"],
    [86_360, "23 h 59 min"],
    [86_380, "1 d"],
    [86_400, "1 d"],
    [273_000, "3 d 4 h"],
  ];
  assertEquals(texts.map(([s]) => durationText(s * 1_000)), texts.map(([, text]) => text));
});

Deno.test("roundTripText() takes the unit of the rounded time", () => {
  const times = [null, 0.42, 9.994, 9.997, 12.34, 999.94, 999.96, 1_204];
  assertEquals(times.map(roundTripText), [
    ...["–", "0.42 ms", "9.99 ms", "10.0 ms", "12.3 ms", "999.9 ms", "1.00 s", "1.20 s"],
  ]);
});

Deno.test("lostOf() counts a session whose server stops as lost at the client only", () => {
  const ended = [
    { by: "peer", reason: "shutdown", count: 5 },
    { by: "self", reason: "done", count: 2 },
    { by: "network", reason: "reset", count: 1 },
  ];
  const totals = { ...totalsDocument(NO_TOTALS), ended };
  assertEquals(
    [lostOf({ role: "client", totals }), lostOf({ role: "server", totals })],
    [6, 1],
  );
});
