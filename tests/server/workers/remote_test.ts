/**
 * A worker's way to have its data messages delivered: what it says to the main thread, and what it hears.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { FromWorker } from "../../../lib/server/workers/messages.ts";
import { RemoteDelivery } from "../../../lib/server/workers/remote.ts";
import type { Recipient } from "../../../lib/store/delivery.ts";
import type { Entry } from "../../../lib/store/store.ts";
import { lost, message as eventText } from "../../support/store_folder.ts";
import { settle } from "../../support/virtual_clock.ts";

/** The way of a worker, where the main thread says what the test says. */
function stage({ isDurable = true } = {}) {
  const said: FromWorker[] = [];
  const answers: (() => void)[] = [];
  const delivery = new RemoteDelivery({
    isDurable,
    say: (message) => said.push(message),
    ask: (question) => {
      said.push(question(answers.length));
      return new Promise((resolve) => answers.push(resolve));
    },
  });
  return { delivery, said, answers };
}

/** Whoever hears what is delivered, as `seq bytes`. */
class ReceiveCounters implements Recipient {
  readonly heard: string[] = [];

  delivered(seq: number, bytes: number): void {
    this.heard.push(`${seq} ${bytes}`);
  }
}

/** A data message of so many bytes. */
function message(session: string, seq: number, size: number): Entry & { kind: "message" } {
  return { ...eventText(session, seq), payload: new Uint8Array(size) };
}

Deno.test("RemoteDelivery.message() has each data message delivered, in order", () => {
  const { delivery, said } = stage();
  const [a, b] = [new ReceiveCounters(), new ReceiveCounters()];
  const messages = [message("a", 1, 3), message("b", 1, 4), message("a", 2, 0)];
  const recipients = [1, 2, 1];
  for (const [at, each] of messages.entries()) delivery.message(recipients[at] === 1 ? a : b, each);
  const expected = messages.map((message, at) => ({
    kind: "deliver",
    recipient: recipients[at],
    message,
  }));
  assertEquals<unknown>(said, expected);
});

Deno.test("RemoteDelivery tells two recipients of the same session id apart", () => {
  const { delivery } = stage();
  const [ended, fresh] = [new ReceiveCounters(), new ReceiveCounters()];
  delivery.message(ended, message("a", 3, 3));
  delivery.message(fresh, message("a", 1, 1));
  delivery.delivered(1, 3, 3);
  assertEquals([ended.heard, fresh.heard], [["3 3"], []]);
});

Deno.test("RemoteDelivery.delivered() tells each recipient of its own, until all is delivered", () => {
  const { delivery } = stage();
  const [a, b] = [new ReceiveCounters(), new ReceiveCounters()];
  for (const seq of [1, 2, 3]) delivery.message(a, message("a", seq, seq));
  delivery.message(b, message("b", 9, 1));
  delivery.delivered(1, 2, 3);
  delivery.delivered(2, 9, 1);
  delivery.delivered(1, 3, 3);
  assertEquals([a.heard, b.heard], [["2 3", "3 3"], ["9 1"]]);
  delivery.message(a, message("a", 4, 4));
  delivery.delivered(1, 4, 4);
  assertEquals(a.heard.at(-1), "4 4");
});

Deno.test("RemoteDelivery.note() is said where sessions are stored, and nowhere else", () => {
  for (const isDurable of [true, false]) {
    const { delivery, said } = stage({ isDurable });
    delivery.note(lost("a"));
    assertEquals<unknown>(said, isDurable ? [{ kind: "note", entry: lost("a") }] : []);
    assertEquals(delivery.isDurable, isDurable);
  }
});

Deno.test("RemoteDelivery.keep() and flushed() resolve when they are answered", async () => {
  const { answers, delivery, said } = stage();
  const told: string[] = [];
  delivery.keep(lost("a")).then(() => told.push("kept"));
  delivery.flushed().then(() => told.push("flushed"));
  assertEquals<unknown>(said, [
    { kind: "keep", call: 0, entry: lost("a") },
    { kind: "flush", call: 1 },
  ]);
  await settle();
  assertEquals(told, []);
  answers[1]!();
  await settle();
  assertEquals(told, ["flushed"]);
  answers[0]!();
  await settle();
  assertEquals(told, ["flushed", "kept"]);
});

Deno.test("RemoteDelivery.fail() has it deliver nothing more, and tell nobody", () => {
  const { delivery, said } = stage();
  const a = new ReceiveCounters();
  delivery.message(a, message("a", 1, 1));
  assertEquals(delivery.hasFailed, false);
  delivery.fail();
  delivery.message(a, message("a", 2, 1));
  delivery.delivered(1, 1, 1);
  assertEquals([delivery.hasFailed, said.length, a.heard], [true, 1, []]);
});
