/**
 * Which worker has which session, from the first connection to the end.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { SessionHomes } from "../lib/session_homes.ts";

Deno.test("SessionHomes.send() sends a new session where it came, and all of its returns there", () => {
  const homes = new SessionHomes(10);
  assertEquals([homes.send("a", 0), homes.send("b", 1)], [0, 1]);
  // Before it is known what becomes of the first connection, and after that.
  assertEquals([homes.send("a", 2), homes.send("b", 2)], [0, 1]);
  homes.settled("a", true);
  homes.settled("a", true);
  assertEquals(homes.send("a", 2), 0);
});

Deno.test("SessionHomes forgets a session that comes to nothing, or has ended", () => {
  const homes = new SessionHomes(10);
  homes.send("refused", 0);
  homes.settled("refused", false);
  homes.send("ended", 0);
  homes.settled("ended", true);
  homes.ended("ended");
  assertEquals([homes.has("refused"), homes.has("ended")], [false, false]);
  assertEquals([homes.send("refused", 1), homes.send("ended", 2)], [1, 2]);
});

Deno.test("SessionHomes keeps a session whose return comes to nothing", () => {
  const homes = new SessionHomes(10);
  homes.send("a", 0);
  homes.settled("a", true);
  homes.send("a", 1);
  homes.settled("a", false);
  assertEquals([homes.has("a"), homes.send("a", 2)], [true, 0]);
});

Deno.test("SessionHomes keeps a session that has ended while a connection is on its way there", () => {
  const homes = new SessionHomes(10);
  homes.send("a", 0);
  homes.settled("a", true);
  homes.send("a", 1);
  homes.ended("a");
  // What is sent after it has to come to the same worker: the one on its way may begin it anew.
  assertEquals(homes.send("a", 2), 0);
  homes.settled("a", true);
  homes.settled("a", false);
  assertEquals([homes.has("a"), homes.send("a", 2)], [true, 0]);
});

Deno.test("SessionHomes.add() puts a session where it stays until it ends", () => {
  const homes = new SessionHomes(10);
  homes.add("a", 2);
  assertEquals(homes.send("a", 0), 2);
  homes.settled("a", false);
  assertEquals(homes.send("a", 1), 2);
  homes.settled("a", true);
  homes.ended("a");
  assertEquals(homes.has("a"), false);
});

Deno.test("SessionHomes.isFull counts sessions, and those that may soon be, each once", () => {
  const homes = new SessionHomes(2);
  homes.add("a", 0);
  assertEquals(homes.isFull, false);
  homes.send("b", 1);
  homes.send("b", 2);
  assertEquals(homes.isFull, true);
  homes.settled("b", false);
  assertEquals(homes.isFull, true);
  homes.settled("b", false);
  assertEquals(homes.isFull, false);
  // Those of an earlier process may be more than there may be now.
  for (const id of ["b", "c", "d"]) homes.add(id, 0);
  assertEquals(homes.isFull, true);
});

Deno.test("SessionHomes takes no notice of sessions that it does not know", () => {
  const homes = new SessionHomes(1);
  homes.ended("a");
  homes.settled("a", true);
  assertEquals([homes.has("a"), homes.isFull], [false, false]);
});
