/**
 * Error codes of the operating system that networks really give, and what the commands say of them,
 * each text whole.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Network, together, whyNoNetwork } from "../support/namespace.ts";
import { testUnless } from "../support/skip.ts";

const ROUTES = "Look next: the address, and routes and firewalls on the path";
const POLICY = "the rules of this host: firewall, container, systemd (IPAddressDeny), SELinux";
const NET =
  `no route leads to its network from here, or a router reports so (ENETUNREACH). ${ROUTES}` +
  "; of an IPv6 address: whether this host has IPv6";
const HOST = "no host answers at its address, or a router or firewall on the path reports it " +
  `unreachable (EHOSTUNREACH). ${ROUTES}`;
const PROHIBITED =
  "a route or a rule of this host, or a router on the path, prohibits it (EACCES). " +
  `${ROUTES}; ${POLICY}`;
const REFUSED =
  "refused; its host answers, but nothing listens on that port, or a firewall rejects " +
  "it (ECONNREFUSED). Look next: is the server running, and is the port open in its firewall? " +
  "docs/firewalls.md has the commands that open TCP port N";
const NO_TCP = "its host, or a firewall on the path, reports that it has no TCP (ENOPROTOOPT). " +
  "Look next: a firewall that rejects with icmp-proto-unreachable";
const BLACKHOLE =
  "this host does not send to that address: a route discards it (blackhole), or it " +
  "is a link-local one without its interface (EINVAL). Look next: ip route get ADDRESS; an address " +
  "such as fe80::1 is written fe80::1%eth0";

interface Call {
  name: string;
  /** Whom to call; the server's host, if not given. */
  host?: string;
  /** How the server's host rejects what arrives at the port. */
  reject?: string;
  /** The error, and what is said of it behind the address. */
  code: string;
  text: string;
}

const CALLS: readonly Call[] = [
  { name: "net", reject: "icmp-net-unreachable", code: "ENETUNREACH", text: NET },
  { name: "host", reject: "icmp-host-unreachable", code: "EHOSTUNREACH", text: HOST },
  { name: "port", reject: "icmp-port-unreachable", code: "ECONNREFUSED", text: REFUSED },
  { name: "proto", reject: "icmp-proto-unreachable", code: "ENOPROTOOPT", text: NO_TCP },
  { name: "net prohibited", reject: "icmp-net-prohibited", code: "ENETUNREACH", text: NET },
  { name: "host prohibited", reject: "icmp-host-prohibited", code: "EHOSTUNREACH", text: HOST },
  { name: "admin prohibited", reject: "icmp-admin-prohibited", code: "EHOSTUNREACH", text: HOST },
  { name: "reset", reject: "tcp-reset", code: "ECONNREFUSED", text: REFUSED },
  { name: "no route", host: "10.8.0.1", code: "ENETUNREACH", text: NET },
  { name: "no host", host: "10.7.0.9", code: "EHOSTUNREACH", text: HOST },
  { name: "prohibit", host: "10.9.0.1", code: "EACCES", text: PROHIBITED },
  { name: "unreachable", host: "10.10.0.1", code: "EHOSTUNREACH", text: HOST },
  { name: "blackhole", host: "10.11.0.1", code: "EINVAL", text: BLACKHOLE },
];

const CALLS_V6: readonly Call[] = [
  { name: "no route", reject: "icmp6-no-route", code: "ENETUNREACH", text: NET },
  { name: "adm", reject: "icmp6-adm-prohibited", code: "EACCES", text: PROHIBITED },
  { name: "addr", reject: "icmp6-addr-unreachable", code: "EHOSTUNREACH", text: HOST },
  { name: "port", reject: "icmp6-port-unreachable", code: "ECONNREFUSED", text: REFUSED },
];

/** What a command logs: the texts of its lines. */
function textsOf(stderr: string): string[] {
  return stderr.trimEnd().split("\n").map((line) => line.split(" || ")[2]!);
}

for (const [family, calls] of [["IPv4", CALLS], ["IPv6", CALLS_V6]] as const) {
  testUnless(
    whyNoNetwork(family),
    `a client says what each error of a connect means, over ${family}`,
    async (t) => {
      await using network = await Network.make(family);
      if (family === "IPv4") {
        await network.client.run("ip route add prohibit 10.9.0.0/16");
        await network.client.run("ip route add unreachable 10.10.0.0/16");
        await network.client.run("ip route add blackhole 10.11.0.0/16");
      }
      const each = calls.map((call, i) => ({ ...call, port: 4001 + i }));
      await together(t, each, async ({ code, host, port, reject, text }) => {
        const rule = `-p tcp --dport ${port} -j REJECT --reject-with ${reject}`;
        if (reject) await network.server.filter(rule);
        const address = host ?? network.server.address;
        await using client = network.client.start("client", `${address} ${port}`);
        assertEquals(await client.ended(), 3);
        assertEquals((await client.event("terminated")).code, code);
        const shown = address.includes(":") ? `[${address}]` : address;
        const said = text.replace("port N", `port ${port}`);
        assertEquals(textsOf(client.stderr), [`cannot connect to ${shown}:${port}: ${said}`]);
      });
    },
  );
}

testUnless(
  whyNoNetwork("IPv4"),
  "a client says that its host has no free port, and a server that its host has no such address",
  async () => {
    await using network = await Network.make("IPv4");
    const { client: here, server: there } = network;
    await here.run("sysctl -qw net.ipv4.ip_local_port_range=40000\t40000");
    await using server = there.start("server", `${there.address} 4000`);
    await server.event("listening");
    await using first = here.start("client", `${there.address} 4000`);
    await first.event("connected");
    await using second = here.start("client", `${there.address} 4000`);
    assertEquals(await second.ended(), 3);
    assertEquals(textsOf(second.stderr), [
      `cannot connect to ${there.address}:4000: this host has no free local port, or no address of ` +
      "its own, to connect from (EADDRNOTAVAIL). Look next: how many connections it has: ss -s; its " +
      "port range: sysctl net.ipv4.ip_local_port_range; of an IPv6 server: whether it has an IPv6 " +
      "address",
    ]);
    await using other = there.start("server", "10.7.0.77 4000");
    assertEquals(await other.ended(), 3);
    assertEquals(textsOf(other.stderr), [
      "cannot listen on 10.7.0.77:4000: no interface of this host has that address " +
      "(EADDRNOTAVAIL). Look next: ip address",
    ]);
  },
);
