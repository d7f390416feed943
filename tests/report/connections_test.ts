/**
 * Outages of sessions that had several connections: what one of them lost says nothing of another.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { RecordedConnection, RecordedRun, reportOfRuns } from "../support/recorded_runs.ts";

Deno.test("makeReport() does not explain an outage by a connection that was given up before", () => {
  const client = new RecordedRun("client", "c");
  const server = new RecordedRun("server", "s");
  // The server was not there yet.
  new RecordedConnection(client, server).frame("client", 1_000, "HELLO", undefined, Infinity);
  new RecordedConnection(client, server, 2, 1).open(10_000).data(1, 40, 11_000);
  // The client has nothing to send for a while: nothing is wrong with the path.
  server.phase(53_001, "data", "heartbeat", 3_000).phase(60_001, "heartbeat", "data", 10_000);
  new RecordedConnection(client, server, 2, 1).frame("server", 53_001, "HEARTBEAT", 1)
    .frame("client", 53_002, "HEARTBEAT_REPLY", 1).data(41, 45, 60_000);
  const { outages: [outage] } =
    reportOfRuns(client.end(70_000, "self", 45), server.end(70_001, "peer", 45)).document;
  assertEquals([outage!.began, outage!.cause], ["unknown", "unknown"]);
  assertEquals(outage!.to_server!.first_in_vain, null);
});

Deno.test("makeReport() does not take what came over the next connection for a sign of a direction", () => {
  const client = new RecordedRun("client", "c");
  const killed = new RecordedRun("server", "s1");
  const server = new RecordedRun("server", "s2", 12_000);
  // The server's host loses power, and is there again.
  new RecordedConnection(client, killed).open(1).data(1, 5, 1_000)
    .frame("client", 14_000, "DATA", 6, Infinity);
  client.reset(14_100);
  // The client resumes somewhat later than the server, which is silent again soon.
  const next = new RecordedConnection(client, server, 2);
  next.frame("client", 15_000, "HELLO").frame("server", 15_001, "WELCOME", undefined, 140);
  server.add(15_001, "resumed").phase(15_001, "connecting", "data");
  client.add(15_141, "resumed").phase(15_141, "connecting", "data");
  server.phase(18_001, "data", "heartbeat", 3_000);
  next.frame("server", 18_001, "HEARTBEAT", 1).frame("client", 18_002, "HEARTBEAT_REPLY", 1)
    .data(6, 9, 19_000);
  server.phase(19_001, "heartbeat", "data", 4_000);
  const { outages } =
    reportOfRuns(client.end(30_000, "self", 9), killed, server.end(30_001, "peer", 9)).document;
  assertEquals(outages.map(({ began }) => began), ["unknown"]);
  assertEquals(outages[0]!.to_client!.last_through!.frame, "CONFIRM 5");
});

Deno.test("makeReport() tells an outage from the next one that begins when it is over", () => {
  const client = new RecordedRun("client", "c");
  const server = new RecordedRun("server", "s");
  new RecordedConnection(client, server).open(1).data(1, 5, 1_000);
  for (const each of [client, server]) each.reset(6_000);
  const next = new RecordedConnection(client, server, 2, 2).open(9_998);
  // What is sent with the resume waits for the server's output, and is confirmed late.
  next.frame("client", 10_000, "DATA", 6).frame("server", 10_100, "HOLD");
  client.add(10_101, "hold", { reason: "output" });
  client.phase(13_000, "data", "heartbeat", 3_000);
  next.frame("client", 13_000, "HEARTBEAT", 1).frame("server", 13_001, "HEARTBEAT_REPLY", 1)
    .frame("server", 20_000, "CONFIRM", 6);
  client.phase(20_001, "heartbeat", "data", 10_001);
  next.data(7, 9, 21_000);
  const { outages } =
    reportOfRuns(client.end(30_000, "self", 9), server.end(30_001, "peer", 9)).document;
  assertEquals(outages.map(({ cause }) => cause), ["reset", "held"]);
});

Deno.test("makeReport() has no outage of attempts that opened no session", () => {
  const client = new RecordedRun("client", "c");
  const server = new RecordedRun("server", "s");
  // The server's store does not answer: nobody gets a WELCOME.
  for (const [at, sent_ms] of [1_000, 8_000].entries()) {
    new RecordedConnection(client, server, at + 1, at + 1).frame("client", sent_ms, "HELLO")
      .frame("client", sent_ms + 5_000, "TERMINATE");
    const end = { by: "peer", reason: "silent", text: "", silent_ms: null, predicted_ms: null };
    server.add(sent_ms + 5_001, "terminated", end);
  }
  new RecordedConnection(client, server, 3, 3).open(15_000).data(1, 5, 16_000);
  const { outages, sessions: [session] } =
    reportOfRuns(client.end(30_000, "self", 5), server.end(30_001, "peer", 5)).document;
  assertEquals([outages, session!.gaps.count], [[], 0]);
});
