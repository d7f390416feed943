/**
 * The search for idle timeouts, by real commands over real middleboxes whose timeouts are known: routers in
 * namespaces, and haproxy. What it says is set against what the middlebox is set to.
 *
 * `PULSEWIRE_IDLE_RUNS` has each case run so many times, and prints what came of each.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { IdleBracket, IdleFindings } from "../../lib/wire/idle.ts";
import { Folder } from "../support/folder.ts";
import { startHaproxy, whyNoMiddlebox } from "../support/middlebox.ts";
import { PORT, together } from "../support/namespace.ts";
import { freePort } from "../support/ports.ts";
import { type Command, startCommand, startServer } from "../support/process.ts";
import { RoutedNetwork, whyNoRouter } from "../support/routed_network.ts";
import { testUnless, whyNot } from "../support/skip.ts";

const RUNS = Number(Deno.env.get("PULSEWIRE_IDLE_RUNS") ?? 1);

/** How near to each other the bounds have to be, in seconds. */
const PRECISION_S = 2;

/** The longest idle time that is probed, in seconds. */
const UP_TO_S = 30;

const SEARCH = `--find-idle-timeout --up-to ${UP_TO_S} --precision ${PRECISION_S}`;

/** The same over several paths, whose timeouts are shorter: it takes more rounds. */
const SEARCH_OF_SEVERAL = `--find-idle-timeout --up-to 12 --precision ${PRECISION_S}`;

/** How long, in seconds, a server lives at most. */
const SERVER_S = 200;

/** How long, in milliseconds, a search may take before the test gives it up. */
const LIMIT_MS = 150_000;

/** What a direction is to be found as: after how many seconds it is forgotten, `null` for never, and how it dies. */
interface Truth {
  readonly timeout_s: number | null;
  readonly how: readonly (string | null)[];
}

/** What a search is set against. */
interface Case {
  readonly name: string;
  /** Sets the middlebox up, and runs the search; returns what it found. */
  readonly search: () => Promise<Found>;
  readonly client: Truth;
  readonly server: Truth;
  /** Whether the paths contradict each other: then there is no bracket within the precision. */
  readonly isSeveral?: boolean;
  /** Whether packets are lost. */
  readonly isLossy?: boolean;
}

interface Found {
  readonly findings: IdleFindings;
  readonly took_s: number;
  /** The timeouts of the middlebox, in seconds, as it has them. */
  readonly set_s: readonly number[];
}

const CONNTRACK = "net.netfilter.nf_conntrack_tcp_timeout_established";

/** What a router forgets after so many seconds. */
async function forgetAfter({ router }: RoutedNetwork, timeout_s: number): Promise<void> {
  await router.run(`sysctl -qw ${CONNTRACK}=${timeout_s}`);
  // A packet in the middle of a connection begins none.
  await router.run("sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0");
}

/** Runs a search from the client's host to the server's. */
async function searchAcross(
  network: RoutedNetwork,
  set_s: (network: RoutedNetwork) => Promise<readonly number[]>,
  words = `${network.server.address} ${PORT} ${SEARCH}`,
): Promise<Found> {
  const where = `${network.server.address} ${PORT}`;
  await using server = network.server.start("server", where, { lifetime_s: SERVER_S });
  await server.event("listening");
  const options = { lifetime_s: null, limit_ms: LIMIT_MS };
  await using client = network.client.start("client", words, options);
  return { ...await foundBy(client), set_s: await set_s(network) };
}

async function foundBy(client: Command): Promise<Omit<Found, "set_s">> {
  const begin_ms = performance.now();
  const findings = await client.event("idle_timeout");
  const took_s = (performance.now() - begin_ms) / 1000;
  assertEquals(await client.ended(), 0);
  return { findings, took_s };
}

/** What the router has its timeout set to. */
async function conntrackTimeout({ router }: RoutedNetwork): Promise<readonly number[]> {
  return [Number(await router.output(`sysctl -n ${CONNTRACK}`))];
}

/** A router that forgets connections after 20 s, and does this with what it does not know. */
function routerCase(
  name: string,
  rules: (network: RoutedNetwork) => Promise<void>,
  truths: Pick<Case, "client" | "server">,
  isLossy = false,
): Case {
  return {
    name,
    isLossy,
    ...truths,
    search: async () => {
      await using network = await RoutedNetwork.make();
      await forgetAfter(network, 20);
      await rules(network);
      return await searchAcross(network, conntrackTimeout);
    },
  };
}

const INVALID = "-p tcp -m conntrack --ctstate INVALID";
const SILENT: Truth = { timeout_s: 20, how: ["silent"] };
const NONE: Truth = { timeout_s: null, how: [null] };

const CASES: readonly Case[] = [
  routerCase(
    "a router drops what it has forgotten",
    (network) => network.forward(`${INVALID} -j DROP`),
    { client: SILENT, server: SILENT },
  ),
  routerCase(
    "a router rejects what it has forgotten with a reset",
    (network) => network.forward(`${INVALID} -j REJECT --reject-with tcp-reset`),
    {
      client: { timeout_s: 20, how: ["reset_client"] },
      server: { timeout_s: 20, how: ["reset_server", "reset_both"] },
    },
  ),
  routerCase(
    "a NAT forgets its mapping",
    (network) => network.router.run("iptables -w -t nat -A POSTROUTING -o eth1 -j MASQUERADE"),
    {
      client: { timeout_s: 20, how: ["reset_client", "reset_both", "silent"] },
      server: { timeout_s: 20, how: ["reset_server", "reset_both"] },
    },
  ),
  routerCase(
    "a firewall drops only the server's first word after idling",
    async (network) => {
      // From the client, a packet in the middle of a connection begins one anew.
      await network.router.run("sysctl -qw net.netfilter.nf_conntrack_tcp_loose=1");
      await network.forward("-i eth1 -m conntrack --ctstate NEW -j DROP");
    },
    { client: NONE, server: SILENT },
  ),
  routerCase(
    "a router drops what it has forgotten, and one packet in twenty",
    async (network) => {
      await network.forward(`${INVALID} -j DROP`);
      await network.forward("-m statistic --mode random --probability 0.05 -j DROP");
    },
    { client: SILENT, server: SILENT },
    true,
  ),
  {
    name: "no timeout at all",
    client: NONE,
    server: NONE,
    search: async () => {
      await using network = await RoutedNetwork.make();
      return await searchAcross(network, () => Promise.resolve([]));
    },
  },
  {
    name: "haproxy closes what is idle",
    client: { timeout_s: 15, how: ["closed"] },
    server: { timeout_s: 15, how: ["closed"] },
    search: async () => {
      const backend = freePort();
      await using server = await startServer(backend);
      const timeouts_s = { client: 15, server: 25 };
      await using proxy = await startHaproxy({ backend, timeouts_s });
      const words = `127.0.0.1 ${proxy.port} ${SEARCH}`.split(" ");
      await using client = startCommand("client", words, { limit_ms: LIMIT_MS });
      const found = await foundBy(client);
      server.kill("SIGTERM");
      await server.ended();
      return { ...found, set_s: [Math.min(...Object.values(timeouts_s))] };
    },
  },
  {
    name: "two paths with different timeouts",
    client: { timeout_s: 4, how: ["closed"] },
    server: { timeout_s: 4, how: ["closed"] },
    isSeveral: true,
    search: async () => {
      await using network = await RoutedNetwork.make();
      using folder = new Folder();
      const set_s = [4, 8];
      await using _proxies = await twoProxies(network, folder.path, set_s);
      const { router } = network;
      const redirect = `iptables -w -t nat -A PREROUTING -i eth0 -p tcp --dport ${PORT}`;
      await router.run(
        `${redirect} -m statistic --mode random --probability 0.5 -j REDIRECT --to-ports ${
          PORT + 1
        }`,
      );
      await router.run(`${redirect} -j REDIRECT --to-ports ${PORT + 2}`);
      const words = `10.7.1.254 ${PORT} ${SEARCH_OF_SEVERAL}`;
      return await searchAcross(network, () => Promise.resolve(set_s), words);
    },
  },
];

/** Two ports of haproxy on the router, which close after so many seconds, to the one server. */
async function twoProxies(
  { router, server }: RoutedNetwork,
  folder: string,
  set_s: readonly number[],
): Promise<AsyncDisposable> {
  const listeners = set_s.map((timeout_s, at) =>
    `listen path${at}
  bind 0.0.0.0:${PORT + 1 + at}
  timeout client ${timeout_s}s
  timeout server ${timeout_s}s
  server behind ${server.address}:${PORT}
`
  );
  const path = `${folder}/haproxy.cfg`;
  await Deno.writeTextFile(
    path,
    `defaults\n  mode tcp\n  timeout connect 5s\n${listeners.join("")}`,
  );
  return await router.serve(["haproxy", "-db", "-q", "-f", path], PORT + 2);
}

/** Whether a bracket has the truth in it, and is narrow enough. */
function check(bracket: IdleBracket, truth: Truth, who: string): void {
  const { forgotten_by_s, how, survives_s } = bracket;
  const said = `${who} first: ${JSON.stringify(bracket)}`;
  assert(truth.how.includes(how), said);
  if (truth.timeout_s === null) {
    assertEquals(forgotten_by_s, null, said);
    return assert(survives_s >= UP_TO_S - 0.1, said);
  }
  assert(survives_s <= truth.timeout_s, said);
  // A timer of the kernel's fires up to a second late.
  assert(forgotten_by_s !== null && forgotten_by_s >= truth.timeout_s, said);
  assert(forgotten_by_s - survives_s <= PRECISION_S + 0.05, said);
}

async function runCase(each: Case): Promise<void> {
  const { findings, set_s, took_s } = await each.search();
  const said = `${each.name}: ${JSON.stringify(findings)}, after ${took_s.toFixed(1)} s`;
  if (RUNS > 1) console.log(said);
  assert(findings.complete, said);
  const { client_first, contradictions, server_first } = findings;
  if (each.isSeveral) {
    assert(contradictions.length > 0, said);
    for (const { forgotten_by_s, survives_s } of [client_first, server_first]) {
      assert(survives_s <= Math.min(...set_s), said);
      assert(forgotten_by_s === null || forgotten_by_s >= Math.max(...set_s), said);
    }
    return;
  }
  check(client_first, each.client, "client");
  check(server_first, each.server, "server");
  assertEquals(contradictions, [], said);
  const timeout_s = each.client.timeout_s ?? each.server.timeout_s;
  if (timeout_s !== null) assertEquals(set_s, [timeout_s]);
  if (RUNS > 1) assert(took_s <= limit_s(each), `${said}; the limit is ${limit_s(each)} s`);
}

/** In how much time a search has to have found this, in seconds; a lost packet costs a round more. */
function limit_s({ client, isLossy, server }: Case): number {
  const rounds = isLossy ? 3.5 : 2.5;
  const of = ({ timeout_s }: Truth) => timeout_s === null ? UP_TO_S : rounds * timeout_s;
  return Math.max(of(client), of(server)) + 30;
}

testUnless(
  whyNoRouter() ?? whyNoMiddlebox("haproxy", "-v") ??
    whyNot(
      ..."unshare --net iptables -w -A FORWARD -m statistic --mode random --probability 0.05 -j DROP"
        .split(" ") as [string, ...string[]],
    ),
  "a search finds the idle timeouts of real middleboxes, and says how connections die of them",
  async (t) => {
    for (let run = 1; run <= RUNS; run++) await together(t, CASES, runCase);
  },
);
