/**
 * Real client and real server over a path that is cut, in one direction or in both, and peers that say what the
 * test says: what each side concludes of an outage that is over.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { AccountLink } from "../../lib/evidence/outage_log.ts";
import { Accounts } from "../../lib/session/accounts.ts";
import { EventSource } from "../../lib/session/events.ts";
import { Ledger } from "../../lib/session/ledger.ts";
import type { JsonObject } from "../../lib/wire/protocol.ts";
import { Client } from "../../lib/client/client.ts";
import { QueueSource } from "../../lib/client/source.ts";
import { eventText } from "../../lib/output/event_text.ts";
import { Server } from "../../lib/server/server.ts";
import { clientOptions } from "../support/client_options.ts";
import { type Direction, MemoryNetwork } from "../support/memory_network.ts";
import { BACK, data } from "../support/callers.ts";
import { stageRawServer } from "../support/raw_server.ts";
import { serverOptions } from "../support/server_options.ts";
import { Recorder, saying, stageUnopenedClient, stageUnopenedServer } from "../support/stage.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const TIMERS = {
  data_interval_ms: 5_000,
  data_threshold_ms: 6_000,
  heart_beat_interval_ms: 1_000,
  heart_beat_threshold_ms: 2_000,
  heart_beat_additional_tries: 3,
};

const BOTH: readonly Direction[] = ["to_server", "to_client"];

function stage(source?: { source: QueueSource; window: number }, timers = TIMERS) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, { latency_ms: 3 });
  const recorders = { client: new Recorder(clock), server: new Recorder(clock) };
  const common = { clock, transport: network, timers };
  const server = Server.listen(serverOptions({ ...common, sink: recorders.server }));
  const ended = [server.run()];
  const client = new Client(clientOptions({
    ...common,
    ...source ?? saying("hello", timers),
    reconnect: { limit: 0 },
    sink: recorders.client,
  }));
  ended.push(client.run());
  const stop = async () => {
    client.stop("done");
    server.stop("shutdown");
    await clock.advance(5_000);
    await Promise.all(ended);
    assertEquals(clock.pending, 0);
  };
  return { clock, network, recorders, stop };
}

/** What each side concludes of a path that is cut at 17.5 s, between two exchanges, for some time. */
async function conclusions(lasts_ms: number, directions: readonly Direction[]) {
  const { clock, network, recorders, stop } = stage();
  await settle();
  await clock.advance(17_500);
  network.paths[0]!.silence(...directions);
  await clock.advance(lasts_ms);
  network.paths.at(-1)!.heal();
  await clock.advance(4_000);
  await stop();
  const { client, server } = recorders;
  return { client: client.one("account"), server: server.one("account") };
}

Deno.test("an outage that begins while TCP may still back off from the last one shows no cause", async () => {
  const { clock, network, recorders, stop } = stage();
  await settle();
  const cut = async (at_ms: number, lasts_ms: number) => {
    await clock.advance(at_ms - clock.now());
    network.paths[0]!.silence("to_client");
    await clock.advance(lasts_ms);
    network.paths[0]!.heal();
  };
  await cut(17_500, 9_000);
  // TCP may have begun to wait with what was sent at 15 s, and may do so until 38 s.
  await cut(28_000, 11_000);
  await cut(77_500, 12_000);
  await clock.advance(4_000);
  await stop();
  for (const recorder of [recorders.client, recorders.server]) {
    assertEquals(recorder.all("account").map(({ began, cause }) => `${began} ${cause}`), [
      "to_client path_cut",
      "unknown unknown",
      "to_client path_cut",
    ]);
  }
});

for (const [lasts_ms, healed] of [[9_000, "on the same connection"], [40_000, "by a resume"]]) {
  for (const began of ["to_server", "to_client", "both"] as const) {
    const title = `both sides know that an outage began ${began}, ${healed}`;
    Deno.test(title, async () => {
      const directions = began === "both" ? BOTH : [began];
      const { client, server } = await conclusions(lasts_ms as number, directions);
      for (const each of [client, server]) {
        assertEquals([each.began, each.cause, each.peer], [began, "path_cut", "agrees"]);
        assertEquals(each.in_doubt, 1);
        assertEquals(each.settled, healed === "by a resume" && began !== "to_client" ? 0 : 1);
        assertEquals(each.detected_ms, client.detected_ms);
      }
      // The one within a round trip of the other.
      assert(Math.abs(client.at_ms - server.at_ms) < 10);
    });
  }
}

Deno.test("both sides know who noticed an outage first, and by how much", async () => {
  const { client, server } = await conclusions(9_000, ["to_server"]);
  for (const { by_ms, first_noticed_by } of [client, server]) {
    assertEquals(first_noticed_by, "server");
    const [low, high] = by_ms!;
    // The server heard the last message at 15.009, the client sent the next one at 20.006.
    assert(low <= 4_997 && 4_997 <= high && high - low < 30, `${low} to ${high}`);
  }
});

Deno.test("of an outage that the server has noticed alone, the client learns by its account", async () => {
  const { clock, recorders, network, stop } = stage();
  await settle();
  await clock.advance(17_500);
  // The next message is due at 20 s; it arrives at 25 s, before its confirmation is overdue.
  network.paths[0]!.silence("to_server");
  await clock.advance(7_500);
  network.paths[0]!.heal();
  await clock.advance(2_000);
  for (const each of [recorders.client.one("account"), recorders.server.one("account")]) {
    assertEquals([each.began, each.first_noticed_by, each.by_ms], ["to_server", "server", null]);
  }
  await stop();
});

Deno.test("a peer whose account comes late learns when the side that concluded alone had noticed", async () => {
  const { clock, network, recorders, stop } = stage();
  await settle();
  await clock.advance(17_500);
  network.paths[0]!.silence(...BOTH);
  await clock.advance(9_000);
  // One side's TCP transmits again sooner than the other's.
  network.paths[0]!.heal("to_server");
  await clock.advance(3_000);
  network.paths[0]!.heal("to_client");
  await clock.advance(4_000);
  const { peer, began, first_noticed_by } = recorders.server.one("account");
  assertEquals([peer, began, first_noticed_by], ["unknown", "unknown", null]);
  const client = recorders.client.one("account");
  assertEquals([client.peer, client.first_noticed_by, client.in_doubt], ["agrees", "server", 1]);
  await stop();
});

for (const heart_beat_interval_ms of [1_000, 20_000]) {
  Deno.test(`a client that has nothing to send is no outage, with heartbeats every ${heart_beat_interval_ms} ms`, async () => {
    const source = new QueueSource();
    const timers = { ...TIMERS, heart_beat_interval_ms };
    const { clock, recorders, stop } = stage({ source, window: 1 }, timers);
    await settle();
    for (let n = 0; n < 3; n++) {
      source.put(new TextEncoder().encode("now and then"));
      await clock.advance(50_000);
    }
    await stop();
    assertEquals(recorders.server.all("phase").some(({ to }) => to === "heartbeat"), true);
    assertEquals(recorders.client.all("account"), []);
    assertEquals(recorders.server.all("account"), []);
  });
}

Deno.test("each outage has its own account", async () => {
  const { clock, network, recorders, stop } = stage();
  await settle();
  for (let n = 0; n < 3; n++) {
    await clock.advance(17_500);
    network.paths[0]!.silence("to_server");
    await clock.advance(9_000);
    network.paths[0]!.heal();
  }
  await clock.advance(5_000);
  await stop();
  for (const recorder of [recorders.client, recorders.server]) {
    const began = recorder.all("account").map((each) => each.began);
    assertEquals(began, ["to_server", "to_server", "to_server"]);
  }
});

/** A client whose server knows these frames, and that falls silent at 6 s. */
async function silentClient(knows: string) {
  const staged = stageUnopenedClient({ timers: TIMERS });
  const { clock, peer } = staged;
  peer.answer = (line) =>
    line.startsWith("HELLO") ? `WELCOME 1 s {"knows":[${knows}]}\n` : undefined;
  await settle();
  await clock.advance(7_000);
  return { ...staged, accounts: () => peer.heard.filter((line) => line.includes("ACCOUNT")) };
}

Deno.test("a server that does not know accounts is sent none: the client concludes alone", async () => {
  const { accounts, clock, peer, recorder } = await silentClient('"hold"');
  await peer.say("CONFIRM 1\n");
  assertEquals(accounts(), []);
  const { at_ms, began, in_doubt, peer: whose, settled } = recorder.one("account");
  assertEquals([at_ms, began, whose, in_doubt, settled], [7_000, "unknown", "unknown", 1, 1]);
  await clock.advance(2_000);
  assertEquals(recorder.all("account").length, 1);
});

Deno.test("a server that owes its account is waited for a second", async () => {
  const { accounts, clock, peer, recorder } = await silentClient('"account"');
  await peer.say("CONFIRM 1\n");
  assertEquals(accounts().length, 1);
  await clock.advance(999);
  assertEquals(recorder.all("account"), []);
  await clock.advance(1);
  assertEquals(recorder.one("account").peer, "unknown");
  // It is too late now, and answers nothing.
  await peer.say('ACCOUNT {"answer":true,"sent":{},"received":{}}\n');
  await clock.advance(2_000);
  assertEquals(recorder.all("account").length, 1);
  assertEquals(accounts().length, 1);
});

Deno.test("a lying account is named as one that contradicts, and its word is not taken", async () => {
  const { clock, peer, recorder } = await silentClient('"account"');
  await peer.say("CONFIRM 1\n");
  await clock.advance(3);
  // It claims to have had the message an hour before that was sent.
  await peer.say(
    'ACCOUNT {"sent":{},"received":{"DATA":[[1,3600000]]},"noticed":["silent",3500000]}\n',
  );
  const event = recorder.one("account");
  assertEquals([event.peer, event.began, event.first_noticed_by], ["contradicts", "unknown", null]);
  assertEquals(
    eventText(event, "client", TIMERS)!.text,
    "account of the outage by this side alone, which the account of the server contradicts: what was " +
      "seen does not show the cause; in doubt: 1 data message, now confirmed",
  );
});

Deno.test("a garbled account costs nothing but its word", async () => {
  for (
    const account of ["{}", '{"sent":1,"received":[]}', '{"sent":{"DATA":[[1]]},"received":null}']
  ) {
    const { clock, peer, recorder, session } = await silentClient('"account"');
    await peer.say("CONFIRM 1\n");
    await peer.say(`ACCOUNT ${account}\n`);
    const { began, cause, first_noticed_by } = recorder.one("account");
    assertEquals([began, cause, first_noticed_by], ["unknown", "unknown", null], account);
    await clock.advance(1_000);
    assertEquals(session.closeReason, undefined);
  }
});

Deno.test("a peer that speaks of outages without end is answered once a second", async () => {
  const { clock, peer, recorder } = stageUnopenedServer({ timers: TIMERS });
  await peer.say('HELLO 1 s {"knows":["account"]}\nDATA 1 1\nx\n');
  for (let n = 0; n < 50; n++) {
    await peer.say(
      'ACCOUNT {"sent":{"DATA":[[1,3000]]},"received":{},"noticed":["silent",2000]}\n',
    );
    await clock.advance(100);
  }
  const answers = peer.heard.filter((line) => line.includes("ACCOUNT"));
  assertEquals(answers.length, 5);
  assert(answers.every((line) => line.includes('"answer":true')), answers[0]);
  assertEquals(recorder.all("account").length, 5);
});

Deno.test("a client that does not know accounts is sent none", async () => {
  const { clock, peer, recorder } = stageUnopenedServer({ timers: TIMERS });
  await peer.say('HELLO 1 s {"knows":["hold"]}\nDATA 1 1\nx\n');
  await clock.advance(9_000);
  await peer.say("DATA 2 1\nx\n");
  await clock.advance(2_000);
  assertEquals(peer.heard.filter((line) => line.includes("ACCOUNT")), []);
  assertEquals(recorder.one("account").peer, "unknown");
});

Deno.test("an answer to an earlier account is not taken for one to the last account", async () => {
  const { accounts, clock, peer, recorder } = await silentClient('"account"');
  await peer.say("CONFIRM 1\n");
  // Nobody answers within a second; the client sends the next message, and falls silent again.
  await clock.advance(11_000);
  await peer.say("CONFIRM 2\n");
  const numbers = accounts().map((line) => Number(/"n":(\d+)/.exec(line)![1]));
  assertEquals(numbers.length, 2);
  const answer = (n: number) =>
    `ACCOUNT {"answer":${n},"sent":{},"received":{"DATA":[[2,6000]]}}\n`;
  await peer.say(answer(numbers[0]!));
  assertEquals(recorder.all("account").length, 1);
  await peer.say(answer(numbers[1]!));
  assertEquals(recorder.all("account").length, 2);
});

Deno.test("an account of what is over for this side is answered by what it saw then", async () => {
  const { accounts, clock, peer, recorder } = await silentClient('"account"');
  await peer.say("CONFIRM 1\n");
  await clock.advance(1_500);
  await peer.say(
    'ACCOUNT {"n":1,"sent":{"CONFIRM":[[1,1500]]},"received":{"DATA":[[1,8500]]},' +
      '"noticed":["silent",2500],"over":0}\n',
  );
  const [, answer] = accounts();
  assert(answer!.includes('"answer":1') && answer!.includes('"noticed":["silent",'), answer);
  // Its own conclusion was told a second after the outage.
  assertEquals(recorder.all("account").length, 1);
});

Deno.test("heartbeats while a client has nothing to send are noted, so that none counts as lost", async () => {
  const source = new QueueSource();
  const { clock, peer } = stageUnopenedClient({ timers: TIMERS, source, window: 1 });
  peer.answer = (line) =>
    line.startsWith("HELLO")
      ? 'WELCOME 1 s {"knows":["account"]}\n'
      : line.startsWith("DATA")
      ? `CONFIRM ${line.split(" ")[1]}\n`
      : line.startsWith("HEARTBEAT ")
      ? `${line.replace(" ", "_REPLY ")}\n`
      : undefined;
  await settle();
  const put = () => source.put(new TextEncoder().encode("now and then"));
  put();
  await clock.advance(7_500);
  await peer.say("HEARTBEAT 1\n");
  await clock.advance(2_000);
  put();
  await clock.advance(100);
  await peer.say('ACCOUNT {"n":1,"sent":{"HEARTBEAT":[[1,2100]]},"received":{},"over":0}\n');
  const answer = peer.heard.find((line) => line.includes("ACCOUNT"))!;
  assert(/"received":.*"HEARTBEAT_REPLY":\[\[1,.*"HEARTBEAT":\[\[1,/.test(answer), answer);
});

/** The accounts of a session, and what is sent of them. */
function stageAccounts() {
  const clock = new VirtualClock();
  const events = new EventSource(new Recorder(clock), clock, "s");
  const accounts = new Accounts({ clock, timers: TIMERS, events, role: "server" });
  const sent: JsonObject[] = [];
  const link: AccountLink = {
    knowsAccounts: true,
    confirmedUpTo: 0,
    state: { lastSignOfLife_ms: 0, ledger: new Ledger(), held: undefined, lastStall: undefined },
    lastExchange: () => ({ sent: [], received: [] }),
    sendAccount: (account) => sent.push(account),
  };
  const hear = (n: number) => accounts.onFrame(false, { type: "HEARTBEAT", n }, clock.now());
  return { accounts, clock, hear, link, sent };
}

const RESET = { by: "network", reason: "reset", text: "" } as const;

Deno.test("a message that waits while the server does not read is no sign of a cut path", async () => {
  const { accounts, clock, link, sent } = stageAccounts();
  const start_ms = clock.now();
  await clock.advance(8_000);
  accounts.unread(start_ms);
  accounts.lost(link, RESET, {});
  await clock.advance(1_000);
  accounts.over(link);
  // It may have stopped at any time, but for no time certainly.
  assertEquals(sent[0]!.stalls, [[9_000, 1_000, 1_000]]);
  await clock.advance(1_000);
});

Deno.test("frames of the connection that resumes are not taken for those of the one that was lost", async () => {
  const { accounts, hear, link, sent } = stageAccounts();
  accounts.begin(link);
  hear(1);
  accounts.lost(link, RESET, {});
  hear(2);
  accounts.over(link);
  assertEquals(sent[0]!.received, { HEARTBEAT: [[1, 0]] });
  accounts.end();
  await settle();
});

Deno.test("an outage that this side has not noticed ends with the resume, too", async () => {
  const { accounts, clock, hear, link, sent } = stageAccounts();
  accounts.begin(link);
  hear(1);
  accounts.lost(link, { by: "peer", reason: "silent", text: "" }, {});
  accounts.over(link);
  await clock.advance(2_000);
  accounts.begin(link);
  hear(5);
  accounts.onAccount(link, { n: 1, sent: {}, received: {} }, clock.now());
  assertEquals(sent[0]!.received, { HEARTBEAT: [[5, 0]] });
});

Deno.test("nothing is kept of a silence in which a client had nothing to send", async () => {
  const { clock, peer, session } = stageUnopenedServer({ timers: TIMERS });
  await peer.say("HELLO 1 s {}\nDATA 1 1\nx\n");
  peer.answer = (line) =>
    line.startsWith("HEARTBEAT ") ? line.replace("HEARTBEAT", "HEARTBEAT_REPLY") + "\n" : undefined;
  await clock.advance(8_000);
  await peer.say("DATA 2 1\nx\n");
  assertEquals(session.state.accounts!.hasOutage, true);
  await clock.advance(1_000);
  assertEquals(session.state.accounts!.hasOutage, false);
});

Deno.test("nothing is kept of an outage of which the peer says nothing", async () => {
  const { clock, peer, recorder, session } = stageUnopenedServer({ timers: TIMERS });
  await peer.say("HELLO 1 s {}\nDATA 1 1\nx\nHEARTBEAT 1\n");
  await peer.say("DATA 2 1\nx\n");
  await clock.advance(1_000);
  assertEquals(session.state.accounts!.hasOutage, false);
  assertEquals(recorder.all("account"), []);
});

Deno.test("an outage is not forgotten when the time of the one before is over", async () => {
  const { clock, peer, session } = stageUnopenedServer({ timers: TIMERS });
  await peer.say('HELLO 1 s {"reconnect":true}\nDATA 1 1\nx\nHEARTBEAT 1\n');
  await peer.say("DATA 2 1\nx\n");
  await clock.advance(500);
  await peer.hangUp();
  await clock.advance(2_000);
  assertEquals(session.state.accounts!.hasOutage, true);
});

Deno.test("the loss of a connection whose WELCOME was not heard is no outage of the session", async () => {
  const { clock, hello, recorder } = stageRawServer({ timers: TIMERS });
  (await hello("s", BACK)).path.reset();
  await clock.advance(1_000);
  const { peer } = await hello("s", BACK);
  await clock.advance(10_000);
  await peer.say(data(1));
  await clock.advance(1_000);
  assertEquals(recorder.all("account").map(({ cause }) => cause), ["unknown"]);
});
