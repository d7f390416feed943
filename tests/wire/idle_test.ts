/**
 * Fields of idle sessions, which are untrusted input, and the frames with their results.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { encodeFrame } from "../../lib/wire/encoder.ts";
import { helloFields } from "../../lib/wire/hello.ts";
import {
  greetingIdle,
  idleResultsFrames,
  type IdleSeen,
  idleSessionId,
  readIdleResults,
  searchOf,
} from "../../lib/wire/idle.ts";
import { MAX_LINE_BYTES } from "../../lib/wire/protocol.ts";

Deno.test("greetingIdle() reads seconds and who speaks, and nothing else", () => {
  const terms = { seconds: 0.5, first: "server" } as const;
  assertEquals(greetingIdle({ idle: { ...terms, more: [] } }), terms);
  assertEquals(greetingIdle({ idle: { seconds: 0, first: "client" } })?.seconds, 0);
  const wrong = [null, 5, "x", [], {}, { ...terms, seconds: -1 }, { ...terms, seconds: "5" }];
  for (const idle of [...wrong, { ...terms, first: "both" }, { seconds: 5 }]) {
    assertEquals(greetingIdle({ idle }), undefined, JSON.stringify(idle));
  }
});

Deno.test("helloFields() reads what is asked of idle sessions", () => {
  const hello = (greeting: Record<string, unknown>) =>
    helloFields({ type: "HELLO", version: 1, session: "s", greeting });
  assertEquals(hello({ idle_results: "q7" }).idleResults, "q7");
  for (const idle_results of [7, "", "a b", null]) {
    assertEquals(hello({ idle_results }).idleResults, undefined);
  }
  assertEquals(hello({ idle: { seconds: 5, first: "client" } }).idle?.seconds, 5);
});

Deno.test("searchOf() takes the id of an idle session apart", () => {
  assertEquals(searchOf(idleSessionId("q-7", 12)), { search: "q-7", number: 12 });
  for (const id of ["q7", "q-", "-1", "q-1x", `q-${10 ** 10}`]) {
    assertEquals(searchOf(id), undefined, id);
  }
});

Deno.test("results go into frames that fit a line, and come out of them", () => {
  for (const count of [0, 1, 24, 25, 1_000]) {
    const seen: IdleSeen[] = Array.from({ length: count }, (_, at) => ({
      number: 999_999_000 + at,
      state: "spoken",
      after_ms: 999_999_999_999,
    }));
    const frames = idleResultsFrames(seen);
    const read = frames.map((frame) => {
      assert(encodeFrame(frame).length <= MAX_LINE_BYTES);
      return readIdleResults((frame as { results: Record<string, unknown> }).results);
    });
    assertEquals(read.flatMap((each) => each.seen), seen);
    assertEquals(read.map(({ isLast }) => isLast), frames.map((_, at) => at === frames.length - 1));
  }
});

Deno.test("readIdleResults() drops what is invalid", () => {
  const results = [[1, "alive", 5], [1, "well", 5], ["1", "alive", 5], [2, "idle"], null, 7, {}];
  const seen = [{ number: 1, state: "alive" as const, after_ms: 5 }];
  assertEquals(readIdleResults({ results, last: 1 }), { seen, isLast: false });
  assertEquals(readIdleResults({ results: "x", last: true }), { seen: [], isLast: true });
});
