/**
 * What a server keeps of a session: how far it has come, and how much of it may be undelivered.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { SessionRecord } from "../../lib/server/session_record.ts";
import { EventSource } from "../../lib/session/events.ts";
import { SessionState } from "../../lib/session/state.ts";
import { BatchDelivery } from "../../lib/store/delivery.ts";
import { HeldOutput } from "../support/held_delivery.ts";
import { DEFAULT_TIMERS, Recorder } from "../support/stage.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

/** The session `s`, with an output that waits unless there is none. */
function stage(output?: HeldOutput) {
  const clock = new VirtualClock();
  const events = new EventSource(new Recorder(clock), clock, "s");
  const state = new SessionState({ clock, timers: DEFAULT_TIMERS, events });
  const quiet = { clock, notice: () => {}, onFailure: () => {} };
  const delivery = output && new BatchDelivery({ output, ...quiet });
  const record = new SessionRecord({ id: "s", state, reconnects: true, delivered: 4, delivery });
  let told = 0;
  const held: string[] = [];
  record.session = {
    deliveredMore: () => told++,
    held: (reason) => held.push(reason),
    supersede: () => ({ by: "peer", reason: "closed", text: "" }),
    peer: "client:1",
    confirmedUpTo: 4,
  };
  return { clock, held, record, told: () => told };
}

function stateOf({ deliveredUpTo, isSettled, receivedUpTo }: SessionRecord) {
  return { deliveredUpTo, isSettled, receivedUpTo };
}

Deno.test("SessionRecord.receive() delivers at once where nothing else is to be done", () => {
  const { clock, record } = stage();
  assertEquals(stateOf(record), { deliveredUpTo: 4, isSettled: true, receivedUpTo: 4 });
  assertEquals(record.receive(5, new Uint8Array(1), { clock, maxMessageBytes: 100 }), true);
  assertEquals(stateOf(record), { deliveredUpTo: 5, isSettled: true, receivedUpTo: 5 });
});

Deno.test("SessionRecord.receive() waits for the delivery, and its connection hears of that", async () => {
  const output = new HeldOutput();
  const { clock, record, told } = stage(output);
  record.receive(5, new Uint8Array(1), { clock, maxMessageBytes: 100 });
  record.receive(6, new Uint8Array(1), { clock, maxMessageBytes: 100 });
  await settle();
  assertEquals(stateOf(record), { deliveredUpTo: 4, isSettled: false, receivedUpTo: 6 });
  assertEquals(told(), 0);
  await output.letThrough();
  assertEquals(stateOf(record), { deliveredUpTo: 6, isSettled: true, receivedUpTo: 6 });
  assertEquals(told(), 1);
});

const MEBIBYTE = 1_048_576;

for (
  const [what, message_bytes, max_bytes, count] of [
    ["64 MiB", 16 * MEBIBYTE, 16 * MEBIBYTE, 4],
    ["two of the largest data messages", 100 * MEBIBYTE, 100 * MEBIBYTE, 2],
    ["16,384 data messages", 0, 100, 16_384],
  ] as const
) {
  Deno.test(`SessionRecord.receive() takes ${what} undelivered, and again when they are delivered`, async () => {
    const output = new HeldOutput();
    const { clock, record } = stage(output);
    const payload = new Uint8Array(message_bytes);
    let seq = 4;
    for (const _round of [1, 2]) {
      for (let n = 0; n < count; n++) {
        assertEquals(
          record.receive(++seq, payload, { clock, maxMessageBytes: max_bytes }),
          true,
          `${n + 1} of ${count}`,
        );
      }
      await settle();
      while (!record.isSettled) await output.letThrough();
    }
    for (let n = 0; n < count; n++) {
      record.receive(++seq, payload, { clock, maxMessageBytes: max_bytes });
    }
    assertEquals(record.receive(++seq, payload, { clock, maxMessageBytes: max_bytes }), false);
  });
}
