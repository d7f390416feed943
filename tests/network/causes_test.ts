/**
 * Both commands, as real processes on two hosts: what each says of the cause when the path or its own link
 * fails, each text whole, with times as `N s` and addresses as `A`.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Role } from "../../lib/wire/protocol.ts";
import { Network, openScene, PORT, together, whyNoNetwork } from "../support/namespace.ts";
import type { Command } from "../support/process.ts";
import { testUnless, whyNot } from "../support/skip.ts";

/** Death is predicted after 2 + 3 × 0.5 s. */
const TIMERS = "--data-interval 0.3 --data-threshold 2 --heartbeat-interval 0.5 " +
  "--heartbeat-threshold 0.5 --heartbeat-additional-tries 2";

const noNetwork = whyNoNetwork("IPv4");

function normalised(text: string): string {
  return text.replaceAll(/\d+(\.\d+)? s\b/g, "N s").replaceAll(/10\.7\.0\.\d(:\d+)?/g, "A")
    // What the other end of the cable is, only some kernels tell.
    .replace("(lowerlayerdown)", "(down)").replace(/^cut \d+/, "cut N");
}

/** The texts of a side's lines of these levels, each once. */
function textsOf({ stderr }: Command, levels: RegExp): string[] {
  const lines = stderr.trimEnd().split("\n").map((line) => line.split(" || "));
  const texts = lines.flatMap(([, level, text]) =>
    levels.test(level!) && !/^(summary|this process)/.test(text!) ? [normalised(text!)] : []
  );
  return [...new Set(texts)];
}

const OTHER: Readonly<Record<Role, Role>> = { client: "server", server: "client" };

/** How the connection was used: behind what is said of the session. */
const USED = "; the connection was N s old, idle for N s";

function declared(role: Role): string {
  const since = role === "client"
    ? "the first unconfirmed data message was sent"
    : "the last data message was heard";
  return `declared dead N s after ${since}, predicted N s (data_threshold N s + ` +
    `3 × heart_beat_threshold N s)${USED}`;
}

/** Nothing shows where the silence comes from. */
function silent(role: Role): string {
  return `nothing heard from the ${OTHER[role]} for N s, 3 heartbeats unanswered: ${
    declared(role)
  }. ` +
    "Look next: does a firewall, NAT or load balancer on the path drop packets silently, or is the " +
    `process or the host of the ${OTHER[role]} frozen or cut off?`;
}

/** As that, after a heartbeat was answered. */
function silentSinceAnswer(role: Role): string {
  const since =
    "the first unanswered heartbeat was sent, predicted N s (3 × heart_beat_threshold N s)";
  return silent(role).replace(/the (first|last) .*\)(?=; the connection)/, since);
}

/** The own link or address is gone. */
function own(fault: string): (role: Role) => string {
  return (role) =>
    `nothing heard from the ${OTHER[role]} for N s, 3 heartbeats unanswered, while this host had ` +
    `${fault}: ${declared(role)}. Look next: this host's cable, link and address; the ` +
    `${OTHER[role]} may be well`;
}

/** The other side was heard after it was reached for the last time. */
function oneWay(role: Role): string {
  return `what this side sends does not arrive, though the ${OTHER[role]} was heard N s longer: ` +
    `nothing heard for N s, 3 heartbeats unanswered; ${
      declared(role)
    }. Look next: what drops packets ` +
    `from this host to the ${
      OTHER[role]
    }: a firewall or NAT on the path that lets only the other ` +
    "direction through?";
}

function reset(role: Role): string {
  return "the connection was reset (RST), N s after the last traffic, at an age of N s. Look next: " +
    "did a proxy, firewall or NAT on the path cut it, or forget it, or give it another port; or did " +
    `the ${OTHER[role]}'s process end?`;
}

interface Fault {
  name: string;
  inject: (network: Network) => Promise<void>;
  /** What each side says; of several texts, one. */
  client: (role: Role) => string | string[];
  server: (role: Role) => string;
}

const RESET = "-p tcp -j REJECT --reject-with tcp-reset";
const NO_ADDRESS = own("no interface with the address A any more");

const FAULTS: readonly Fault[] = [
  {
    name: "the client's link is down",
    inject: ({ client }) => client.run("ip link set eth0 down"),
    client: own("no link on eth0 (down)"),
    server: own("no link on eth0 (down)"),
  },
  {
    name: "the server's link is down",
    inject: ({ server }) => server.run("ip link set eth0 down"),
    client: own("no link on eth0 (down)"),
    server: own("no link on eth0 (down)"),
  },
  {
    name: "the client's address is gone",
    inject: ({ client }) => client.run("ip address del 10.7.0.1/24 dev eth0"),
    client: NO_ADDRESS,
    server: silent,
  },
  {
    name: "the server's address is gone",
    inject: ({ server }) => server.run("ip address del 10.7.0.2/24 dev eth0"),
    client: silent,
    server: NO_ADDRESS,
  },
  {
    // The server's heartbeats still arrive.
    name: "nothing arrives at the server",
    inject: ({ server }) => server.filter("-j DROP"),
    // The server's heartbeat may come before the client's first one, or after it, as its answer.
    client: (role) => [oneWay(role), silentSinceAnswer(role)],
    server: silent,
  },
  {
    // TCP sends a data message again and again, and nothing new.
    name: "nothing arrives at the client",
    inject: ({ client }) => client.filter("-j DROP"),
    client: silent,
    server: silent,
  },
  {
    name: "a firewall rejects what is for the server",
    inject: ({ server }) => server.filter(RESET),
    client: reset,
    server: silent,
  },
  {
    name: "a firewall rejects what is for the client",
    inject: ({ client }) => client.filter(RESET),
    client: silent,
    server: reset,
  },
];

testUnless(
  noNetwork,
  "each side names the likeliest cause of what it saw",
  (t) =>
    together(t, FAULTS, async ({ inject, ...ends }) => {
      await using scene = await openScene({ timers: TIMERS, server: "--once" });
      const { client, network, server } = scene;
      await inject(network);
      assertEquals([await client.ended(), await server.ended()], [1, 1]);
      const told = textsOf(client, /ERROR/);
      const texts = [ends.client("client")].flat();
      assertEquals(told, [texts.find((each) => each === told[0]) ?? texts[0]]);
      assertEquals(textsOf(server, /ERROR/), [ends.server("server")]);
    }),
);

const INVALID = "-p tcp -m conntrack --ctstate INVALID -j REJECT --reject-with tcp-reset";
/** How long, in milliseconds, nothing is sent: longer than the firewall remembers a connection. */
const PAUSE_MS = 2_000;

testUnless(
  noNetwork ??
    whyNot("unshare", "--net", "iptables", "-w", ..."-A INPUT".split(" "), ...INVALID.split(" ")),
  "both sides name a stateful firewall that forgets idle connections",
  async () => {
    await using network = await Network.make("IPv4");
    await network.server.filter(INVALID);
    await network.server.run("sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0");
    await network.server.run("sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=1");
    const words = `${network.server.address} ${PORT} --data-threshold 60`;
    await using server = network.server.start("server", words);
    await server.event("listening");
    await using client = network.client.start("client", `${words} --stdin --reconnect`, "piped");
    for (let count = 1;; count++) {
      await client.write(new TextEncoder().encode(`line ${count}\n`));
      await client.event("data_confirmed", ({ seq }) => seq === count);
      if (client.stderr.includes("something on the path forgets")) break;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    await client.endInput();
    assertEquals(await client.ended(), 0, client.stderr);
    await server.event("summary");
    const lost = "the connection is lost, the session goes on: ";
    const resumed = "session resumed, N s after the last sign of life before: 1 data message";
    assertEquals(textsOf(client, /WARNING|ERROR/), [
      lost + reset("client").replace(
        "N s after the last traffic",
        "at the first traffic after a pause of N s",
      ),
      "dialling A again in N s, attempt 1",
      `${resumed} sent again, 0 had arrived unconfirmed`,
      "cut N times, each at the first traffic after a pause of N s: something on the path forgets " +
      "connections that are idle so long, or less long; a data_threshold and a heart_beat_interval far " +
      "below that keep them open, by heartbeats while there is no input",
    ]);
    assertEquals(textsOf(server, /WARNING|ERROR/), [
      `${lost}the client has resumed on another connection: this one was lost without a sign, N s ` +
      "after the last traffic, at an age of N s. Look next: does a firewall, NAT or load balancer on " +
      "the path forget connections?",
      `${resumed} will be sent again, 0 had arrived unconfirmed`,
    ]);
  },
);
