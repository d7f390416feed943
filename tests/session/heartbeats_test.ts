/**
 * The numbers, round trips and counters of heartbeats.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { EventSource } from "../../lib/session/events.ts";
import { Heartbeats } from "../../lib/session/heartbeat_loop.ts";
import { Ledger } from "../../lib/session/ledger.ts";
import { ProtocolError } from "../../lib/wire/protocol.ts";
import { DEFAULT_TIMERS, Recorder } from "../support/stage.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

function stage() {
  const clock = new VirtualClock();
  const recorder = new Recorder(clock);
  const events = new EventSource(recorder, clock, "s");
  const sent: number[] = [];
  const send = (n: number) => sent.push(n);
  const ledger = new Ledger();
  const heartbeats = new Heartbeats({ clock, timers: DEFAULT_TIMERS, events, ledger, send });
  return { clock, heartbeats, ledger, recorder, sent };
}

Deno.test("Heartbeats.onReply() gives a round trip for the last heartbeat only", async () => {
  const { clock, heartbeats, recorder, sent } = stage();
  heartbeats.send();
  await clock.advance(10_000);
  heartbeats.missed(1, 3);
  heartbeats.send();
  await clock.advance(5);
  heartbeats.onReply(1);
  heartbeats.answered();
  heartbeats.send();
  await clock.advance(40);
  heartbeats.onReply(3);
  heartbeats.answered();
  assertEquals(sent, [1, 2, 3]);
  assertEquals(recorder.all("heartbeat_answered").map(({ rtt_ms }) => rtt_ms), [null, 40]);
});

Deno.test("Heartbeats.assure() sends a heartbeat that needs no answer, and takes none from another", async () => {
  const { clock, heartbeats, ledger, recorder, sent } = stage();
  heartbeats.send();
  heartbeats.assure();
  await clock.advance(40);
  heartbeats.onReply(1);
  await clock.advance(10);
  heartbeats.onReply(2);
  heartbeats.answered();
  heartbeats.assure();
  heartbeats.missed(1, 3);
  assertEquals([sent, ledger.heartbeatsSent], [[1, 2, 3], 3]);
  const [answered] = recorder.all("heartbeat_answered");
  assertEquals([answered!.n, answered!.rtt_ms], [1, 40]);
  assertEquals(recorder.all("heartbeat_missed").map(({ n }) => n), [1]);
});

Deno.test("Heartbeats.onReply() throws on the reply to a heartbeat never sent", () => {
  const { heartbeats } = stage();
  assertThrows(() => heartbeats.onReply(1), ProtocolError, "HEARTBEAT_REPLY 1");
});

Deno.test("Heartbeats.detection is the start of silence until a heartbeat was answered", async () => {
  const { clock, heartbeats, ledger } = stage();
  await clock.advance(20_000);
  heartbeats.silent("last_data_heard", 0);
  heartbeats.send();
  const silence = { since: "last_data_heard", at_ms: 0, predicted_ms: 60_000 } as const;
  assertEquals(heartbeats.detection, silence);
  heartbeats.answered();
  await clock.advance(5_000);
  heartbeats.send();
  const heartbeat = { since: "first_unanswered_heartbeat_sent", at_ms: 25_000 } as const;
  assertEquals(heartbeats.detection, { ...heartbeat, predicted_ms: 40_000 });
  heartbeats.missed(1, 3);
  const { heartbeatsAnswered, heartbeatsMissed, heartbeatsSent } = ledger;
  assertEquals([heartbeatsSent, heartbeatsAnswered, heartbeatsMissed], [2, 1, 1]);
});
