/**
 * A server that opens its port in the firewall of its host, as a real process on a host whose firewall drops
 * everything else: who gets in when, and what becomes of the rules of others.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { type Host, Network, whyNoNetwork } from "../support/namespace.ts";
import { startCommand } from "../support/process.ts";
import { testUnless, whyNot } from "../support/skip.ts";

const noNetwork = whyNoNetwork("IPv4") ?? whyNoNetwork("IPv6") ??
  whyNot("unshare", "--net", "nft", "-j", "-t", "list", "ruleset");

/** Runs a program on a host. */
async function outputOn(host: Host, program: string, ...args: string[]) {
  const { code, stdout } = await new Deno.Command("nsenter", {
    args: ["--target", String(host.pid), "--net", "--", program, ...args],
    stderr: "null",
  }).output();
  return { code, text: new TextDecoder().decode(stdout) };
}

/** Whether a host can connect to a port of another one; `true` is waited for, what a firewall drops is not. */
async function reaches(from: Host, to: Host, port: number, expected: boolean): Promise<void> {
  const connect = `exec 3<>/dev/tcp/${to.address}/${port}`;
  const { code } = await outputOn(from, "timeout", expected ? "20" : "0.5", "bash", "-c", connect);
  // 124: not even refused.
  assertEquals(code, expected ? 0 : 124, `to port ${port}`);
}

/** All rules of a host, as each tool lists them, without counters. */
async function rulesOf(host: Host): Promise<string> {
  const lists = [["iptables", "-S"], ["ip6tables", "-S"], ["nft", "-s", "list", "ruleset"]];
  const listed = [];
  for (const [tool = "", ...args] of lists) listed.push((await outputOn(host, tool, ...args)).text);
  return listed.join("\n");
}

/** The comments of the servers' rules, in order, as one tool lists them. */
async function labelsOf(host: Host, tool: string, ...args: string[]): Promise<string[]> {
  const { text } = await outputOn(host, tool, ...args);
  return [...text.matchAll(/"(pulsewire [^"]+)"/g)].map(([, label]) => label!);
}

/** What others have set up with iptables: a server's port is closed by the REJECT, others by the policy. */
const IPTABLES = [
  "-P INPUT DROP",
  "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
  "-A INPUT -m conntrack --ctstate INVALID -j DROP",
  "-A INPUT -s 203.0.113.7 -m comment --comment pulsewire -j DROP",
  "-A INPUT -p tcp --dport 4000 -j DROP",
  "-A INPUT -p tcp --dport 4000 -m comment --comment other -j ACCEPT",
];

const IP6TABLES = ["-A INPUT -p udp -j DROP"];

testUnless(
  noNetwork,
  "with iptables a port is open while its server runs, and a killed server's rule is replaced",
  async () => {
    await using network = await Network.make("IPv4");
    const { client, server: host } = network;
    for (const rule of IPTABLES) await host.run(`iptables -w ${rule}`);
    for (const rule of IP6TABLES) await host.run(`ip6tables -w ${rule}`);
    const before = await rulesOf(host);
    const labels = () => labelsOf(host, "iptables", "-S");
    {
      await using closed = host.start("server", "0.0.0.0 4000");
      await closed.event("listening");
      await reaches(client, host, 4000, false);
      closed.kill("SIGTERM");
      assertEquals(await closed.ended(), 0);
    }
    const killed = host.start("server", "0.0.0.0 4000 --open-firewall");
    await killed.event("listening");
    await reaches(client, host, 4000, true);
    const { text } = await outputOn(host, "iptables", "-S", "INPUT");
    const rule = text.split("\n").find((line) => line.includes('"pulsewire '));
    assertMatch(
      rule!,
      /^-A INPUT -p tcp -m tcp --dport 4000 -m comment --comment "pulsewire 0\.0\.0\.0:4000 pid \d+" -j ACCEPT$/,
    );
    assertStringIncludes(text, `${rule}\n-A INPUT -p tcp -m tcp --dport 4000 -j DROP`);
    killed.kill("SIGKILL");
    await killed.ended();
    assertEquals((await labels()).length, 1);

    await using other = host.start(
      "server",
      `0.0.0.0 4001 --open-firewall --allow ${client.address}`,
    );
    await other.event("listening");
    // The rule of port 4000 is of a process that is gone, and nothing listens there.
    assertMatch((await labels()).join(), /^pulsewire 0\.0\.0\.0:4001 pid \d+$/);
    const rules = (await outputOn(host, "iptables", "-S", "INPUT")).text;
    assertStringIncludes(rules, `-A INPUT -s ${client.address}/32 -p tcp -m tcp --dport 4001 `);
    await using server = host.start("server", ":: 4000 --open-firewall");
    await server.event("listening");
    const [one, two] = await labels();
    assertMatch(
      `${one}, ${two}`,
      /^pulsewire \[::\]:4000 pid \d+, pulsewire 0\.0\.0\.0:4001 pid \d+$/,
    );
    assertEquals(await labelsOf(host, "ip6tables", "-S"), [one]);
    await reaches(client, host, 4000, true);
    await reaches(client, host, 4001, true);
    server.kill("SIGINT");
    assertEquals(await server.ended(), 0);
    await reaches(client, host, 4000, false);
    await reaches(client, host, 4001, true);
    assertEquals(await labels(), [two]);
    other.kill("SIGTERM");
    assertEquals(await other.ended(), 0);
    assertEquals(await rulesOf(host), before);
  },
);

/** What others have set up with nft. */
const NFT = `
table inet filter {
  set blocked { type ipv6_addr; elements = { 2001:db8::7 }; }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    meta l4proto ipv6-icmp accept
    ip6 saddr @blocked drop
    tcp dport { 22, 80-443 } accept
    jump rejecting
    tcp dport 4000 accept comment "pulsewire"
  }
  chain rejecting {
    meta l4proto tcp drop
  }
}
table ip6 other {
  chain input {
    type filter hook input priority filter + 10; policy accept;
    tcp dport 3000-5000 drop
  }
}
`;

/** A folder in which only these programs are found. */
function programs(folder: Folder, ...names: string[]): string {
  for (const name of names) {
    const { stdout } = new Deno.Command("sh", { args: ["-c", `command -v ${name}`] }).outputSync();
    Deno.symlinkSync(new TextDecoder().decode(stdout).trim(), `${folder.path}/${name}`);
  }
  return `PATH=${folder.path}`;
}

testUnless(
  noNetwork,
  "with nft alone a port is open while its server runs, and a killed server's rule is replaced",
  async () => {
    await using network = await Network.make("IPv6");
    using folder = new Folder();
    const { client, server: host } = network;
    Deno.writeTextFileSync(`${folder.path}/rules`, NFT);
    await host.run(`nft -f ${folder.path}/rules`);
    const before = await rulesOf(host);
    const variables = [programs(folder, "cat", "nft", "unshare", "mount", "sh")];
    const labels = () => labelsOf(host, "nft", "list", "ruleset");
    await reaches(client, host, 4000, false);
    const killed = host.start("server", ":: 4000 --open-firewall", { variables });
    await killed.event("listening");
    await reaches(client, host, 4000, true);
    killed.kill("SIGKILL");
    await killed.ended();
    assertEquals((await labels()).length, 2);

    await using other = host.start("server", ":: 4001 --open-firewall", { variables });
    await other.event("listening");
    await using server = host.start("server", `${host.address} 4000 --open-firewall`, {
      variables,
    });
    await server.event("listening");
    const { text } = await outputOn(host, "nft", "list", "chain", "inet", "filter", "input");
    const rule = text.split("\n").find((line) => line.includes(":4000 pid "))!.trim();
    assertMatch(
      rule,
      /^ip6 daddr fd00:7::2 tcp dport 4000 accept comment "pulsewire \[fd00:7::2\]:4000 pid \d+"$/,
    );
    assertEquals((await labels()).filter((each) => each.includes(":4000")).length, 2);
    await reaches(client, host, 4000, true);
    await reaches(client, host, 4001, true);
    server.kill("SIGTERM");
    assertEquals(await server.ended(), 0);
    await reaches(client, host, 4000, false);
    await reaches(client, host, 4001, true);
    other.kill("SIGTERM");
    assertEquals(await other.ended(), 0);
    assertEquals(await rulesOf(host), before);
  },
);

/** Why a server cannot open its port: what it is run by, which programs it finds, and what it says. */
const WITHOUT: readonly { name: string; before: string; tools: string[]; why: string }[] = [
  {
    name: "without the right to",
    before: "setpriv --bounding-set=-net_admin env",
    tools: ["cat", "iptables", "nft"],
    why: "this process is root without CAP_NET_ADMIN, as in a container",
  },
  {
    name: "without a tool",
    before: "env",
    tools: ["cat"],
    why: "there is neither iptables nor nft to run, as in a container",
  },
];

for (const { before, name, tools, why } of WITHOUT) {
  testUnless(
    noNetwork ?? whyNot("setpriv", "--bounding-set=-net_admin", "true"),
    `${name} the port stays closed, and the server says what to type, and serves on`,
    async () => {
      using folder = new Folder();
      await using server = startCommand("server", ["0.0.0.0", "4000", "--open-firewall"], {
        before: ["unshare", "--net", ...before.split(" "), programs(folder, ...tools)],
      });
      await server.stderrText(
        `WARNING || cannot open TCP port 4000 in the firewall: ${why}; the server goes on, and this opens ` +
          "it, as root on its host: iptables -I INPUT -p tcp --dport 4000 -j ACCEPT ||",
      );
      await server.event("listening");
      server.kill("SIGTERM");
      assertEquals(await server.ended(), 0);
    },
  );
}
