/**
 * Which worker owns a session, from its first connection to its end.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { SessionRouting } from "../../../lib/server/workers/routing.ts";

Deno.test("SessionRouting.place() leaves a new session where it came, and sends all later connections there", () => {
  const routing = new SessionRouting(10);
  assertEquals([routing.place("a", 0), routing.place("b", 1)], [0, 1]);
  // Before the outcome of the first connection is known, and after that.
  assertEquals([routing.place("a", 2), routing.place("b", 2)], [0, 1]);
  routing.settled("a", true);
  routing.settled("a", true);
  assertEquals(routing.place("a", 2), 0);
});

Deno.test("SessionRouting forgets a session that was not opened, or has ended", () => {
  const routing = new SessionRouting(10);
  routing.place("refused", 0);
  routing.settled("refused", false);
  routing.place("ended", 0);
  routing.settled("ended", true);
  routing.ended("ended");
  assertEquals([routing.has("refused"), routing.has("ended")], [false, false]);
  assertEquals([routing.place("refused", 1), routing.place("ended", 2)], [1, 2]);
});

Deno.test("SessionRouting keeps a session that fails to resume", () => {
  const routing = new SessionRouting(10);
  routing.place("a", 0);
  routing.settled("a", true);
  routing.place("a", 1);
  routing.settled("a", false);
  assertEquals([routing.has("a"), routing.place("a", 2)], [true, 0]);
});

Deno.test("SessionRouting keeps a session that has ended while a connection to it is pending", () => {
  const routing = new SessionRouting(10);
  routing.place("a", 0);
  routing.settled("a", true);
  routing.place("a", 1);
  routing.ended("a");
  // Later connections must go to the same worker: the pending one may open the session again.
  assertEquals(routing.place("a", 2), 0);
  routing.settled("a", true);
  routing.settled("a", false);
  assertEquals([routing.has("a"), routing.place("a", 2)], [true, 0]);
});

Deno.test("SessionRouting.add() assigns a session until it ends", () => {
  const routing = new SessionRouting(10);
  routing.add("a", 2);
  assertEquals(routing.place("a", 0), 2);
  routing.settled("a", false);
  assertEquals(routing.place("a", 1), 2);
  routing.settled("a", true);
  routing.ended("a");
  assertEquals(routing.has("a"), false);
});

Deno.test("SessionRouting.isFull counts sessions, open or pending, each once", () => {
  const routing = new SessionRouting(2);
  routing.add("a", 0);
  assertEquals(routing.isFull, false);
  routing.place("b", 1);
  routing.place("b", 2);
  assertEquals(routing.isFull, true);
  routing.settled("b", false);
  assertEquals(routing.isFull, true);
  routing.settled("b", false);
  assertEquals(routing.isFull, false);
  // An earlier process may have had more sessions than the limit is now.
  for (const id of ["b", "c", "d"]) routing.add(id, 0);
  assertEquals(routing.isFull, true);
});

Deno.test("SessionRouting ignores unknown sessions", () => {
  const routing = new SessionRouting(1);
  routing.ended("a");
  routing.settled("a", true);
  assertEquals([routing.has("a"), routing.isFull], [false, false]);
});
