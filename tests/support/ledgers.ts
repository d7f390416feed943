/**
 * The ledgers of both sides of a session, as their summaries tell them: where they have to agree.
 *
 * @module
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import type { Summary } from "../../lib/session/ledger.ts";

/** Checks what both sides say of a session; a restarted server counts since its start. */
export function assertAgree(client: Summary, server: Summary): void {
  const { confirmed_up_to: heard, data_sent } = client;
  const { confirmed_up_to: said } = server;
  const data_received = said - server.data_confirmed + server.data_received;
  assertLessOrEqual(heard, said);
  assertLessOrEqual(said, data_received);
  assertLessOrEqual(data_received, data_sent);
  assertEquals(client.in_doubt, heard < data_sent ? [[heard + 1, data_sent]] : []);
  assertEquals(server.in_doubt, said < data_received ? [[said + 1, data_received]] : []);
  assertConnectionsAgree(client, server);
}

/** What both sides say of a session that has all that was sent: nothing in doubt, on either side. */
export function assertSettled(client: Summary, server: Summary): void {
  assertAgree(client, server);
  assertEquals([client.in_doubt, server.in_doubt], [[], []]);
  assertEquals(server.confirmed_up_to, client.data_sent);
}

/** Checks what both sides say of each connection; those of the server may be the last ones only. */
function assertConnectionsAgree(client: Summary, server: Summary): void {
  const missing = client.connections - server.connections;
  assert(missing >= 0, "the server has seen more connections than the client");
  const ours = client.by_connection.slice(missing);
  for (const [i, { confirmed, in_doubt, resent, sent }] of ours.entries()) {
    const theirs = server.by_connection[i]!;
    const where = `connection ${missing + i + 1}`;
    // What is lost on the way is what they may differ by.
    assertLessOrEqual(theirs.received, sent, where);
    assertLessOrEqual(theirs.resent, resent, where);
    assertLessOrEqual(confirmed, theirs.confirmed, where);
    // What came over the connection before may be confirmed on this one before it comes again.
    assertEquals(in_doubt, Math.max(0, sent - confirmed), where);
    assertEquals(theirs.in_doubt, Math.max(0, theirs.received - theirs.confirmed), where);
  }
  assertEquals(sum(client, "sent"), client.data_sent + client.data_resent);
  assertEquals(sum(client, "resent"), client.data_resent);
  assertEquals(sum(server, "resent"), server.data_resent);
}

function sum({ by_connection }: Summary, count: "sent" | "resent"): number {
  return by_connection.reduce((total, each) => total + each[count], 0);
}
