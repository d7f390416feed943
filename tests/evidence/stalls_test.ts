import { assertEquals } from "@std/assert";
import { judge } from "../../lib/evidence/outages.ts";
import type { SideSeen } from "../../lib/evidence/side.ts";
import { cutToServer, exactly, frame } from "../support/seen.ts";

Deno.test("judge() takes a frame that was read right after a stall for no sign of the path", () => {
  const { client, server } = cutToServer();
  const received = [...server.received, frame("DATA 2", 30_010)];
  const stalls = [{ earliest_ms: 3_000, from_ms: 4_000, to_ms: 30_000 }];
  const stalled = { ...server, received, stalls };
  const judgement = judge({ client, server: stalled });
  assertEquals(
    [judgement.began, judgement.cause, judgement.at],
    ["unknown", "local_stall", "server"],
  );
  const frozen = { ...client, causes: ["process_not_running"] as const };
  const { at, cause } = judge({ client: frozen, server: stalled });
  assertEquals([cause, at], ["process_not_running", "server"]);
  // A stall that was over long before the frame came explains nothing.
  const late = [...server.received, frame("DATA 2", 45_000)];
  const short = {
    ...server,
    received: late,
    stalls: [{ earliest_ms: 3_000, from_ms: 4_000, to_ms: 6_000 }],
  };
  assertEquals(judge({ client, server: short }).cause, "path_cut");
});

Deno.test("judge() asks for a sign that the receiver ran: a stop need not make a deadline late", () => {
  const { client, server } = cutToServer();
  // The client was stopped from 5.001 s to 19 s, within its data_threshold of 20 s.
  const { noticed: _, ...unaware } = client;
  const earlier = (text: string, delay_ms: number) =>
    [-8, -7, -6, -5].map((n) => frame(`${text} ${n}`, n * 5_000 + delay_ms));
  const stopped: SideSeen = {
    ...unaware,
    sent: [...client.sent, frame("HEARTBEAT_REPLY 1", 19_000)],
    received: [
      ...earlier("CONFIRM", 2),
      frame("CONFIRM 1", 2),
      frame("CONFIRM 2", 19_000),
      frame("HEARTBEAT 1", 19_000),
    ],
  };
  const noticing: SideSeen = {
    ...server,
    noticed: { at: exactly(15_001), how: "silent" },
    sent: [
      ...earlier("CONFIRM", 1),
      frame("CONFIRM 1", 1),
      frame("CONFIRM 2", 5_001),
      frame("HEARTBEAT 1", 15_001),
    ],
    received: [frame("DATA 1", 1), frame("DATA 2", 5_001), frame("HEARTBEAT_REPLY 1", 19_001)],
  };
  const { began, cause } = judge({ client: stopped, server: noticing });
  assertEquals([began, cause], ["unknown", "unknown"]);
  // A client that was running meanwhile would have read the confirmation.
  const running = { ...stopped, sent: [...stopped.sent, frame("DATA 3", 10_000, 19)] };
  const ran = judge({ client: running, server: noticing });
  assertEquals([ran.began, ran.isLikely], ["to_client", false]);
  // One that noticed the silence ran, too; but nothing shows that its own way was whole by then.
  const received = [...earlier("CONFIRM", 2), frame("CONFIRM 1", 2)];
  const asked = judge({
    client: { ...client, received },
    server: { ...noticing, received: [frame("DATA 1", 1), frame("DATA 2", 5_001)] },
  });
  assertEquals([asked.began, asked.isLikely], ["to_client", true]);
});

Deno.test("judge() does not blame the path for what a stopped process did not answer, nor acquits it", () => {
  const { client, server } = cutToServer();
  const inVain = { ...client, causes: ["path_cut"] as const };
  const stall = { earliest_ms: 3_000, from_ms: 4_000, to_ms: 50_000 };
  // The server's host did not acknowledge: it froze, too, or the path was cut beside.
  const frozen = { ...server, sent: server.sent.slice(0, 1), stalls: [stall] };
  const { at, began, cause } = judge({ client: inVain, server: frozen });
  assertEquals([cause, at, began], ["unknown", undefined, "unknown"]);
  const received = [...server.received, frame("DATA 2", 50_010)];
  assertEquals(judge({ client: inVain, server: { ...frozen, received } }).cause, "unknown");
  // It is read later still, because TCP waits longer and longer before it transmits again.
  const again = { ...frozen, received: [...server.received, frame("DATA 2", 62_000)] };
  const silent = { at: exactly(55_000), how: "silent" as const };
  const late = judge({ client: inVain, server: { ...again, noticed: silent } });
  assertEquals([late.cause, late.began], ["unknown", "unknown"]);
  // A suspended host acknowledges nothing.
  const suspended = { ...frozen, received, stalls: [{ ...stall, kind: "suspended" as const }] };
  const found = judge({ client: inVain, server: suspended });
  assertEquals([found.cause, found.at], ["local_stall", "server"]);
  // A stop that is much shorter than the outage explains nothing.
  const short = { ...frozen, stalls: [{ ...stall, to_ms: 6_000 }] };
  assertEquals(judge({ client: inVain, server: short }).cause, "path_cut");
});
