/**
 * Reconnect and resume as a user sees them: a path that fails, a client that dials again, and a session
 * that cannot go on.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { assertSettled } from "../support/ledgers.ts";
import { freePort } from "../support/ports.ts";
import { type Command, startCommand } from "../support/process.ts";
import {
  assertUnbroken,
  confirmed,
  confirmsMore,
  delivered,
  endBoth,
  IMPATIENT,
  PATIENT,
  Stage,
  stopInDoubt,
} from "../support/real_stage.ts";
import { type Relay, WAYS } from "../support/relay.ts";

const WAYS_TO_LOSE = {
  "cut": (relay: Relay) => relay.line.cut(),
  "reset": (relay: Relay) => relay.line.reset("client", "server"),
  "cut in mid-frame": (relay: Relay) => relay.line.truncate("toServer"),
  "cut in mid-confirmation": (relay: Relay) => relay.line.truncate("toClient"),
};

for (const [what, lose] of Object.entries(WAYS_TO_LOSE)) {
  Deno.test(`a connection is ${what}: the session goes on, both ledgers agree`, async () => {
    await using stage = await Stage.open();
    const server = await stage.server(...PATIENT);
    const client = stage.client(...PATIENT);
    await confirmed(client, 3);
    await lose(stage.relay);
    const { attempt, delay_ms } = await client.event("reconnecting");
    assertEquals(attempt, 1);
    assert(delay_ms >= 500 && delay_ms <= 1_000, `${delay_ms} ms`);
    const { already_there, gap_ms, resent } = await client.event("resumed");
    assertGreater(gap_ms, delay_ms);
    const there = await server.event("resumed");
    assertEquals([there.already_there, there.resent], [already_there, resent]);
    await confirmsMore(client);
    const { ours, theirs } = await endBoth(client, server);
    assertSettled(ours, theirs);
    assertEquals([ours.connections, theirs.connections], [2, 2]);
    assertEquals([ours.data_resent, theirs.data_resent], [resent, resent]);
    assertUnbroken(delivered(server));
    // A busy machine may stop the process for a moment.
    const others = /^(data_|local_stall$)/;
    const names = client.events.map(({ event }) => event).filter((name) => !others.test(name));
    assertEquals(names, [
      ...["started", "connected", "phase", "phase", "disconnected", "reconnecting"],
      ...["connected", "resumed", "phase", "account", "phase", "terminated", "summary"],
    ]);
  });
}

Deno.test("a client whose path fell silent takes its session over at once", async () => {
  const cases = [
    [["toServer"], 0, "superseded"],
    [WAYS, 0, "superseded"],
    // What the client says at last comes through, and so the server knows why it went away.
    [["toClient"], 1, "silent"],
  ] as const;
  for (const [ways, arrived, reason] of cases) {
    await using stage = await Stage.open();
    const server = await stage.server(...PATIENT);
    const client = stage.client(...IMPATIENT);
    await confirmed(client, 3);
    const dead = stage.relay.line;
    // What is on its way would be confirmed in vain: the way to the server is silent first.
    dead.silence(ways[0]);
    if (ways.length > 1) await client.event("phase", ({ to }) => to === "heartbeat");
    dead.silence(...ways);
    const lost = await client.event("disconnected");
    assertEquals([lost.by, lost.reason, lost.predicted_ms], ["self", "silent", 3_000]);
    // One data message was in flight: it arrived, or only its confirmation did not come through.
    const { already_there, resent } = await client.event("resumed");
    assertEquals([already_there, resent], [arrived, 1 - arrived]);
    const there = await server.event("disconnected");
    assertEquals([there.by, there.reason], ["peer", reason]);
    // What the dead path held back comes now, to a connection that counts no more.
    dead.heal();
    await dead.over;
    await confirmsMore(client);
    const { ours, theirs } = await endBoth(client, server);
    assertSettled(ours, theirs);
    assertEquals([ours.data_resent, theirs.data_resent], [resent, resent]);
    assertEquals(ours.by_connection[0]!.in_doubt, 1);
    assertEquals(theirs.by_connection[0]!.received, ours.by_connection[0]!.confirmed + arrived);
    assertUnbroken(delivered(server));
  }
});

Deno.test("a session that has been forgotten is refused, with 4", async () => {
  await using stage = await Stage.open();
  const server = await stage.server(...PATIENT, "--session-lifetime=0.1");
  const client = stage.client(...PATIENT, "--window=8");
  await confirmed(client, 3);
  await stopInDoubt(client, server);
  // The client dials again after half a second at the earliest.
  stage.relay.line.cut();
  server.kill("SIGCONT");
  assertEquals(await client.ended(), 4, client.stderr);
  assertStringIncludes((await client.event("terminated")).text, "session_lifetime 0.1 s");
  const { by, detected_after_ms, reason } = await server.event("terminated");
  assertEquals([by, reason], ["self", "silent"]);
  assert(detected_after_ms! >= 100, `after ${detected_after_ms} ms`);
});

Deno.test("a first connection that fails is retried, too", async () => {
  await using stage = await Stage.open();
  const client = stage.client(...PATIENT, "--count=2");
  const { attempt } = await client.event("reconnecting");
  assertEquals(attempt, 1);
  const server = await stage.server(...PATIENT, "--once");
  assertEquals([await client.ended(), await server.ended()], [0, 0]);
  assertEquals(client.events.filter(({ event }) => event === "resumed"), []);
  const { connections, data_confirmed } = await client.event("summary");
  assertEquals([connections, data_confirmed], [1, 2]);
});

Deno.test("--reconnect-limit ends the client: with 3 if it never connected, with 1 if it did", async () => {
  const nobody = String(freePort());
  const limit = ["--reconnect", "--reconnect-limit=2"];
  await using never = startCommand("client", ["127.0.0.1", nobody, ...limit]);
  await using stage = await Stage.open();
  const server = await stage.server(...PATIENT);
  const once = stage.client(...PATIENT, "--reconnect-limit=1");
  await confirmed(once, 2);
  server.kill("SIGKILL");
  assertEquals([await never.ended(), await once.ended()], [3, 1]);
  const attempts = ({ events }: Command) =>
    events.flatMap((each) => each.event === "reconnecting" ? [each.attempt] : []);
  assertEquals([attempts(never), attempts(once)], [[1, 2], [1]]);
  assertEquals((await never.event("reconnecting")).cause, "refused");
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} ends at once a client that waits to dial again`, async () => {
    await using stage = await Stage.open();
    const server = await stage.server(...PATIENT);
    const client = stage.client(...PATIENT);
    await confirmed(client, 2);
    server.kill("SIGKILL");
    // Each wait may be twice as long as the one before.
    const { delay_ms } = await client.event("reconnecting", (each) => each.delay_ms > 3_000);
    const signalled_ms = performance.now();
    client.kill(signal);
    assertEquals(await client.ended(), 0, client.stderr);
    assertLess(performance.now() - signalled_ms, delay_ms);
    const { by, reason } = await client.event("terminated");
    assertEquals([by, reason], ["self", "shutdown"]);
    const { confirmed_up_to, data_sent, in_doubt } = await client.event("summary");
    assertEquals(in_doubt, data_sent > confirmed_up_to ? [[confirmed_up_to + 1, data_sent]] : []);
  });
}
