/**
 * What each side concludes of an outage that begins while the client has nothing to send: the server has been
 * silent for long by then, and the client has answered its heartbeats.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Client } from "../../lib/client/client.ts";
import { QueueSource } from "../../lib/client/source.ts";
import { Server } from "../../lib/server/server.ts";
import type { AccountLink } from "../../lib/evidence/outage_log.ts";
import { Accounts } from "../../lib/session/accounts.ts";
import { EventSource } from "../../lib/session/events.ts";
import { Ledger } from "../../lib/session/ledger.ts";
import type { HoldReason, JsonObject } from "../../lib/wire/protocol.ts";
import { clientOptions } from "../support/client_options.ts";
import { type Direction, MemoryNetwork } from "../support/memory_network.ts";
import { serverOptions } from "../support/server_options.ts";
import { Recorder } from "../support/stage.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const TIMERS = {
  data_interval_ms: 5_000,
  data_threshold_ms: 6_000,
  heart_beat_interval_ms: 1_000,
  heart_beat_threshold_ms: 2_000,
  heart_beat_additional_tries: 3,
};

/** What each side concludes of a path that is cut from 100.5 s to 112.5 s; the client's last word was at 0. */
async function conclusions(
  directions: readonly Direction[],
) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, { latency_ms: 3 });
  const recorders = { client: new Recorder(clock), server: new Recorder(clock) };
  const common = { clock, transport: network, timers: TIMERS };
  const server = Server.listen(serverOptions({ ...common, sink: recorders.server }));
  const source = new QueueSource();
  const client = new Client(clientOptions({
    ...common,
    source,
    window: 1,
    reconnect: { limit: 0 },
    sink: recorders.client,
  }));
  const ended = [server.run(), client.run()];
  await settle();
  source.put(new TextEncoder().encode("now and then"));
  await clock.advance(100_500);
  network.paths[0]!.silence(...directions);
  await clock.advance(12_000);
  network.paths[0]!.heal();
  await clock.advance(4_000);
  client.stop("done");
  server.stop("shutdown");
  await clock.advance(5_000);
  await Promise.all(ended);
  assertEquals(clock.pending, 0);
  return [recorders.client.one("account"), recorders.server.one("account")] as const;
}

Deno.test("both sides of an idle session declare each other dead: who was first is too close to tell", async () => {
  for (const account of await conclusions(["to_server", "to_client"])) {
    assertEquals([account.cause, account.first_noticed_by], ["path_cut", "too_close"]);
    assertEquals(account.detected_ms, { client: 8_000, server: 8_000 });
  }
});

Deno.test("a server that a client of an idle session declares dead has noticed nothing", async () => {
  for (const account of await conclusions(["to_client"])) {
    const { began, cause, detected_ms, first_noticed_by } = account;
    assertEquals([began, cause], ["to_client", "path_cut"]);
    assert(first_noticed_by !== "server", account.verdict);
    assertEquals(detected_ms, { client: 8_000, server: null });
  }
});

/** The accounts of a server, what is sent of them, and what is concluded. */
function stageAccounts(held?: HoldReason) {
  const clock = new VirtualClock();
  const recorder = new Recorder(clock);
  const events = new EventSource(recorder, clock, "s");
  const accounts = new Accounts({ clock, timers: TIMERS, events, role: "server" });
  const sent: JsonObject[] = [];
  const state = { lastSignOfLife_ms: 0, ledger: new Ledger(), held, lastStall: undefined };
  const link: AccountLink = {
    knowsAccounts: true,
    get confirmedUpTo() {
      return state.ledger.confirmedUpTo;
    },
    state,
    lastExchange: () => ({
      sent: [{ frame: "CONFIRM", n: 1, at_ms: 2 }],
      received: [{ frame: "DATA", n: 1, at_ms: 2 }],
    }),
    sendAccount: (account) => sent.push(account),
  };
  return { accounts, clock, link, recorder, sent, state };
}

Deno.test("a silent server whose client has answered notices an outage by the first heartbeat that is missed", async () => {
  for (const answers of [0, 1, 2]) {
    const { accounts, clock, link, sent } = stageAccounts();
    await clock.advance(6_000);
    accounts.silent(link, 0, clock.now());
    // After one answer the client may be about to send what it has.
    for (let n = 0; n < answers; n++) accounts.answered(link);
    await clock.advance(90_000);
    accounts.missed();
    await clock.advance(2_000);
    accounts.missed();
    await clock.advance(1_000);
    accounts.over(link);
    const [{ detected, noticed } = {}] = sent;
    assertEquals(
      [noticed, detected],
      answers === 2 ? [["silent", 3_000], undefined] : [["silent", 93_000], [6_000, 6_000]],
    );
    accounts.end();
  }
});

Deno.test("a silent server tells of the heartbeats that were missed when its client answers again", async () => {
  const { accounts, clock, link, recorder, sent } = stageAccounts();
  await clock.advance(6_000);
  accounts.silent(link, 0, clock.now());
  for (let n = 0; n < 2; n++) accounts.answered(link);
  await clock.advance(90_000);
  accounts.missed();
  await clock.advance(2_000);
  accounts.answered(link);
  assertEquals(sent, []);
  await clock.advance(1_000);
  accounts.answered(link);
  const [{ n, noticed, over } = {}] = sent;
  assertEquals([n, noticed, over], [1, ["silent", 3_000], 0]);
  await clock.advance(1_000);
  assertEquals(recorder.all("account").length, 1);
  // The reset is not that outage.
  accounts.answered(link);
  await clock.advance(50_000);
  accounts.lost(link, { by: "network", reason: "reset", text: "" }, {});
  accounts.over(link);
  await clock.advance(1_000);
  assertEquals(recorder.all("account").map(({ cause }) => cause), ["unknown", "reset"]);
});

Deno.test("a silence from a hold on is another outage than the loss of the connection after it", async () => {
  const { accounts, clock, link, recorder, state } = stageAccounts("store");
  const told = () =>
    recorder.all("account").map(({ cause, in_doubt, peer }) => [cause, in_doubt, peer]);
  await clock.advance(6_000);
  accounts.silent(link, 0, clock.now());
  // As long as confirmations wait, answered heartbeats say nothing.
  state.ledger.received(1, 5);
  for (let n = 0; n < 3; n++) accounts.answered(link);
  await clock.advance(4_000);
  state.held = undefined;
  state.ledger.confirmedUpTo = 1;
  const frames = { sent: { DATA: [[1, 10_000, 5]] }, received: { CONFIRM: [[1, 9_996]] } };
  const client = { ...frames, noticed: ["silent", 4_000], over: 0, held: "store", in_doubt: 7 };
  accounts.onAccount(link, { n: 1, ...client }, clock.now());
  assertEquals(told(), []);
  // It may be about to send.
  accounts.answered(link);
  assertEquals(told(), []);
  accounts.answered(link);
  assertEquals(told(), [["held", 7, "agrees"]]);
  await clock.advance(100_000);
  accounts.lost(link, { by: "network", reason: "reset", text: "" }, {});
  await clock.advance(1_000);
  accounts.over(link);
  await clock.advance(1_000);
  assertEquals(told().slice(1), [["reset", null, "unknown"]]);
});
