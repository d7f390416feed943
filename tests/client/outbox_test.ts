/**
 * The outbox: numbers, the window, confirmations, and what is sent again after a resume.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Outbox, type OutboxOptions } from "../../lib/client/outbox.ts";
import { IntervalSource, QueueSource } from "../../lib/client/source.ts";
import { Ledger } from "../../lib/session/ledger.ts";
import { text } from "../support/bytes.ts";

/** An outbox of lines, on its first connection. */
function stage(lines: string[], options: Partial<OutboxOptions> = {}) {
  const source = new QueueSource();
  for (const line of lines) source.put(new TextEncoder().encode(line));
  const ledger = new Ledger();
  const outbox = new Outbox({ source, window: 3, ledger, ...options });
  return { source, ledger, outbox, connection: ledger.connectionOpened() };
}

type Staged = ReturnType<typeof stage>;

/** Takes all that may go out at this time, as `number line`. */
function takeAll({ outbox, connection }: Staged, now_ms = 0, on = connection): string[] {
  const taken = [];
  while (outbox.next_ms <= now_ms) {
    const { seq, payload } = outbox.take(now_ms, on);
    taken.push(`${seq} ${text(payload)}`);
  }
  return taken;
}

Deno.test("Outbox numbers data messages from 1, and stops at the window", () => {
  const staged = stage(["a", "b", "c", "d", "e"]);
  const { outbox, ledger } = staged;
  assertEquals(takeAll(staged), ["1 a", "2 b", "3 c"]);
  assertEquals([outbox.next_ms, outbox.oldest?.seq], [Infinity, 1]);
  assertEquals([ledger.dataSent, ledger.dataBytes, staged.connection.sent], [3, 3, 3]);
});

Deno.test("Outbox.confirm() makes room, and returns what was not confirmed before", () => {
  const staged = stage(["a", "b", "c", "d", "e"]);
  const { outbox, ledger } = staged;
  takeAll(staged);
  assertEquals(outbox.confirm(2).map(({ seq }) => seq), [1, 2]);
  assertEquals(outbox.confirm(2), []);
  assertEquals([ledger.confirmedUpTo, outbox.oldest?.seq], [2, 3]);
  assertEquals(takeAll(staged), ["4 d", "5 e"]);
  assertEquals(outbox.confirm(5).map(({ seq }) => seq), [3, 4, 5]);
  assertEquals(outbox.oldest, undefined);
});

Deno.test("Outbox records when each was sent, and how many times", () => {
  const staged = stage(["a", "b"]);
  const { outbox, connection } = staged;
  const first = outbox.take(7, connection);
  assertEquals([first.sent_ms, first.times], [7, 1]);
  outbox.resume(0);
  const again = outbox.take(90, connection);
  assertEquals([again.seq, again.sent_ms, again.times], [1, 90, 2]);
});

Deno.test("Outbox.resume() drops what has arrived, and sends the rest again in order", () => {
  const staged = stage(["a", "b", "c", "d", "e"]);
  const { outbox, ledger } = staged;
  takeAll(staged);
  outbox.confirm(1);
  takeAll(staged);
  assertEquals(outbox.resume(2), { already_there: 1, resent: 2 });
  const second = ledger.connectionOpened();
  assertEquals(takeAll(staged, 50, second), ["3 c", "4 d", "5 e"]);
  assertEquals([second.sent, second.resent, ledger.summary(0).data_resent], [3, 2, 2]);
  assertEquals([ledger.confirmedUpTo, ledger.dataSent, ledger.dataBytes], [2, 5, 5]);
});

Deno.test("Outbox sends again before anything new, whatever the source and the window", () => {
  const { ledger, connection } = stage([]);
  const source = new IntervalSource(new Uint8Array(1), 5_000);
  const outbox = new Outbox({ source, window: 2, ledger });
  outbox.take(0, connection);
  outbox.take(5_000, connection);
  assertEquals(outbox.next_ms, Infinity);
  assertEquals(outbox.resume(0), { already_there: 0, resent: 2 });
  // The window is full, and the next message is due at 10,000.
  const sent = [outbox.next_ms, outbox.take(6_000, connection).seq];
  assertEquals([...sent, outbox.next_ms, outbox.take(6_000, connection).seq], [0, 1, 0, 2]);
  assertEquals(outbox.next_ms, Infinity);
  outbox.confirm(1);
  assertEquals(outbox.next_ms, 10_000);
});

Deno.test("Outbox.resume() when all had arrived, and when nothing had", () => {
  const all = stage(["a", "b"]);
  takeAll(all);
  assertEquals(all.outbox.resume(2), { already_there: 2, resent: 0 });
  const none = stage(["a", "b"]);
  takeAll(none);
  assertEquals(none.outbox.resume(0), { already_there: 0, resent: 2 });
  assertEquals(takeAll(none), ["1 a", "2 b"]);
});

Deno.test("Outbox.confirm() of what was not yet sent again leaves only the rest", () => {
  const staged = stage(["a", "b", "c"]);
  const { outbox } = staged;
  takeAll(staged);
  outbox.resume(0);
  assertEquals(outbox.confirm(2).map(({ seq }) => seq), [1, 2]);
  assertEquals(takeAll(staged), ["3 c"]);
  assertEquals(outbox.next_ms, Infinity);
});

Deno.test("Outbox.confirm() while sending again continues where that was", () => {
  const staged = stage(["a", "b", "c"]);
  const { outbox, connection } = staged;
  takeAll(staged);
  outbox.resume(0);
  outbox.take(10, connection);
  outbox.confirm(1);
  assertEquals(takeAll(staged), ["2 b", "3 c"]);
});

Deno.test("Outbox.resume() while sending again begins with the oldest", () => {
  const staged = stage(["a", "b", "c"]);
  const { outbox, connection } = staged;
  takeAll(staged);
  outbox.resume(0);
  outbox.take(10, connection);
  assertEquals(outbox.resume(0), { already_there: 0, resent: 3 });
  assertEquals(takeAll(staged), ["1 a", "2 b", "3 c"]);
});

Deno.test("Outbox has at most 8 MiB unconfirmed, unless one message is larger", () => {
  const { ledger, connection } = stage([]);
  const mebibyte = new Uint8Array(1_048_576);
  const source = new IntervalSource(mebibyte, 0);
  const outbox = new Outbox({ source, window: 100, ledger });
  let sent = 0;
  for (; outbox.next_ms <= 0; sent++) outbox.take(0, connection);
  assertEquals(sent, 8);
  outbox.confirm(1);
  assertEquals(outbox.next_ms <= 0, true);
  const large = new IntervalSource(new Uint8Array(9_000_000), 0);
  const other = new Outbox({ source: large, window: 100, ledger: new Ledger() });
  other.take(0, connection);
  assertEquals(other.next_ms, Infinity);
});

Deno.test("Outbox.nextBytes is the size of the next, sent again or for the first time", () => {
  const staged = stage(["a", "bb"]);
  const { outbox, connection } = staged;
  assertEquals(outbox.nextBytes, 1);
  outbox.take(0, connection);
  assertEquals(outbox.nextBytes, 2);
  outbox.resume(0);
  assertEquals(outbox.nextBytes, 1);
});

Deno.test("Outbox is done when as many as asked for are confirmed", () => {
  const staged = stage(["a", "b", "c"], { count: 2 });
  const { outbox } = staged;
  assertEquals(takeAll(staged), ["1 a", "2 b"]);
  assertEquals([outbox.done, outbox.next_ms], [false, Infinity]);
  outbox.confirm(1);
  assertEquals([outbox.done, outbox.next_ms], [false, Infinity]);
  outbox.confirm(2);
  assertEquals([outbox.done, outbox.next_ms], [true, Infinity]);
});

Deno.test("Outbox is done when its source has ended and all is confirmed", () => {
  const staged = stage(["a"]);
  const { outbox, source } = staged;
  takeAll(staged);
  outbox.confirm(1);
  assertEquals(outbox.done, false);
  source.end();
  assertEquals(outbox.done, true);
  const empty = stage([]);
  empty.source.end();
  assertEquals(empty.outbox.done, true);
});
