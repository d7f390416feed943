/**
 * Both commands, as real processes on two hosts with a NAT between them whose mapping changes in mid-session:
 * what each says of the cause, each text whole.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Role } from "../../lib/wire/protocol.ts";
import { resetAfterPause, silentAfterPause, textsOf } from "../support/cause_texts.ts";
import { type Host, Network, PORT, together, whyNoNetwork } from "../support/namespace.ts";
import { testUnless, whyNot } from "../support/skip.ts";

/** Between two data messages the NAT forgets the mapping. Death is predicted after 3 + 3 × 0.5 s. */
const TIMERS = "--data-interval 2 --data-threshold 3 --heartbeat-interval 0.5 " +
  "--heartbeat-threshold 0.5 --heartbeat-additional-tries 2";

/** Where the server listens if what is for {@linkcode PORT} is mapped there. */
const MAPPED_PORT = PORT + 1;

const REDIRECT = `PREROUTING -p tcp --dport ${PORT} -j REDIRECT --to-ports`;
const DNAT = `PREROUTING -p tcp --dport ${PORT} -j DNAT --to-destination`;
const SNAT = `POSTROUTING -p tcp --dport ${PORT} -j SNAT --to-source`;

/** Sets the only rule of a NAT, from now on for what it has no mapping for. */
async function map(host: Host, rule: string): Promise<void> {
  await host.run("iptables -w -t nat -F");
  await host.run(`iptables -w -t nat -A ${rule}`);
}

interface Case {
  name: string;
  /** Which host does the mapping. */
  at: Role;
  /** Where the server listens. */
  port: number;
  before: string;
  /** What changes; the rule that holds from then on. */
  change: (network: Network) => Promise<string>;
  client: (role: Role) => string;
}

const CASES: readonly Case[] = [
  {
    name: "the mapping leads to a port where nothing listens",
    at: "server",
    port: MAPPED_PORT,
    before: `${REDIRECT} ${MAPPED_PORT}`,
    change: () => Promise.resolve(`${REDIRECT} ${MAPPED_PORT + 1}`),
    client: resetAfterPause,
  },
  {
    name: "the mapping leads to a host that is silent",
    at: "server",
    port: MAPPED_PORT,
    before: `${REDIRECT} ${MAPPED_PORT}`,
    change: async ({ server }) => {
      await server.run("ip address add 10.7.0.3/24 dev eth0");
      await server.filter("-d 10.7.0.3 -j DROP");
      return `${DNAT} 10.7.0.3`;
    },
    client: silentAfterPause,
  },
  {
    name: "the client gets another port",
    at: "client",
    port: PORT,
    before: `${SNAT} 10.7.0.1:5000`,
    change: () => Promise.resolve(`${SNAT} 10.7.0.1:6000`),
    client: resetAfterPause,
  },
];

testUnless(
  whyNoNetwork("IPv4") ??
    [REDIRECT + " 1", DNAT + " 10.7.0.3", SNAT + " 10.7.0.1:5000"]
      .map((rule) =>
        whyNot("unshare", "--net", ..."iptables -w -t nat -A".split(" "), ...rule.split(" "))
      )
      .find((why) => why !== undefined),
  "both sides say what a NAT does whose mapping changes in mid-session",
  (t) =>
    together(t, CASES, async ({ at, before, change, client: ofClient, port }) => {
      await using network = await Network.make("IPv4");
      const nat = network[at];
      await map(nat, before);
      await nat.run("sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=1");
      const { address } = network.server;
      await using server = network.server.start("server", `${address} ${port} ${TIMERS} --once`);
      await server.event("listening");
      await using client = network.client.start("client", `${address} ${PORT} ${TIMERS}`);
      // That the mapping was forgotten and made anew does no harm.
      await client.event("data_confirmed", ({ seq }) => seq === 2);
      await map(nat, await change(network));
      assertEquals([await client.ended(), await server.ended()], [1, 1]);
      assertEquals(textsOf(client, /ERROR/), [ofClient("client")]);
      // Its heartbeat comes to the client from where that knows nobody.
      assertEquals(textsOf(server, /ERROR/), [resetAfterPause("server")]);
    }),
);
