/**
 * The client as a whole, in memory: connecting, failing to, giving up, and its exit status.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Client } from "../../lib/client/client.ts";
import { TransportError, type TransportErrorKind } from "../../lib/platform/net/transport.ts";
import { CONNECT_LIMIT_MS } from "../../lib/session/timers.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import { DEFAULT_TIMERS, Recorder, saying, ScriptedPeer } from "../support/stage.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

async function stage(refuseWith?: TransportError) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  network.refuseWith = refuseWith;
  network.listen({ host: "server", port: 4000 });
  const recorder = new Recorder(clock);
  const client = new Client({
    address: { host: "server", port: 4000 },
    timers: DEFAULT_TIMERS,
    ...saying("x"),
    maxMessageBytes: 100,
    count: 1,
    transport: network,
    clock,
    random: (bytes) => bytes.fill(0x5a),
    sink: recorder,
  });
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
    ["too_many_open_files", "failed"],
  ] as [TransportErrorKind, string][]
) {
  Deno.test(`a connect that fails, ${kind}, ends the client with 3`, async () => {
    const { clock, recorder, status } = await stage(new TransportError(kind, "why"));
    const { by, session, text, ...end } = recorder.one("terminated");
    assertEquals({ by, session, text, reason: end.reason }, {
      by: "network",
      session: "5a5a5a5a5a5a5a5a",
      text: kind === "too_many_open_files"
        ? "this process has as many files open as it may; see ulimit -n"
        : "why",
      reason,
    });
    assertEquals(await status, 3);
    assertEquals(clock.pending, 0);
  });
}

Deno.test("a connect that nobody answers is given up after CONNECT_LIMIT_MS", async () => {
  const { clock, recorder, status } = await stage(new TransportError("unanswered", "why"));
  await clock.advance(CONNECT_LIMIT_MS - 1);
  assertEquals(recorder.events, []);
  await clock.advance(1);
  const { by, reason, text } = recorder.one("terminated");
  assertEquals({ by, reason }, { by: "network", reason: "silent" });
  assertEquals(text, "the connection was not answered");
  assertEquals(await status, 3);
});

Deno.test("a client whose time is over before any session was open could not connect", async () => {
  const { clock, client, status } = await stage(new TransportError("unanswered", "why"));
  await clock.advance(1_000);
  client.stop("done");
  assertEquals(await status, 3);
});

Deno.test("stopping a client that is still connecting ends it as asked", async () => {
  const { clock, client, recorder, status } = await stage(new TransportError("unanswered", "why"));
  await clock.advance(1_000);
  client.stop("shutdown");
  assertEquals(await status, 0);
  const { by, reason } = recorder.one("terminated");
  assertEquals({ by, reason }, { by: "self", reason: "shutdown" });
  assertEquals(clock.pending, 0);
});

for (
  const [what, said, expected] of [
    ["is refused", ["TERMINATE refused full\n"], 4],
    ["meets a server that is no Pulsewire", ["220 mail.example ESMTP\r\n"], 3],
    ["has all confirmed", ["WELCOME 1 5a5a5a5a5a5a5a5a {}\n", "CONFIRM 1\n"], 0],
    ["is ended by the server, done", ["WELCOME 1 5a5a5a5a5a5a5a5a {}\n", "TERMINATE done\n"], 1],
    ["is ended by the server, told to stop", [
      "WELCOME 1 5a5a5a5a5a5a5a5a {}\n",
      "TERMINATE shutdown\n",
    ], 1],
    ["is taken for dead", ["WELCOME 1 5a5a5a5a5a5a5a5a {}\n", "TERMINATE silent\n"], 1],
    ["hears nonsense", ["WELCOME 1 5a5a5a5a5a5a5a5a {}\n", "nonsense\n"], 1],
    ["hears nothing more", ["WELCOME 1 5a5a5a5a5a5a5a5a {}\n"], 1],
  ] as [string, string[], number][]
) {
  Deno.test(`a client that ${what} exits with ${expected}`, async () => {
    const { clock, peer, status } = await stage();
    for (const text of said) await peer.say(text);
    await clock.advance(61_000);
    assertEquals(await status, expected);
    assertEquals(clock.pending, 0);
  });
}
