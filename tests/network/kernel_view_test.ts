/**
 * Both commands, as real processes on two hosts: what each side concludes from what its kernel knows of the
 * silent connection. A wrong cause is never right; `unknown` is, where TCP hides the cause.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Cause } from "../../lib/evidence/side.ts";
import { openScene, type Scene, together, whyNoNetwork } from "../support/namespace.ts";
import type { Command } from "../support/process.ts";
import { testUnless } from "../support/skip.ts";

const TIMERS = "--data-threshold 2 --heartbeat-interval 0.7 --heartbeat-threshold 1.2";
/** Death is predicted after 2 + 3 × 1.2 s. */
const TRIES = 2;
/**
 * After 2 + 5 × 1.2 s: that a process does not run is certain only as long after its kernel was asked as it had been
 * silent by then, and on a busy machine that takes some tenths of a second.
 */
const MORE_TRIES = 4;

const noNetwork = whyNoNetwork("IPv4");

/** A fault, and what each side concludes; a side without a cause does not run. */
interface Fault {
  name: string;
  inject: (scene: Scene) => void | Promise<void>;
  words?: string;
  tries?: number;
  client?: Cause;
  server?: Cause;
}

const dropOut = ({ client }: Scene["network"]) => client.run("iptables -w -A OUTPUT -j DROP");

const FAULTS: readonly Fault[] = [
  {
    name: "nothing arrives at the server",
    inject: ({ network }) => network.server.filter("-j DROP"),
    client: "path_cut",
    server: "path_cut",
  },
  {
    name: "nothing arrives at the client",
    inject: ({ network }) => network.client.filter("-j DROP"),
    client: "path_cut",
    server: "path_cut",
  },
  {
    name: "nothing arrives anywhere",
    inject: async ({ network }) => {
      await network.client.filter("-j DROP");
      await network.server.filter("-j DROP");
    },
    client: "path_cut",
    server: "path_cut",
  },
  {
    // What the server sends keeps the client's timer from showing it.
    name: "the client's host sends nothing",
    inject: ({ network }) => dropOut(network),
    client: "unknown",
    server: "path_cut",
  },
  {
    name: "the client's host neither sends nor receives",
    inject: async ({ network }) => {
      await dropOut(network);
      await network.client.filter("-j DROP");
    },
    client: "path_cut",
    server: "path_cut",
  },
  {
    name: "a firewall rejects what is for the server",
    inject: ({ network }) => network.server.filter("-p tcp -j REJECT --reject-with tcp-reset"),
    client: "reset",
    server: "path_cut",
  },
  {
    name: "the server's process is stopped",
    inject: ({ server }) => server.kill("SIGSTOP"),
    tries: MORE_TRIES,
    client: "process_not_running",
  },
  {
    name: "the client's process is stopped",
    inject: ({ client }) => client.kill("SIGSTOP"),
    tries: MORE_TRIES,
    server: "process_not_running",
  },
  {
    // Its host takes a part of what is sent, and no more.
    name: "the server's process does not read",
    inject: ({ server }) => server.kill("SIGSTOP"),
    words: `--data-interval 0.05 --window 100 --message ${"x".repeat(120_000)}`,
    client: "not_reading",
  },
  {
    // All the client's replies wait behind the message: its host acknowledges what the server sends.
    name: "large packets are dropped",
    inject: ({ network }) => network.server.filter("-m length --length 1000:65535 -j DROP"),
    words: `--message ${"x".repeat(20_000)}`,
    client: "large_packets",
    server: "unknown",
  },
];

/** What a line for people says of a cause. */
const WORDS: Partial<Record<Cause, string>> = {
  path_cut: "nothing comes through (",
  process_not_running: ", or a proxy in front of it, acknowledges everything: declared dead",
  not_reading: "or a proxy in front of it, does not read: its receive window is closed",
  large_packets: "small packets come through, large ones never (",
};

async function assertCause(command: Command, cause: Cause): Promise<void> {
  const end = await command.event("terminated");
  const told = JSON.stringify({
    end,
    views: command.events.filter(({ event }) => event === "kernel"),
  });
  assertEquals(end.cause, cause, told);
  if (cause !== "reset") assert(end.kernel !== undefined, told);
  await command.stderrText("|| ERROR ||");
  const line = command.stderr.split("\n").find((each) => each.includes("|| ERROR ||"))!;
  const isOneWay = line.includes("what this side sends does not arrive");
  if (WORDS[cause] && !isOneWay) assertStringIncludes(line, WORDS[cause]);
}

testUnless(
  noNetwork,
  "each side concludes from its kernel's view why it heard nothing",
  (t) =>
    together(t, FAULTS, async ({ client, inject, server, tries = TRIES, words = "" }) => {
      const interval = words.includes("--data-interval") ? "" : "--data-interval 0.3 ";
      await using scene = await openScene({
        timers: `${TIMERS} --heartbeat-additional-tries ${tries}`,
        client: interval + words,
        server: "--once",
      });
      await inject(scene);
      if (client) await assertCause(scene.client, client);
      if (server) await assertCause(scene.server, server);
    }),
);

testUnless(noNetwork, "after an outage that heals nothing is left unacknowledged", async () => {
  await using scene = await openScene({
    timers: `${TIMERS} --heartbeat-additional-tries ${TRIES}`,
    client: "--data-interval 0.3",
  });
  const { client, network } = scene;
  await network.server.filter("-j DROP");
  await client.event("heartbeat_missed");
  await network.server.unfilter();
  const left = await client.event("kernel", (view) => "at" in view && view.at === "recovery");
  assert("at" in left);
  // What has just come, a busy machine may not have read yet.
  const { retransmissions, timer, unacked_bytes } = left;
  assertEquals([unacked_bytes, retransmissions, timer], [0, 0, "none"]);
  const before = client.events.find((each) => each.event === "kernel");
  assert(before?.event === "kernel" && "at" in before);
  assertEquals([before.at, before.cause], ["silence", "path_cut"]);
});
