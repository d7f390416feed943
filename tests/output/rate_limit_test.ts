/**
 * Lines about many sessions: the first few of each kind in full, then how many more there were.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { RateLimit } from "../../lib/output/rate_limit.ts";
import type { Event } from "../../lib/session/events.ts";
import { terminatedOf } from "../support/events.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const TIME = "2026-11-22T06:43:42.686Z";

/** A rate limit, what it has written, and ends of sessions for it. */
function stage() {
  const clock = new VirtualClock();
  const written: string[] = [];
  const rateLimit = new RateLimit(clock, ({ level, text }, { session }) => {
    written.push(`${clock.now()} ${level} ${text} ${session}`);
  });
  const add = (event: Event, text = "lost") => rateLimit.add({ level: "error", text }, event);
  /** Sessions of these numbers end for this reason. */
  const end = (first: number, last: number, reason: "closed" | "reset" = "closed") => {
    for (let n = first; n <= last; n++) {
      const end = terminatedOf({ by: "peer", reason });
      add({ time: TIME, event: "terminated", session: `s${n}`, ...end });
    }
  };
  return { clock, rateLimit, written, add, end };
}

const FIRST_THREE = ["0 error lost s1", "0 error lost s2", "0 error lost s3"];

Deno.test("RateLimit writes three of a kind at once, and a second later how many more there were", async () => {
  const { clock, end, written } = stage();
  end(1, 10_000);
  assertEquals(written, FIRST_THREE);
  await clock.advance(999);
  assertEquals(written.length, 3);
  await clock.advance(1);
  assertEquals(written.slice(3), ["1000 error and 9997 more, the last of them: lost s10000"]);
  assertEquals(clock.pending, 0);
});

Deno.test("RateLimit writes in full again what comes after that second", async () => {
  const { clock, end, written } = stage();
  end(1, 3);
  await clock.advance(1_000);
  end(4, 4);
  assertEquals(written, [...FIRST_THREE, "1000 error lost s4"]);
});

Deno.test("RateLimit writes of a single one more, too", async () => {
  const { clock, end, written } = stage();
  end(1, 4);
  await clock.advance(1_000);
  assertEquals(written, [...FIRST_THREE, "1000 error and 1 more: lost s4"]);
});

Deno.test("RateLimit distinguishes what happened, to which phase, and why", async () => {
  const { add, clock, end, written } = stage();
  const attempt = { attempt: 1, delay_ms: 500, peer: "192.0.2.1:4000" };
  for (let n = 1; n <= 5; n++) {
    const about = { time: TIME, session: `s${n}` };
    end(n, n);
    end(n, n, "reset");
    for (const to of ["heartbeat", "data"] as const) {
      add({ ...about, event: "phase", from: "connecting", to, silent_ms: n }, to);
    }
    for (const cause of ["refused", "silent"] as const) {
      add({ ...about, event: "reconnecting", ...attempt, cause }, cause);
    }
  }
  assertEquals(written.length, 6 * 3);
  await clock.advance(1_000);
  const more = ["lost", "lost", "heartbeat", "data", "refused", "silent"].map((text) =>
    `1000 error and 2 more, the last of them: ${text} s5`
  );
  assertEquals(written.slice(6 * 3), more);
});

Deno.test("RateLimit.flush() writes at once how many more there were, and nothing twice", async () => {
  const { clock, rateLimit, end, written } = stage();
  end(1, 5);
  rateLimit.flush();
  assertEquals(written, [...FIRST_THREE, "0 error and 2 more, the last of them: lost s5"]);
  assertEquals(clock.pending, 0);
  rateLimit.flush();
  await clock.advance(1_000);
  assertEquals(written.length, 4);
});
