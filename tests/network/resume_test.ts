/**
 * Both commands, as real processes on two hosts, while the network between them drops everything for
 * longer than the limit, and then is healed: the session goes on, with nothing lost and nothing twice.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { SOON_MS } from "../support/lateness.ts";
import { assertSettled } from "../support/ledgers.ts";
import { type Network, openScene, together, whyNoNetwork } from "../support/namespace.ts";
import type { Command } from "../support/process.ts";
import { StoreFolder } from "../support/store_folder.ts";
import { testUnless } from "../support/skip.ts";

const noIPv4 = whyNoNetwork("IPv4");

/** Death is predicted after 1 + 3 × 0.5 s. */
const TIMERS = "--data-interval 0.1 --heartbeat-interval 0.5 --heartbeat-threshold 0.5 " +
  "--heartbeat-additional-tries 2";
const IMPATIENT = "--data-threshold 1";
const PREDICTED_MS = 2_500;
/** Does not find out by itself that the client is gone. */
const PATIENT = "--data-threshold 60";
const WINDOW = 4;
/** Enough for what is sent before, during and after the outage. */
const COUNT = 60;

interface Outage {
  name: string;
  inject: (network: Network) => Promise<void>;
  /** Whether the server thinks all the while that the session has its connection. */
  serverIsPatient?: true;
}

const toServer = ({ server }: Network) => server.filter("-j DROP");
const toClient = ({ client }: Network) => client.filter("-j DROP");
const both = async (network: Network) => {
  await toServer(network);
  await toClient(network);
};

const OUTAGES: readonly Outage[] = [
  { name: "DROP in both directions", inject: both },
  { name: "DROP towards the server", inject: toServer },
  { name: "DROP towards the client", inject: toClient },
  { name: "DROP, which only the client notices", inject: both, serverIsPatient: true },
  {
    name: "the server's link down",
    inject: ({ server }) => server.run("ip link set eth0 down"),
  },
];

async function heal({ client, server }: Network): Promise<void> {
  await client.unfilter();
  await server.unfilter();
  await server.run("ip link set eth0 up");
}

async function assertDead(command: Command): Promise<void> {
  const { by, detected_after_ms, reason } = await command.event("disconnected");
  assertEquals([by, reason], ["self", "silent"]);
  assertGreater(detected_after_ms!, PREDICTED_MS - 1);
}

async function outlives({ serverIsPatient, inject }: Outage): Promise<void> {
  using folder = new StoreFolder();
  const files = `--store ${folder.store} --output ${folder.output}`;
  await using scene = await openScene({
    timers: TIMERS,
    server: `${serverIsPatient ? PATIENT : IMPATIENT} ${files}`,
    client: `${IMPATIENT} --reconnect --window ${WINDOW} --count ${COUNT}`,
  });
  const { client, network, server } = scene;
  await inject(network);
  await assertDead(client);
  if (!serverIsPatient) await assertDead(server);
  // Dialling into the outage comes to nothing, and so the client dials again.
  await client.event("reconnecting");
  await heal(network);

  const { already_there, gap_ms, resent } = await client.event("resumed");
  // In one direction alone, signs of life may go on for a while.
  if (inject === both) assertGreater(gap_ms, PREDICTED_MS - 1);
  if (inject === toServer) assertEquals(already_there, 0);
  const there = await server.event("resumed");
  assertEquals([there.already_there, there.resent], [already_there, resent]);
  assertEquals(await client.ended(), 0, client.stderr);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0, server.stderr);
  const [ours, theirs] = [await client.event("summary"), await server.event("summary")];
  assertSettled(ours, theirs);
  assertEquals([ours.data_sent, ours.connections, theirs.connections], [COUNT, 2, 2]);

  const stored = folder.query("SELECT seq FROM messages ORDER BY number").map(({ seq }) => seq);
  assertEquals(stored, Array.from({ length: COUNT }, (_, i) => i + 1));
  assertEquals(folder.written, "CLIENT_DATA_MESSAGE\n".repeat(COUNT));
  const [outage, ...others] = folder.query("SELECT * FROM outages");
  assert(outage !== undefined && others.length === 0, "one outage");
}

testUnless(
  noIPv4,
  "a session outlives an outage that is longer than the limit",
  (t) => together(t, OUTAGES, outlives),
);

testUnless(noIPv4, "Ctrl-C ends at once a client whose dialling is not answered", async () => {
  await using scene = await openScene({
    timers: `${TIMERS} ${IMPATIENT}`,
    client: "--reconnect",
  });
  const { client, network } = scene;
  await both(network);
  const { delay_ms } = await client.event("reconnecting");
  // It dials for ten seconds from then on, and tells of nothing meanwhile.
  await new Promise((resolve) => setTimeout(resolve, delay_ms + 500));
  const signalled_ms = performance.now();
  client.kill("SIGINT");
  assertEquals(await client.ended(), 0, client.stderr);
  assertLess(performance.now() - signalled_ms, SOON_MS);
  const { by, reason } = await client.event("terminated");
  assertEquals([by, reason], ["self", "shutdown"]);
  assertEquals(client.events.filter(({ event }) => event === "reconnecting").length, 1);
});
