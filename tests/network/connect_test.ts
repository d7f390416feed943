/**
 * The client as a real process, calling where it gets no connection: what the network did, told apart.
 *
 * @module
 */
import { assertEquals, assertGreaterOrEqual, assertLess, assertStringIncludes } from "@std/assert";
import type { EndReason } from "../../lib/session/close_reason.ts";
import { CONNECT_LIMIT_MS } from "../../lib/session/timers.ts";
import { timeOf } from "../support/lateness.ts";
import { Network, together, whyNoNetwork } from "../support/namespace.ts";
import { testUnless } from "../support/skip.ts";

interface Call {
  name: string;
  /** Whom to call; the server's host, if not given. */
  host?: string;
  /** What the server's host does with what arrives at the port. */
  rule?: string;
  reason: EndReason;
}

const CALLS: readonly Call[] = [
  { name: "DROP", rule: "-j DROP", reason: "silent" },
  {
    name: "REJECT icmp-host-unreachable",
    rule: "-j REJECT --reject-with icmp-host-unreachable",
    reason: "unreachable",
  },
  {
    name: "REJECT icmp-port-unreachable",
    rule: "-j REJECT --reject-with icmp-port-unreachable",
    reason: "refused",
  },
  {
    name: "REJECT tcp-reset",
    rule: "-j REJECT --reject-with tcp-reset",
    reason: "refused",
  },
  { name: "a port where nothing listens", reason: "refused" },
  { name: "a network without a route to it", host: "10.8.0.1", reason: "unreachable" },
  { name: "an address that no host has", host: "10.7.0.9", reason: "unreachable" },
  { name: "a network that a route prohibits", host: "10.9.0.1", reason: "unreachable" },
];

testUnless(
  whyNoNetwork("IPv4"),
  "client exits with 3 and tells why it got no connection",
  async (t) => {
    await using network = await Network.make("IPv4");
    await network.client.run("ip route add prohibit 10.9.0.0/16");
    const calls = CALLS.map((call, i) => ({ ...call, port: 4001 + i }));
    await together(t, calls, async ({ host = network.server.address, port, rule, reason }) => {
      if (rule) await network.server.filter(`-p tcp --dport ${port} ${rule}`);
      await using client = network.client.start("client", `${host} ${port}`);
      assertEquals(await client.ended(), 3);
      // By its own times: to start so many processes at once takes long on a small machine.
      const took_ms = timeOf(await client.event("terminated")) -
        timeOf(await client.event("started"));
      if (reason === "silent") assertGreaterOrEqual(took_ms, CONNECT_LIMIT_MS);
      assertLess(took_ms, CONNECT_LIMIT_MS + (reason === "silent" ? 5_000 : 0));
      const end = await client.event("terminated");
      assertEquals([end.by, end.reason, end.peer], ["network", reason, `${host}:${port}`]);
      assertEquals([end.detected_after_ms, end.predicted_ms], [null, null]);
      assertEquals(client.events.map(({ event }) => event), ["started", "terminated"]);
      assertStringIncludes(client.stderr, "Look next: ");
      assertStringIncludes(client.stderr, "firewall");
    });
  },
);
