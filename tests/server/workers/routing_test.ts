/**
 * Which worker has which session, from the first connection to the end.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { SessionRouting } from "../../../lib/server/workers/routing.ts";

Deno.test("SessionRouting.send() sends a new session where it came, and all of its returns there", () => {
  const routing = new SessionRouting(10);
  assertEquals([routing.send("a", 0), routing.send("b", 1)], [0, 1]);
  // Before it is known what becomes of the first connection, and after that.
  assertEquals([routing.send("a", 2), routing.send("b", 2)], [0, 1]);
  routing.settled("a", true);
  routing.settled("a", true);
  assertEquals(routing.send("a", 2), 0);
});

Deno.test("SessionRouting forgets a session that comes to nothing, or has ended", () => {
  const routing = new SessionRouting(10);
  routing.send("refused", 0);
  routing.settled("refused", false);
  routing.send("ended", 0);
  routing.settled("ended", true);
  routing.ended("ended");
  assertEquals([routing.has("refused"), routing.has("ended")], [false, false]);
  assertEquals([routing.send("refused", 1), routing.send("ended", 2)], [1, 2]);
});

Deno.test("SessionRouting keeps a session whose return comes to nothing", () => {
  const routing = new SessionRouting(10);
  routing.send("a", 0);
  routing.settled("a", true);
  routing.send("a", 1);
  routing.settled("a", false);
  assertEquals([routing.has("a"), routing.send("a", 2)], [true, 0]);
});

Deno.test("SessionRouting keeps a session that has ended while a connection is on its way there", () => {
  const routing = new SessionRouting(10);
  routing.send("a", 0);
  routing.settled("a", true);
  routing.send("a", 1);
  routing.ended("a");
  // What is sent after it has to come to the same worker: the one on its way may begin it anew.
  assertEquals(routing.send("a", 2), 0);
  routing.settled("a", true);
  routing.settled("a", false);
  assertEquals([routing.has("a"), routing.send("a", 2)], [true, 0]);
});

Deno.test("SessionRouting.add() puts a session where it stays until it ends", () => {
  const routing = new SessionRouting(10);
  routing.add("a", 2);
  assertEquals(routing.send("a", 0), 2);
  routing.settled("a", false);
  assertEquals(routing.send("a", 1), 2);
  routing.settled("a", true);
  routing.ended("a");
  assertEquals(routing.has("a"), false);
});

Deno.test("SessionRouting.isFull counts sessions, and those that may soon be, each once", () => {
  const routing = new SessionRouting(2);
  routing.add("a", 0);
  assertEquals(routing.isFull, false);
  routing.send("b", 1);
  routing.send("b", 2);
  assertEquals(routing.isFull, true);
  routing.settled("b", false);
  assertEquals(routing.isFull, true);
  routing.settled("b", false);
  assertEquals(routing.isFull, false);
  // Those of an earlier process may be more than there may be now.
  for (const id of ["b", "c", "d"]) routing.add(id, 0);
  assertEquals(routing.isFull, true);
});

Deno.test("SessionRouting takes no notice of sessions that it does not know", () => {
  const routing = new SessionRouting(1);
  routing.ended("a");
  routing.settled("a", true);
  assertEquals([routing.has("a"), routing.isFull], [false, false]);
});
