/**
 * The counters of a session: over all its connections, and for each of them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  addCounters,
  Counters,
  Ledger,
  MAX_CONNECTIONS_KEPT,
  roundMs,
} from "../../lib/session/ledger.ts";

Deno.test("Ledger.summary() of a session in which nothing happened", () => {
  assertEquals(new Ledger().summary(1_500.000_4), {
    duration_ms: 1_500,
    data_sent: 0,
    data_received: 0,
    data_resent: 0,
    data_confirmed: 0,
    data_bytes: 0,
    confirmed_up_to: 0,
    in_doubt: [],
    connections: 0,
    by_connection: [],
    heartbeats_sent: 0,
    heartbeats_answered: 0,
    heartbeats_missed: 0,
    heartbeats_received: 0,
    silences: 0,
    longest_silence_ms: 0,
    longest_idle_ms: 0,
    local_stalls: 0,
    rtt_min_ms: null,
    rtt_avg_ms: null,
    rtt_max_ms: null,
  });
});

Deno.test("addCounters() adds what is given", () => {
  const total = new Counters();
  addCounters(total, { data_sent: 3, in_doubt: 1 });
  addCounters(total, { ...new Counters(), data_sent: 4, deaths: 1 });
  const { data_sent, deaths, in_doubt, opened } = total;
  assertEquals([data_sent, deaths, in_doubt, opened], [7, 1, 1, 0]);
});

Deno.test("roundMs() rounds to the microsecond", () => {
  assertEquals([1.234_567, 0.000_4, 0.000_6, 5].map(roundMs), [1.235, 0, 0.001, 5]);
});

Deno.test("Ledger.summary() lists what is sent, or received, but not confirmed as in doubt", () => {
  const client = new Ledger();
  client.dataSent = 9;
  client.confirmedUpTo = 6;
  const { confirmed_up_to, data_confirmed, data_sent, in_doubt } = client.summary(0);
  assertEquals([confirmed_up_to, data_confirmed, data_sent, in_doubt], [6, 6, 9, [[7, 9]]]);
  const server = new Ledger();
  server.dataReceived = 7;
  server.confirmedUpTo = 6;
  assertEquals(server.summary(0).in_doubt, [[7, 7]]);
  server.confirmedUpTo = 7;
  assertEquals(server.summary(0).in_doubt, []);
});

Deno.test("Ledger.summary() counts what each connection sent, received and confirmed", () => {
  const ledger = new Ledger();
  const first = ledger.connectionOpened();
  first.sent = 5;
  first.confirmed = 3;
  const second = ledger.connectionOpened();
  second.sent = 4;
  second.confirmed = 4;
  ledger.countResent(second);
  ledger.countResent(second);
  const { by_connection, connections, data_resent } = ledger.summary(0);
  assertEquals([connections, data_resent], [2, 2]);
  assertEquals(by_connection, [
    { sent: 5, received: 0, confirmed: 3, resent: 0, in_doubt: 2 },
    { sent: 4, received: 0, confirmed: 4, resent: 2, in_doubt: 0 },
  ]);
});

Deno.test("Ledger keeps the last connections apart, and counts them all", () => {
  const ledger = new Ledger();
  for (let n = 1; n <= MAX_CONNECTIONS_KEPT + 3; n++) {
    const connection = ledger.connectionOpened();
    connection.received = n;
    ledger.countResent(connection);
  }
  const { by_connection, connections, data_resent } = ledger.summary(0);
  assertEquals([MAX_CONNECTIONS_KEPT, connections, data_resent], [100, 103, 103]);
  assertEquals([by_connection.length, by_connection[0]!.received], [100, 4]);
  assertEquals(by_connection.at(-1)!.received, 103);
});

Deno.test("Ledger.startAfter() leaves out what another process has settled", () => {
  const ledger = new Ledger();
  ledger.startAfter(10);
  assertEquals(ledger.summary(0).in_doubt, []);
  ledger.dataReceived = 13;
  ledger.confirmedUpTo = 12;
  const { confirmed_up_to, data_confirmed, data_received, in_doubt } = ledger.summary(0);
  assertEquals([confirmed_up_to, data_confirmed, data_received, in_doubt], [12, 2, 3, [[13, 13]]]);
});

Deno.test("Ledger keeps shortest, mean and longest round trip, and the longest silence", () => {
  const ledger = new Ledger();
  for (const rtt_ms of [3, 1, 8]) ledger.addRoundTrip(rtt_ms);
  for (const silent_ms of [20_000, 31_000.25, 25_000]) {
    ledger.silences++;
    ledger.silenceEnded(silent_ms);
  }
  const summary = ledger.summary(0);
  assertEquals([summary.rtt_min_ms, summary.rtt_avg_ms, summary.rtt_max_ms], [1, 4, 8]);
  assertEquals([summary.silences, summary.longest_silence_ms], [3, 31_000.25]);
});
