/**
 * Real networks of three hosts: a client's and a server's, each with a cable to a router between them.
 *
 * @module
 */
import { Host, whyNoNetwork } from "./namespace.ts";
import { whyNot } from "./skip.ts";

const CLIENT = "10.7.1.1/24";
const SERVER = "10.7.2.1/24";
const ROUTER = { client: "10.7.1.254", server: "10.7.2.254" };

/** Why routed networks cannot be made here; `undefined` if they can. */
export function whyNoRouter(): string | undefined {
  const probes = [
    "sysctl -qw net.ipv4.ip_forward=1",
    "iptables -w -A FORWARD -m conntrack --ctstate INVALID -j DROP",
    "iptables -w -A FORWARD -m length --length 1000:65535 -j DROP",
    "iptables -w -t nat -A POSTROUTING -j MASQUERADE",
  ];
  return whyNoNetwork("IPv4") ??
    probes.map((each) => whyNot("unshare", "--net", ...each.split(" ")))
      .find((why) => why !== undefined);
}

/** A client's host, a server's host, and a router, which forwards all until it is told otherwise. */
export class RoutedNetwork implements AsyncDisposable {
  readonly #made: AsyncDisposableStack;
  /** The client's host. */
  readonly client: Host;
  /** The server's host. */
  readonly server: Host;
  /** The router: `eth0` leads to the client, `eth1` to the server. */
  readonly router: Host;

  private constructor(hosts: readonly [Host, Host, Host], made: AsyncDisposableStack) {
    [this.client, this.router, this.server] = hosts;
    this.#made = made;
  }

  /** Makes a network. */
  static async make(): Promise<RoutedNetwork> {
    await using made = new AsyncDisposableStack();
    const client = made.use(await Host.make(CLIENT, "IPv4"));
    const server = made.use(await Host.make(SERVER, "IPv4"));
    const router = made.use(await Host.make(`${ROUTER.client}/24`, "IPv4"));
    await client.run(`ip link add eth0 type veth peer name eth0 netns ${router.pid}`);
    await server.run(`ip link add eth0 type veth peer name eth1 netns ${router.pid}`);
    await router.run(`ip address add ${ROUTER.client}/24 dev eth0`);
    await router.run(`ip address add ${ROUTER.server}/24 dev eth1`);
    for (const [host, address] of [[client, CLIENT], [server, SERVER]] as const) {
      await host.run(`ip address add ${address} dev eth0`);
      await host.run("ip link set lo up");
    }
    await router.run("ip link set eth1 up");
    for (const host of [client, server, router]) await host.run("ip link set eth0 up");
    await client.run(`ip route add default via ${ROUTER.client}`);
    await server.run(`ip route add default via ${ROUTER.server}`);
    await router.run("sysctl -qw net.ipv4.ip_forward=1");
    return new RoutedNetwork([client, router, server], made.move());
  }

  /** Adds a rule of the router on what passes it, such as `-j DROP`. */
  async forward(rule: string): Promise<void> {
    await this.router.run(`iptables -w -A FORWARD ${rule}`);
  }

  /** Has the router forward all again. */
  async heal(): Promise<void> {
    await this.router.run("iptables -w -F FORWARD");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#made.disposeAsync();
  }
}
