import { assertEquals } from "@std/assert";
import { reconcile } from "../../lib/evidence/ledgers.ts";

Deno.test("reconcile() counts what is in doubt, and how many of those the server has", () => {
  const client = { sent: 12, confirmed: 9, isFinal: true };
  const server = { received: 11, confirmed: 10, isFinal: true };
  assertEquals(reconcile(client, server), {
    sent: 12,
    received: 11,
    confirmed_by_server: 10,
    confirmed: 9,
    in_doubt: 3,
    in_doubt_arrived: 2,
    contradictions: [],
  });
});

Deno.test("reconcile() names each contradiction", () => {
  const found = (client: [number, number], server: [number, number]) =>
    reconcile(
      { sent: client[0], confirmed: client[1], isFinal: true },
      { received: server[0], confirmed: server[1], isFinal: true },
    ).contradictions;
  assertEquals(found([5, 6], [6, 6]), [
    "the client has the confirmation of 6, but it sent only 5",
    "the server received 6, but the client sent only 5",
  ]);
  assertEquals(found([9, 5], [6, 7]), ["the server confirmed 7, but it received only 6"]);
  assertEquals(found([9, 8], [8, 7]), [
    "the client has the confirmation of 8, but the server confirmed only 7",
  ]);
  assertEquals(found([9, 7], [8, 7]), []);
});

Deno.test("reconcile() contradicts nobody whose recording ended early", () => {
  const client = { sent: 12, confirmed: 12, isFinal: true };
  const server = { received: 8, confirmed: 8, isFinal: false };
  assertEquals(reconcile(client, server).contradictions, []);
  assertEquals(reconcile(client, server).in_doubt_arrived, null);
  const early = { sent: 3, confirmed: 3, isFinal: false };
  assertEquals(reconcile(early, { ...server, isFinal: true }).contradictions, []);
});

Deno.test("reconcile() of one side leaves the other's numbers unknown", () => {
  const { in_doubt, received, sent } = reconcile({ sent: 2, confirmed: 1, isFinal: true });
  assertEquals([sent, received, in_doubt], [2, null, 1]);
  assertEquals(reconcile(undefined, { received: 2, confirmed: 1, isFinal: true }).in_doubt, null);
});
