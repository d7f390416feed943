/**
 * The client: a failed connect, its exit status, and `stop()` in every state, with reconnect and without.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Client } from "../../lib/client/client.ts";
import { QueueSource } from "../../lib/client/source.ts";
import { TransportError, type TransportErrorKind } from "../../lib/platform/net/transport.ts";
import { CONNECT_LIMIT_MS } from "../../lib/session/timers.ts";
import { clientOptions } from "../support/client_options.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import {
  cameTo,
  ID,
  mute,
  type Outcome,
  remembering,
  serving,
  stageDialling,
} from "../support/scripted_network.ts";
import { Recorder, ScriptedPeer } from "../support/stage.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const WELCOME = `WELCOME 1 ${ID} {}\n`;

async function stage(refuseWith?: TransportError) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  network.refuseWith = refuseWith;
  network.listen({ host: "server", port: 4000 });
  const recorder = new Recorder(clock);
  const options = clientOptions({ transport: network, clock, sink: recorder, count: 1 });
  const client = new Client(options);
  const status = client.run();
  await settle();
  const path = network.paths[0];
  const peer = path && new ScriptedPeer(path.server, clock);
  return { clock, network, recorder, client, status, peer: peer!, path: path! };
}

for (
  const [kind, reason] of [
    ["refused", "refused"],
    ["reset", "reset"],
    ["unreachable", "unreachable"],
    ["name_not_found", "name_not_found"],
    ["address_not_here", "unreachable"],
    ["not_permitted", "unreachable"],
    ["too_many_open_files", "failed"],
    ["other", "failed"],
  ] as [TransportErrorKind, string][]
) {
  Deno.test(`a connect that fails, ${kind}, ends the client with 3`, async () => {
    const { clock, recorder, status } = await stage(new TransportError(kind, "why"));
    const { by, session, text, reason: emitted } = recorder.one("terminated");
    assertEquals([by, session, emitted], ["network", ID, reason]);
    assertEquals(text, "why");
    assertEquals(await status, 3);
    assertEquals(clock.pending, 0);
  });
}

Deno.test("a connect that nobody answers fails after CONNECT_LIMIT_MS", async () => {
  const { clock, recorder, status } = await stage(new TransportError("unanswered", "why"));
  await clock.advance(CONNECT_LIMIT_MS - 1);
  assertEquals(recorder.events, []);
  await clock.advance(1);
  const { by, reason, text } = recorder.one("terminated");
  assertEquals({ by, reason }, { by: "network", reason: "silent" });
  assertEquals(text, "the connection was not answered");
  assertEquals(await status, 3);
});

for (const [reason, expected] of [["done", 3], ["shutdown", 0]] as const) {
  Deno.test(`stop("${reason}") ends a client that is still connecting with ${expected}`, async () => {
    const { clock, client, recorder, status } = await stage(
      new TransportError("unanswered", "why"),
    );
    await clock.advance(1_000);
    client.stop(reason);
    assertEquals(await status, expected);
    const { by, reason: emitted } = recorder.one("terminated");
    assertEquals([by, emitted, clock.pending], ["self", reason, 0]);
  });
}

for (
  const [what, sent, expected] of [
    ["is refused", ["TERMINATE refused full\n"], 4],
    ["meets a server that is no Pulsewire", ["220 mail.example ESMTP\r\n"], 3],
    ["has all confirmed", [WELCOME, "CONFIRM 1\n"], 0],
    ["is ended by the server, done", [WELCOME, "TERMINATE done\n"], 1],
    ["is ended by the server, shutdown", [WELCOME, "TERMINATE shutdown\n"], 1],
    ["is declared dead", [WELCOME, "TERMINATE silent\n"], 1],
    ["receives nonsense", [WELCOME, "nonsense\n"], 1],
    ["receives nothing more", [WELCOME], 1],
  ] as [string, string[], number][]
) {
  Deno.test(`a client that ${what} exits with ${expected}`, async () => {
    const { clock, peer, status } = await stage();
    for (const text of sent) await peer.say(text);
    await clock.advance(61_000);
    assertEquals(await status, expected);
    assertEquals(clock.pending, 0);
  });
}

type Staged = ReturnType<typeof stageDialling>;

/** A state in which the test stops a client. */
interface State {
  outcomes: () => Outcome[];
  /** Brings the client into the state. */
  until?: (staged: Staged) => Promise<void>;
  /** Whether no session was open. */
  neverOpen?: true;
  /** How long the end may take, in milliseconds: only a graceful close takes any time. */
  within_ms: number;
}

const lose = async ({ clock, network }: Staged) => {
  await clock.advance(1_000);
  network.last.path.reset();
  await clock.advance(0);
};

const loseAndWait = async (staged: Staged) => {
  await lose(staged);
  await staged.clock.advance(700);
};

const STATES: Record<string, State> = {
  "waiting to retry its first dial": { outcomes: () => ["refused"], neverOpen: true, within_ms: 0 },
  "dialling": { outcomes: () => ["unanswered"], neverOpen: true, within_ms: 0 },
  "dialling for the second time": {
    outcomes: () => ["refused", "unanswered"],
    until: ({ clock }) => clock.advance(700),
    neverOpen: true,
    within_ms: 0,
  },
  "waiting for WELCOME": { outcomes: () => [mute], neverOpen: true, within_ms: 500 },
  "in the data phase": { outcomes: () => [serving()], within_ms: 500 },
  "in the heartbeat phase": {
    outcomes: () => [serving()],
    until: async ({ clock, network }) => {
      await clock.advance(1_000);
      network.last.path.silence("to_client", "to_server");
      await clock.advance(30_000);
    },
    within_ms: 500,
  },
  "waiting after a lost connection": { outcomes: () => [serving()], until: lose, within_ms: 0 },
  "dialling after a lost connection": {
    outcomes: () => [serving(), "unanswered"],
    until: loseAndWait,
    within_ms: 0,
  },
  "waiting for WELCOME after a lost connection": {
    outcomes: () => [serving(), mute],
    until: loseAndWait,
    within_ms: 500,
  },
  "in a resumed session": { outcomes: () => [remembering()], until: loseAndWait, within_ms: 500 },
};

for (const [state, { outcomes, until, neverOpen, within_ms }] of Object.entries(STATES)) {
  const wasOpen = !neverOpen;
  for (const reason of ["shutdown", "done"] as const) {
    // Without a session, what was asked for was not done.
    const expected = reason === "done" && !wasOpen ? 3 : 0;
    Deno.test(`stop("${reason}") ends a client that is ${state}, at once, with ${expected}`, async () => {
      const staged = stageDialling(outcomes());
      const { client, clock, network, recorder, status } = staged;
      await clock.advance(0);
      await until?.(staged);
      const before = { now_ms: clock.now(), dials: network.dials_ms.length };
      const reconnects = recorder.all("reconnecting").length;
      client.stop(reason);
      assertEquals<unknown>(await cameTo(status, clock, within_ms), expected);
      const { at_ms, by, reason: emitted } = recorder.one("terminated");
      assertEquals({ at_ms, by, emitted }, { at_ms: before.now_ms, by: "self", emitted: reason });
      assertEquals(recorder.all("summary").length, wasOpen ? 1 : 0);
      assertEquals(recorder.events.at(-1)!.event, wasOpen ? "summary" : "terminated");
      await clock.advance(100_000);
      // A delay that is cut short is not followed by a dial.
      const last = network.dials_ms.slice(before.dials).filter((at_ms) => at_ms > before.now_ms);
      assertEquals([last, network.underWay, clock.pending], [[], 0, 0]);
      assertEquals(recorder.all("reconnecting").length, reconnects);
    });
  }
}

Deno.test("stop() during the final write on a lost connection: no reconnect is announced", async () => {
  const { client, clock, network, recorder, status } = stageDialling([serving()]);
  await clock.advance(1_000);
  // The server dies, with its buffers full: TERMINATE silent cannot be written.
  network.last.path.silence("to_client", "to_server");
  network.last.path.client.write = () => new Promise(() => {});
  await clock.advance(64_000 + 10);
  assertEquals([recorder.all("disconnected").length, recorder.all("reconnecting")], [1, []]);
  client.stop("shutdown");
  assertEquals<unknown>(await cameTo(status, clock, 100), 0);
  assertEquals(recorder.all("reconnecting"), []);
  assertEquals(recorder.one("terminated").reason, "shutdown");
});

Deno.test("stop(): the summary has what is in doubt, and what was read and never sent", async () => {
  const source = new QueueSource();
  for (const line of ["a", "b", "c", "d"]) source.put(new TextEncoder().encode(line));
  const { client, clock, recorder, status } = stageDialling(
    [(line) => line.startsWith("HELLO") ? serving()(line) : undefined],
    { source, window: 3 },
  );
  await clock.advance(1_000);
  client.stop("shutdown");
  assertEquals<unknown>(await cameTo(status, clock, 500), 0);
  const { in_doubt, input_ended, lines_unsent } = recorder.one("summary");
  assertEquals([in_doubt, lines_unsent, input_ended], [[[1, 3]], 1, false]);
});
