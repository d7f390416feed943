/**
 * What a server says when nobody connects, by what the firewall of its host shows.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { reachAdvice } from "../../../../lib/platform/net/firewall/advice.ts";
import { MemoryFirewallHost } from "../../../support/firewall_host.ts";

const UFW = "/etc/ufw/ufw.conf";
const FIREWALLD = "/sys/fs/cgroup/system.slice/firewalld.service/cgroup.procs";

const CASES: readonly {
  name: string;
  host?: string;
  set: (host: MemoryFirewallHost) => void;
  advice: string;
}[] = [
  {
    name: "an address of this host only",
    host: "127.0.0.1",
    set: () => {},
    advice: "127.0.0.1 can be reached from this host only; 0.0.0.0 listens on every address",
  },
  {
    name: "ufw",
    set: ({ files }) => files[UFW] = "ENABLED=yes\n",
    advice: "ufw manages the firewall of this host; to open the port: ufw allow 4000/tcp",
  },
  {
    name: "ufw that is not active, and firewalld that is",
    set: ({ files }) => Object.assign(files, { [UFW]: "ENABLED=no\n", [FIREWALLD]: "812\n" }),
    advice: "firewalld manages the firewall of this host; to open the port: " +
      "firewall-cmd --add-port=4000/tcp",
  },
  {
    name: "rules of iptables",
    set: ({ rules }) => rules.iptables = ["-i lo -j ACCEPT", "-j DROP"],
    advice: "the firewall of this host drops what is for the port; to open it: " +
      "iptables -I INPUT 2 -p tcp --dport 4000 -j ACCEPT",
  },
  {
    name: "a policy of nft",
    set: (host) => {
      const base = { type: "filter", hook: "input", prio: 0, policy: "drop" };
      const chain = { family: "inet", table: "filter", name: "input", handle: 1, ...base };
      host.nft = JSON.stringify({ nftables: [{ chain }] });
    },
    advice: "the firewall of this host drops what is for the port; to open it: " +
      "nft add rule inet filter input tcp dport 4000 accept",
  },
  {
    name: "rules that let everybody in",
    set: ({ rules }) => rules.iptables = ["-p tcp --dport 4000 -j ACCEPT", "-j DROP"],
    advice: "the firewall of this host lets TCP port 4000 in; does one on the path?",
  },
  {
    name: "rules that may not be listed",
    set: (host) => {
      host.rules.iptables = [];
      host.before = () => ({ isDone: false, text: "Permission denied (you must be root)" });
    },
    advice: "docs/firewalls.md has the commands that open TCP port 4000 in a firewall",
  },
  {
    name: "an nft that prints no JSON",
    set: (host) => host.nft = "table inet filter {",
    advice: "docs/firewalls.md has the commands that open TCP port 4000 in a firewall",
  },
  {
    name: "no tool",
    set: () => {},
    advice: "docs/firewalls.md has the commands that open TCP port 4000 in a firewall",
  },
];

for (const { advice, host = "0.0.0.0", name, set } of CASES) {
  Deno.test(`reachAdvice() names the command for what it finds: ${name}`, async () => {
    const firewall = new MemoryFirewallHost();
    set(firewall);
    assertEquals(await reachAdvice({ host, port: 4000 }, firewall), advice);
    assertEquals(firewall.changes, []);
  });
}
