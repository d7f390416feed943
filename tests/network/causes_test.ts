/**
 * Both commands, as real processes on two hosts: what each says of the cause when the path or its own link
 * fails, each text whole, with times as `N s` and addresses as `A`.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Role } from "../../lib/wire/protocol.ts";
import {
  AFTER_PAUSE,
  oneWay,
  own,
  reset,
  resetAfterPause,
  silent,
  silentConfirming,
  silentSinceAnswer,
  textsOf,
} from "../support/cause_texts.ts";
import { Network, openScene, PORT, together, whyNoNetwork } from "../support/namespace.ts";
import type { Command } from "../support/process.ts";
import { testUnless, whyNot } from "../support/skip.ts";

/** Death is predicted after 2 + 3 × 0.5 s. */
const TIMERS = "--data-interval 0.3 --data-threshold 2 --heartbeat-interval 0.5 " +
  "--heartbeat-threshold 0.5 --heartbeat-additional-tries 2";

const noNetwork = whyNoNetwork("IPv4");

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
    server: silentConfirming,
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

async function assertNamed({ inject, ...ends }: Fault): Promise<void> {
  await using scene = await openScene({ timers: TIMERS, server: "--once" });
  const { client, network, server } = scene;
  await inject(network);
  assertEquals([await client.ended(), await server.ended()], [1, 1]);
  // A busy machine may have paused before.
  const told = textsOf(client, /ERROR/).map((each) => each.replace(AFTER_PAUSE, ""));
  const texts = [ends.client("client")].flat();
  assertEquals(told, [texts.find((each) => each === told[0]) ?? texts[0]]);
  assertEquals(textsOf(server, /ERROR/), [ends.server("server")]);
}

testUnless(
  noNetwork,
  "each side names the likeliest cause of what it saw",
  (t) => together(t, FAULTS, assertNamed),
);

/** The kernel calls it lowerlayerdown where an interface stands on another one. */
const LOWER_LINK: Fault = {
  name: "the link below the client's interface is down",
  inject: async ({ client }) => {
    await client.run("ip link add link eth0 name lan0 type macvlan");
    await client.run("ip link set lan0 up");
    await client.run("ip address del 10.7.0.1/24 dev eth0");
    await client.run("ip address add 10.7.0.1/24 dev lan0");
    await client.run("ip link set eth0 down");
  },
  client: own("no link on lan0 (lowerlayerdown: an interface that it depends on is down)"),
  server: own("no link on eth0 (down)"),
};

const MACVLAN = "ip link add eth0 type veth && ip link add link eth0 name lan0 type macvlan";

testUnless(
  noNetwork ?? whyNot("unshare", "--net", "sh", "-c", MACVLAN),
  LOWER_LINK.name,
  () => assertNamed(LOWER_LINK),
);

testUnless(
  noNetwork,
  "a link that goes down later in an outage is seen, before the other side is declared dead",
  async () => {
    await using scene = await openScene({ timers: TIMERS, server: "--once" });
    const { client, network, server } = scene;
    await network.server.filter("-j DROP");
    await network.client.filter("-j DROP");
    // The last heartbeat is sent, and has half a second.
    await client.event("heartbeat_missed", ({ left }) => left === 1);
    await network.client.run("ip link set eth0 down");
    assertEquals([await client.ended(), await server.ended()], [1, 1]);
    assertEquals(
      textsOf(client, /ERROR/).map((each) => each.replace(AFTER_PAUSE, "")),
      [own("no link on eth0 (down)")("client")],
    );
  },
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
    await using client = network.client.start("client", `${words} --stdin --reconnect`, {
      stdin: "piped",
    });
    const ACCOUNT =
      "account of the outage: the connection was reset (RST); in doubt: 1 data message";
    const isTold = ({ stderr }: Command) => stderr.includes(ACCOUNT);
    for (let count = 1;; count++) {
      await client.write(new TextEncoder().encode(`line ${count}\n`));
      await client.event("data_confirmed", ({ seq }) => seq === count);
      const isKnown = client.stderr.includes("something on the path forgets");
      if (isKnown && isTold(client) && isTold(server)) break;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    await client.endInput();
    assertEquals(await client.ended(), 0, client.stderr);
    await server.event("summary");
    const lost = "the connection is lost, the session goes on: ";
    const resumed = "session resumed, N s after the last sign of life before: 1 data message";
    const account = (text: string) => text.startsWith("account of the outage");
    // On a busy machine a side may hear of the other one's account too late, and conclude alone.
    const isLate = (text: string) =>
      text === ACCOUNT.replace("outage", "outage by this side alone");
    const [ofClient, ofServer] = [client, server].map((each) =>
      textsOf(each, /WARNING|ERROR/).filter((text) => !isLate(text))
    );
    assertEquals(ofClient!.filter(account), [ACCOUNT]);
    assertEquals(ofServer!.filter(account), [ACCOUNT]);
    assertEquals(ofClient!.filter((text) => !account(text)), [
      lost + resetAfterPause("client"),
      "dialling A again in N s, attempt 1",
      `${resumed} sent again, 0 had arrived unconfirmed`,
      "cut N times, each at the first traffic after a pause of N s: something on the path forgets " +
      "connections that are idle so long, or less long; a data_threshold and a heart_beat_interval far " +
      "below that keep them open, by heartbeats while there is no input",
    ]);
    assertEquals(ofServer!.filter((text) => !account(text)), [
      `${lost}the client has resumed on another connection: this one was lost without a sign, N s ` +
      "after the last traffic, at an age of N s. Look next: does a firewall, NAT or load balancer on " +
      "the path forget connections?",
      `${resumed} will be sent again, 0 had arrived unconfirmed`,
    ]);
  },
);
