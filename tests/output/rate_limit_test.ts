/**
 * Lines about many sessions: the first few of each kind in full, then how many more there were.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { RateLimit } from "../../lib/output/rate_limit.ts";
import type { Event } from "../../lib/session/events.ts";
import { summaryOf, terminatedOf } from "../support/events.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

const TIME = "2026-11-22T06:43:42.686Z";

/** A rate limit, what it has written, and ends of sessions for it. */
function stage() {
  const clock = new VirtualClock();
  const written: string[] = [];
  const rateLimit = new RateLimit(clock, 3, ({ event, session }, which) => {
    written.push(`${clock.now()} ${event} ${session}${which ? `: ${which}` : ""}`);
  });
  const add = (event: Event) => rateLimit.add(event);
  /** Sessions of these numbers end for this reason. */
  const end = (first: number, last: number, reason: "closed" | "reset" = "closed") => {
    for (let n = first; n <= last; n++) {
      const end = terminatedOf({ by: "peer", reason });
      add({ time: TIME, event: "terminated", session: `s${n}`, ...end });
    }
  };
  return { clock, rateLimit, written, add, end };
}

const FIRST_THREE = ["0 terminated s1", "0 terminated s2", "0 terminated s3"];

Deno.test("RateLimit writes three of a kind at once, and a second later how many more there were", async () => {
  const { clock, end, written } = stage();
  end(1, 10_000);
  assertEquals(written, FIRST_THREE);
  await clock.advance(999);
  assertEquals(written.length, 3);
  await clock.advance(1);
  assertEquals(written.slice(3), ["1000 terminated s10000: and 9997 more, the last of them"]);
  assertEquals(clock.pending, 0);
});

Deno.test("RateLimit writes in full again what comes after that second", async () => {
  const { clock, end, written } = stage();
  end(1, 3);
  await clock.advance(1_000);
  end(4, 4);
  assertEquals(written, [...FIRST_THREE, "1000 terminated s4"]);
});

Deno.test("RateLimit writes of a single one more, too", async () => {
  const { clock, end, written } = stage();
  end(1, 4);
  await clock.advance(1_000);
  assertEquals(written, [...FIRST_THREE, "1000 terminated s4: and 1 more"]);
});

Deno.test("RateLimit distinguishes what is said: what happened, to which phase, why, and how it goes on", async () => {
  const { add, clock, end, written } = stage();
  const attempt = { attempt: 1, delay_ms: 500, peer: "192.0.2.1:4000" };
  const sums = { ...summaryOf({}), by: "self" } as const;
  const figures = { unacked_bytes: 0, unread_bytes: 0, timer: "none" } as const;
  for (let n = 1; n <= 5; n++) {
    const about = { time: TIME, session: `s${n}` };
    end(n, n);
    end(n, n, "reset");
    for (const text of [`line of ${n} bytes`, "no line"]) {
      const broken = terminatedOf({ by: "self", reason: "protocol", text });
      add({ ...about, event: "terminated", ...broken });
    }
    const phase = { ...about, event: "phase", silent_ms: n } as const;
    add({ ...phase, from: "connecting", to: "data" });
    add({ ...phase, from: "data", to: "heartbeat" });
    add({ ...phase, from: "data", to: "heartbeat", idle: true });
    add({ ...phase, from: "data", to: "heartbeat", held: "store" });
    for (const cause of ["refused", "silent"] as const) {
      add({ ...about, event: "reconnecting", ...attempt, cause });
    }
    for (const left of [1, 0]) add({ ...about, event: "heartbeat_missed", n, missed: n, left });
    for (const reason of ["silent", "reset"] as const) {
      add({ ...about, event: "summary", ...sums, reason });
    }
    for (const [unacked_bytes, retransmissions] of [[0, 0], [n, n]] as const) {
      const shown = { ...figures, unacked_bytes, retransmissions };
      add({ ...about, event: "kernel", at: "heartbeat_missed", ...shown });
    }
  }
  assertEquals(written.length, 16 * 3);
  await clock.advance(1_000);
  const names = ["terminated", "phase", "reconnecting", "heartbeat_missed", "summary", "kernel"];
  const kinds = names.flatMap((name) =>
    Array(name === "phase" || name === "terminated" ? 4 : 2).fill(name)
  );
  const more = kinds.map((name) => `1000 ${name} s5: and 2 more, the last of them`);
  assertEquals(written.slice(16 * 3), more);
});

Deno.test("RateLimit.flush() writes at once how many more there were, and nothing twice", async () => {
  const { clock, rateLimit, end, written } = stage();
  end(1, 5);
  rateLimit.flush();
  assertEquals(written, [...FIRST_THREE, "0 terminated s5: and 2 more, the last of them"]);
  assertEquals(clock.pending, 0);
  rateLimit.flush();
  await clock.advance(1_000);
  assertEquals(written.length, 4);
});
