/**
 * Both commands, as real processes on two hosts, while the network between them fails: what each side
 * finds out, when, and what it says of the last data message.
 *
 * @module
 */
import { assertEquals, assertGreaterOrEqual, assertLess, assertMatch } from "@std/assert";
import type { DetectedSince, EndReason } from "../../lib/session/close_reason.ts";
import type { SeqRange } from "../../lib/session/ledger.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { stalled_ms } from "../support/lateness.ts";
import { type Network, openScene, PORT, together, whyNoNetwork } from "../support/namespace.ts";
import type { Command } from "../support/process.ts";
import { testUnless } from "../support/skip.ts";

const noIPv4 = whyNoNetwork("IPv4");

function test(name: string, run: (t: Deno.TestContext) => Promise<void>): void {
  testUnless(noIPv4, name, run);
}

const INTERVALS = "--data-interval 0.5 --heartbeat-interval 0.5 --heartbeat-threshold 0.5";
/** Death is predicted after 1 + 3 × 0.5 s. */
const IMPATIENT = `${INTERVALS} --data-threshold 1 --heartbeat-additional-tries 2`;
const PREDICTED_MS = 2_500;
/** Silent after 1 s, but not dead before TCP, which waits twice as long each time, has tried again. */
const PATIENT = `${INTERVALS} --data-threshold 1 --heartbeat-additional-tries 20`;
/** How late a busy machine may be with a verdict, when no side noticed a stall of its own. */
const LATE_MS = 1_000;

const DETECTED_SINCE: Readonly<Record<Role, DetectedSince>> = {
  client: "first_unconfirmed_data_sent",
  server: "last_data_heard",
};

/** What a side finds out: itself, that the peer is dead; or, from the network, a reset. */
type CloseReport = "dead" | "reset";

/** Checks what a side finds out of which session: gives its id. */
async function assertVerdict(
  command: Command,
  role: Role,
  closeReport: CloseReport,
): Promise<string> {
  const end = await command.event("terminated");
  const found = [end.by, end.reason, end.detected_since];
  if (closeReport === "dead") {
    assertEquals(found, ["self", "silent", DETECTED_SINCE[role]]);
    assertEquals(end.predicted_ms, PREDICTED_MS);
    assertGreaterOrEqual(end.detected_after_ms!, PREDICTED_MS);
    assertLess(end.detected_after_ms!, PREDICTED_MS + LATE_MS + stalled_ms(command, 1_000));
    const missed = command.events.findLast((each) => each.event === "heartbeat_missed");
    assertEquals([missed?.missed, missed?.left], [3, 0]);
  } else {
    assertEquals(found, ["network", "reset", "last_sign_of_life"]);
    assertLess(end.detected_after_ms!, PREDICTED_MS);
  }
  return end.session!;
}

function countOf(
  command: Command,
  event: "data_sent" | "data_confirmed" | "data_received",
): number {
  return command.events.filter((each) => each.event === event).length;
}

/** What is in doubt must be what was sent and not confirmed, no more and no less. */
async function assertInDoubt(client: Command): Promise<SeqRange[]> {
  const summary = await client.event("summary");
  const sent = countOf(client, "data_sent");
  const confirmed = countOf(client, "data_confirmed");
  assertEquals([summary.data_sent, summary.confirmed_up_to], [sent, confirmed]);
  assertEquals(summary.in_doubt, sent > confirmed ? [[confirmed + 1, sent]] : []);
  return summary.in_doubt;
}

interface Fault {
  name: string;
  inject: (network: Network) => Promise<void>;
  client: CloseReport;
  server: CloseReport;
  /** Whether the data message in doubt reached the server, where that is certain. */
  arrives?: boolean;
}

const RESET = "-p tcp -j REJECT --reject-with tcp-reset";
const UNREACHABLE = "-p tcp -j REJECT --reject-with icmp-host-unreachable";

// Where one direction is silent, so is the other soon: TCP holds back what is new until the old is
// acknowledged. Neither heartbeats nor TERMINATE get through, and both sides find out by themselves.
const FAULTS: readonly Fault[] = [
  {
    name: "DROP towards the server",
    inject: ({ server }) => server.filter("-j DROP"),
    client: "dead",
    server: "dead",
    arrives: false,
  },
  {
    name: "DROP towards the client",
    inject: ({ client }) => client.filter("-j DROP"),
    client: "dead",
    server: "dead",
    arrives: true,
  },
  {
    name: "the client's link down",
    inject: ({ client }) => client.run("ip link set eth0 down"),
    client: "dead",
    server: "dead",
  },
  {
    // On an open connection it is only a hint to TCP, which goes on trying.
    name: "REJECT icmp-host-unreachable towards the server",
    inject: ({ server }) => server.filter(UNREACHABLE),
    client: "dead",
    server: "dead",
    arrives: false,
  },
  {
    name: "REJECT tcp-reset towards the server",
    inject: ({ server }) => server.filter(RESET),
    client: "reset",
    server: "dead",
    arrives: false,
  },
  {
    name: "REJECT tcp-reset towards the client",
    inject: ({ client }) => client.filter(RESET),
    client: "dead",
    server: "reset",
  },
];

test("client and server find out when the network between them fails", (t) =>
  together(t, FAULTS, async (fault) => {
    await using scene = await openScene({ timers: IMPATIENT, server: "--once" });
    const { network, client, server } = scene;
    await fault.inject(network);
    await assertVerdict(client, "client", fault.client);
    await assertVerdict(server, "server", fault.server);
    assertEquals([await client.ended(), await server.ended()], [1, 1]);
    const inDoubt = await assertInDoubt(client);
    const sent = countOf(client, "data_sent");
    if (fault.client === "dead") assertEquals(inDoubt, [[sent, sent]]);
    if (fault.arrives !== undefined) {
      const { data_received } = await server.event("summary");
      assertEquals(data_received, fault.arrives ? sent : countOf(client, "data_confirmed"));
    }
  }));

testUnless(
  whyNoNetwork("IPv6"),
  "client and server find out over IPv6 that the server's link is down",
  async () => {
    await using scene = await openScene({ family: "IPv6", timers: IMPATIENT, server: "--once" });
    const { network, client, server } = scene;
    assertEquals((await client.event("connected")).peer, `[fd00:7::2]:${PORT}`);
    assertMatch((await server.event("connected")).peer, /^\[fd00:7::1\]:\d+$/);
    await network.server.run("ip link set eth0 down");
    await assertVerdict(client, "client", "dead");
    await assertVerdict(server, "server", "dead");
    assertEquals([await client.ended(), await server.ended()], [1, 1]);
    assertEquals((await assertInDoubt(client)).length, 1);
  },
);

/** Silences both directions. */
async function silence({ client, server }: Network): Promise<void> {
  await server.filter("-j DROP");
  await client.filter("-j DROP");
}

async function heal({ client, server }: Network): Promise<void> {
  await client.unfilter();
  await server.unfilter();
}

async function recoversInTime(): Promise<void> {
  const count = 6;
  await using scene = await openScene({
    timers: PATIENT,
    server: "--once",
    client: `--count ${count}`,
  });
  const { network, client, server } = scene;
  await silence(network);
  await client.event("heartbeat_missed");
  await server.event("heartbeat_missed");
  await heal(network);
  for (const command of [client, server]) {
    const { silent_ms } = await command.event("phase", ({ from }) => from === "heartbeat");
    assertGreaterOrEqual(silent_ms, 1_500);
    assertEquals(await command.ended(), 0);
    const { in_doubt, longest_silence_ms } = await command.event("summary");
    assertEquals(in_doubt, []);
    assertGreaterOrEqual(longest_silence_ms, 1_500);
  }
  const received = server.events.filter((each) => each.event === "data_received");
  assertEquals(received.map(({ seq }) => seq), [1, 2, 3, 4, 5, 6]);
  assertEquals(countOf(client, "data_sent"), count);
}

async function staysDeadTooLate(): Promise<void> {
  await using scene = await openScene({ timers: IMPATIENT, server: "--quiet" });
  const { network, client, server } = scene;
  await silence(network);
  const session = await assertVerdict(client, "client", "dead");
  assertEquals(await assertVerdict(server, "server", "dead"), session);
  assertEquals((await assertInDoubt(client)).length, 1);
  assertEquals(await client.ended(), 1);
  await heal(network);

  const again = `${network.server.address} ${PORT} ${IMPATIENT} --count 2`;
  await using next = network.client.start("client", again);
  assertEquals(await next.ended(), 0);
  await server.event("terminated", (each) => each.session !== session);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0);
  const last = server.events.findLast((each) => each.session === session);
  assertEquals(last?.event, "summary");
}

test("a session outlives a network that heals in time, and no other", (t) =>
  together(t, [
    { name: "healed before the limit: nothing lost, nothing in doubt", run: recoversInTime },
    { name: "healed after the limit: only a new session comes through", run: staysDeadTooLate },
  ], ({ run }) => run()));

test("the client tells when its own host gives up on the connection first", (t) =>
  together<{ name: string; rule: string; reason: EndReason }>(t, [
    { name: "DROP: silent", rule: "-j DROP", reason: "silent" },
    {
      name: "REJECT icmp-host-unreachable: unreachable",
      rule: UNREACHABLE,
      reason: "unreachable",
    },
  ], async ({ rule, reason }) => {
    await using scene = await openScene({ timers: `${INTERVALS} --data-threshold 15` });
    const { network, client } = scene;
    await network.client.run("sysctl -qw net.ipv4.tcp_retries2=1");
    await network.server.filter(rule);
    const end = await client.event("terminated");
    assertEquals([end.by, end.reason], ["network", reason]);
    assertLess(end.detected_after_ms!, 15_000);
    assertEquals((await assertInDoubt(client)).length, 1);
    assertEquals(await client.ended(), 1);
  }));
