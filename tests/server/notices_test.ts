/**
 * What a server tells of itself as a whole, and of a store that does not answer.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { explainEnd } from "../../lib/output/explain.ts";
import { OPEN_LIMIT_MS } from "../../lib/session/timers.ts";
import type { StoredSession } from "../../lib/store/store.ts";
import { HeldStore } from "../support/held_delivery.ts";
import { stageRawServer } from "../support/raw_server.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

/** A session as an earlier process left it. */
function stored(id: string): StoredSession {
  const at = Date.UTC(2026, 10, 22);
  return { id, start: 0, received: 1, seen_at: at, lost_at: at };
}

Deno.test("a server tells how many sessions in its store wait for their clients, if any do", () => {
  for (const sessions of [[], [stored("a"), stored("b")]]) {
    const store = new HeldStore();
    const { recorder } = stageRawServer({
      store: { sessions, commit: (entries) => store.commit(entries), close: () => store.close() },
    });
    const texts = recorder.all("notice").map(({ text }) => text);
    const expected = "sessions in the store that wait for their clients: 2";
    assertEquals(texts, sessions.length === 0 ? [] : [expected]);
  }
});

Deno.test("a session that is not stored in time is laid at the store's door, not at its client's", async () => {
  const { clock, hello, recorder } = stageRawServer({ store: new HeldStore() });
  const { peer } = await hello("s");
  await clock.advance(OPEN_LIMIT_MS - 1);
  assertEquals(recorder.all("terminated"), []);
  await clock.advance(1);
  const end = recorder.one("terminated");
  assertEquals([end.by, end.reason, end.session], ["self", "failed", "s"]);
  assertStringIncludes(
    explainEnd(end, "server", DEFAULT_TIMERS),
    "its session was not stored within 5 s; the store does not answer",
  );
  await clock.advance(1_000);
  // To say nothing lets a client with --reconnect come again.
  assertEquals([peer.heard, peer.sawEnd], [[], true]);
});
