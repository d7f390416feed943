/**
 * The message in flight to an original server: when it goes out, and when its confirmation is due.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { PendingMessage } from "../../lib/original/pending_message.ts";
import { Ledger } from "../../lib/session/ledger.ts";
import { DEFAULT_TIMERS as timers } from "../support/stage.ts";

const { data_interval_ms, data_threshold_ms } = timers;

Deno.test("PendingMessage sends one at a time, on its grid, as many as were asked for", () => {
  const ledger = new Ledger();
  const pending = new PendingMessage(ledger, timers, 100, 2);
  assertEquals([pending.next_ms, pending.due_ms, pending.done], [100, Infinity, false]);
  pending.send(104);
  assertEquals([pending.next_ms, pending.due_ms], [Infinity, 104 + data_threshold_ms]);
  ledger.confirmedUpTo++;
  assertEquals([pending.next_ms, pending.due_ms], [100 + data_interval_ms, Infinity]);
  pending.send(pending.next_ms);
  ledger.confirmedUpTo++;
  assertEquals([pending.done, pending.next_ms, ledger.dataSent], [true, Infinity, 2]);
});

Deno.test("PendingMessage starts a new grid after an outage, and counts a message sent again once", () => {
  const ledger = new Ledger();
  const pending = new PendingMessage(ledger, timers, 0);
  pending.send(60_000);
  pending.sendAgain(90_000);
  assertEquals([pending.sent_ms, pending.due_ms], [90_000, 90_000 + data_threshold_ms]);
  ledger.confirmedUpTo++;
  assertEquals([pending.next_ms, ledger.dataSent], [90_000 + data_interval_ms, 1]);
});
