/**
 * What the ends of a session's connections show together.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  ConnectionUse,
  type Cut,
  CutPattern,
  KNOWN_IDLE_TIMEOUTS,
  type Pace,
} from "../../lib/evidence/cuts.ts";

/** What is concluded after each of these cuts, which had survived no pause, unless told otherwise. */
function conclusions(
  cuts: readonly (Omit<Cut, "survived_ms"> & { survived_ms?: number })[],
  pace: Pace = "interval",
): (string | undefined)[] {
  const pattern = new CutPattern(pace);
  return cuts.map((cut) => pattern.add({ survived_ms: 0, ...cut }));
}

Deno.test("CutPattern finds an idle timeout from the second cut alike on", () => {
  const cut = (idle_ms: number) => ({ idle_ms, age_ms: idle_ms + 30 });
  assertEquals(conclusions([cut(6_001), cut(6_003), cut(6_002), cut(6_000)]), [
    undefined,
    ...[2, 3, 4].map((times) =>
      `cut ${times} times, each 6.0 s after the last traffic: something on the path closes idle ` +
      `connections; a data_interval below 4.8 s keeps them open`
    ),
  ]);
});

Deno.test("CutPattern says what keeps the connections of each kind of client open", () => {
  const idle = { idle_ms: 12_000, age_ms: 12_500 };
  const forgotten = { idle_ms: 1, age_ms: 30_000, pause_ms: 30_000 };
  const last = (cut: Cut | Omit<Cut, "survived_ms">, pace: Pace) =>
    conclusions([cut, { ...cut, age_ms: 90_000 }], pace)[1]!.replace(/^.*; /, "");
  assertEquals(
    last(idle, "heartbeats"),
    "a data_threshold and a heart_beat_interval below 9.6 s keep them open, by heartbeats while there is " +
      "no input",
  );
  assertEquals(
    last(idle, "unknown"),
    "a data_interval below 9.6 s keeps them open, or, of a client that sends its input, a data_threshold " +
      "and a heart_beat_interval below 9.6 s",
  );
  assertEquals(
    last(forgotten, "heartbeats"),
    "a data_threshold and a heart_beat_interval far below that keep them open, by heartbeats while there " +
      "is no input",
  );
});

Deno.test("CutPattern names a product whose default the idle timeout is", () => {
  const [, text] = conclusions([{ idle_ms: 350_020, age_ms: 900_000 }, {
    idle_ms: 350_400,
    age_ms: 350_410,
  }]);
  assertEquals(
    text,
    "cut 2 times, each 350 s after the last traffic: something on the path closes idle connections " +
      "(350 s is the default of AWS Network Load Balancer, NAT gateway and Network Firewall); a " +
      "data_interval below 280 s keeps them open",
  );
});

Deno.test("CutPattern finds a limit on the age, though the idle times are alike, too", () => {
  const cut = (age_ms: number) => ({ idle_ms: 2_000, age_ms, survived_ms: 5_001 });
  assertEquals(
    conclusions([cut(600_010), cut(600_200)]).at(-1),
    "cut 2 times, each at an age of 600 s: something on the path limits the age of connections; no " +
      "timer changes that",
  );
});

Deno.test("CutPattern finds connections that were forgotten during a pause", () => {
  const cut = (pause_ms: number, age_ms: number) => ({
    idle_ms: 0.4,
    age_ms,
    pause_ms,
  });
  assertEquals(
    conclusions([cut(10_000, 10_050), cut(10_001, 30_200)]).at(-1),
    "cut 2 times, each at the first traffic after a pause of 10 s: something on the path forgets " +
      "connections that are idle so long, or less long; a data_interval far below that keeps them open",
  );
});

Deno.test("CutPattern concludes nothing from cuts that have nothing in common", () => {
  const cuts = [[0.2, 5_000], [3, 9_000], [1_900, 31_000], [4_400, 52_000]];
  const found = conclusions(
    cuts.map(([idle_ms, age_ms]) => ({ idle_ms: idle_ms!, age_ms: age_ms! })),
  );
  assertEquals(found, [undefined, undefined, undefined, undefined]);
});

Deno.test("CutPattern counts those that are alike, and forgets what came before them", () => {
  const killed = { idle_ms: 1, age_ms: 400 };
  const idle = { idle_ms: 60_000, age_ms: 80_000 };
  const found = conclusions([killed, idle, { ...idle, age_ms: 99_000 }]);
  assertEquals(found.slice(0, 2), [undefined, undefined]);
  assertStringIncludes(found[2]!, "cut 2 times, each 60 s after the last traffic");
});

Deno.test("ConnectionUse reports idle time, age, and the pause that an end follows at once", () => {
  const use = new ConnectionUse(1_000);
  assertEquals(use.report(1_400), { idle_ms: 400, age_ms: 400, survived_ms: 0 });
  use.onTraffic(1_200);
  use.onTraffic(7_200);
  assertEquals(use.report(7_201), {
    idle_ms: 1,
    age_ms: 6_201,
    survived_ms: 0,
    pause_ms: 6_000,
  });
  use.onTraffic(7_300);
  assertEquals(use.report(8_100), { idle_ms: 800, age_ms: 7_100, survived_ms: 6_000 });
  use.onTraffic(8_200);
  assertEquals(use.report(8_201), { idle_ms: 1, age_ms: 7_201, survived_ms: 6_000, pause_ms: 900 });
});

Deno.test("CutPattern takes short connections of the same age for idle ones, as long as none survived as much", () => {
  const cut = (idle_ms: number) => ({ idle_ms, age_ms: 1_700 });
  assertStringIncludes(
    conclusions([cut(950), cut(1_000)])[1]!,
    "each 1.0 s after the last traffic",
  );
});

Deno.test("docs/idle-timeouts.md names the idle timeouts that CutPattern names", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/idle-timeouts.md", import.meta.url));
  const rows = page.matchAll(/^\| *(\d+) *\| *([^|]+?) *\|/gm);
  const documented = Object.fromEntries(Array.from(rows, ([, seconds, name]) => [seconds, name]));
  assertEquals(documented, KNOWN_IDLE_TIMEOUTS as Record<string, string>);
});

Deno.test("CutPattern takes no age for a limit of connections without traffic since their opening", () => {
  assertEquals(
    conclusions([
      { idle_ms: 1_723, age_ms: 1_980 },
      { idle_ms: 1_998, age_ms: 2_005 },
      { idle_ms: 1_986, age_ms: 1_998 },
    ]),
    [
      undefined,
      undefined,
      "cut 2 times, each 2.0 s after the last traffic: something on the path closes idle " +
      "connections; a data_interval below 1.6 s keeps them open",
    ],
  );
});

Deno.test("CutPattern finds connections that were forgotten without a sign during a pause", () => {
  const death = (age_ms: number, survived_ms: number) => ({
    idle_ms: 10_000,
    age_ms,
    survived_ms,
    pause_ms: 300_000,
    isDeath: true as const,
  });
  assertEquals(
    conclusions([death(361_000, 5_000), death(400_000, 0)])[1],
    "lost 2 times, each at the first traffic after a pause of 300 s: something on the path forgets " +
      "connections that are idle so long, or less long (300 s is the default of F5 BIG-IP); a " +
      "data_interval far below that keeps them open",
  );
  // A connection that had survived as long a pause, or one that no pause ended.
  assertEquals(conclusions([death(361_000, 300_000), death(361_000, 300_000)])[1], undefined);
  const { pause_ms: _, ...sudden } = death(361_000, 0);
  assertEquals(conclusions([sudden, sudden])[1], undefined);
});
