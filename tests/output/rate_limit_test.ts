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

/** A digest, what it has told, and ends of sessions for it. */
function stage() {
  const clock = new VirtualClock();
  const told: string[] = [];
  const digest = new RateLimit(clock, ({ level, text }, { session }) => {
    told.push(`${clock.now()} ${level} ${text} ${session}`);
  });
  const add = (event: Event, text = "lost") => digest.add({ level: "error", text }, event);
  /** Sessions of these numbers end for this reason. */
  const end = (first: number, last: number, reason: "closed" | "reset" = "closed") => {
    for (let n = first; n <= last; n++) {
      const end = terminatedOf({ by: "peer", reason });
      add({ time: TIME, event: "terminated", session: `s${n}`, ...end });
    }
  };
  return { clock, digest, told, add, end };
}

const FIRST_THREE = ["0 error lost s1", "0 error lost s2", "0 error lost s3"];

Deno.test("Digest tells three of a kind at once, and a second later how many more there were", async () => {
  const { clock, end, told } = stage();
  end(1, 10_000);
  assertEquals(told, FIRST_THREE);
  await clock.advance(999);
  assertEquals(told.length, 3);
  await clock.advance(1);
  assertEquals(told.slice(3), ["1000 error and 9997 more, the last of them: lost s10000"]);
  assertEquals(clock.pending, 0);
});

Deno.test("Digest tells in full again what comes after that second", async () => {
  const { clock, end, told } = stage();
  end(1, 3);
  await clock.advance(1_000);
  end(4, 4);
  assertEquals(told, [...FIRST_THREE, "1000 error lost s4"]);
});

Deno.test("Digest tells of a single one more, too", async () => {
  const { clock, end, told } = stage();
  end(1, 4);
  await clock.advance(1_000);
  assertEquals(told, [...FIRST_THREE, "1000 error and 1 more: lost s4"]);
});

Deno.test("Digest tells apart what happened, to which phase, and why", async () => {
  const { add, clock, end, told } = stage();
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
  assertEquals(told.length, 6 * 3);
  await clock.advance(1_000);
  const more = ["lost", "lost", "heartbeat", "data", "refused", "silent"].map((text) =>
    `1000 error and 2 more, the last of them: ${text} s5`
  );
  assertEquals(told.slice(6 * 3), more);
});

Deno.test("RateLimit.flush() tells at once how many more there were, and nothing twice", async () => {
  const { clock, digest, end, told } = stage();
  end(1, 5);
  digest.flush();
  assertEquals(told, [...FIRST_THREE, "0 error and 2 more, the last of them: lost s5"]);
  assertEquals(clock.pending, 0);
  digest.flush();
  await clock.advance(1_000);
  assertEquals(told.length, 4);
});
