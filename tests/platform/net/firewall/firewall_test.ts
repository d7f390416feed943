/**
 * The rule of a server in the firewall of a host in memory: what is left of it, and of the rules of others.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { FirewallRule } from "../../../../lib/platform/net/firewall/firewall.ts";
import { MemoryFirewallHost } from "../../../support/firewall_host.ts";

const DROP = "-p tcp -j DROP";
const LISTENING =
  "   0: 00000000:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1\n";

/** The rule of a server on port 4000, or another one, as it is listed. */
function ruleOf({ port = 4000, host = "0.0.0.0", pid = 77, conditions = "" } = {}): string {
  const label = `"pulsewire ${host}:${port} pid ${pid}"`;
  return `-p tcp${conditions} --dport ${port} -m comment --comment ${label} -j ACCEPT`;
}

/** A host with iptables and rules of others, and the rule of a server there. */
function stage(rules: string[], { host = "0.0.0.0", allow = [] as string[] } = {}) {
  const firewall = new MemoryFirewallHost();
  firewall.rules.iptables = rules;
  firewall.rules.ip6tables = [];
  return { firewall, rules, rule: new FirewallRule({ host, port: 4000, allow }, firewall) };
}

Deno.test("FirewallRule stands before what drops the connections while it is open", async () => {
  const { rule, rules } = stage(["-i lo -j ACCEPT", DROP]);
  assertEquals(await rule.open(), {
    isOpen: true,
    text: "TCP port 4000 is open in the firewall (iptables) while this server runs, by the rule " +
      '"pulsewire 0.0.0.0:4000 pid 77"',
  });
  assertEquals(rules, ["-i lo -j ACCEPT", ruleOf(), DROP]);
  assertEquals(await rule.close(), undefined);
  assertEquals(rules, ["-i lo -j ACCEPT", DROP]);
});

Deno.test("FirewallRule lists the rules once before it changes them, and once after", async () => {
  const killed = ruleOf({ pid: 5 });
  for (const [left, expected] of [[[], "-S -I -S"], [[killed], "-S -D -S -I -S"]] as const) {
    const { firewall, rule, rules } = stage([...left, DROP]);
    const run: string[] = [];
    firewall.before = (tool, args) => {
      if (tool === "iptables") run.push(args[2]!);
    };
    await rule.open();
    assertEquals(run.join(" "), expected);
    assertEquals(rules, [ruleOf(), DROP]);
  }
});

Deno.test("FirewallRule takes both families for ::, and only the address that is listened on", async () => {
  const { firewall, rule, rules } = stage([DROP], { host: "::" });
  await rule.open();
  assertEquals(rules, [ruleOf({ host: "[::]" }), DROP]);
  assertEquals(firewall.rules.ip6tables, [ruleOf({ host: "[::]" })]);
  const one = stage([DROP], { host: "192.0.2.1" });
  await one.rule.open();
  assertEquals(one.rules, [ruleOf({ host: "192.0.2.1", conditions: " -d 192.0.2.1" }), DROP]);
  assertEquals(one.firewall.rules.ip6tables, []);
});

Deno.test("FirewallRule is for the addresses only that may connect", async () => {
  const { rule, rules } = stage([DROP], { allow: ["10.0.0.0/8", "2001:db8::1"] });
  await rule.open();
  assertEquals(rules, [ruleOf({ conditions: " -s 10.0.0.0/8" }), DROP]);
  const many = stage([DROP], { allow: Array.from({ length: 65 }, (_, n) => `10.0.0.${n}`) });
  const { isOpen, text } = await many.rule.open();
  assertEquals(isOpen, true);
  assertStringIncludes(
    text,
    "for every address: allow has more than 64, and the server refuses the others",
  );
  assertEquals(many.rules, [ruleOf(), DROP]);
});

Deno.test("FirewallRule replaces what a killed server has left for its port, and touches no other", async () => {
  const others = [
    "-s 10.0.0.9 -j DROP",
    '-p tcp --dport 4000 -m comment --comment "pulsewire" -j ACCEPT',
    '-p tcp --dport 4000 -m comment --comment "not pulsewire 0.0.0.0:4000 pid 5" -j ACCEPT',
    ruleOf({ host: "192.0.2.2", port: 4001, pid: 6 }),
    DROP,
  ];
  const { firewall, rule, rules } = stage([ruleOf({ pid: 5 }), ...others, ruleOf({ pid: 77 })]);
  firewall.files["/proc/net/tcp"] = LISTENING.replace("0FA0", "0FA1");
  await rule.open();
  // They let nobody in but for the addresses that they name, or are behind what drops.
  assertEquals(rules.filter((each) => each === ruleOf()), [ruleOf()]);
  assertEquals(rules.filter((each) => each !== ruleOf()), others);
  await rule.close();
  assertEquals(rules, others);
});

const LEFT: readonly [what: string, left: Parameters<typeof ruleOf>[0], isLeftOver: boolean][] = [
  ["the same port of every address", { pid: 5, host: "[::]" }, true],
  ["the same port of one address", { pid: 5, host: "192.0.2.1" }, true],
  ["the same port of an IPv6 address", { pid: 5, host: "[2001:db8::1]" }, false],
  ["another port where a server listens", { pid: 5, port: 4001 }, false],
  ["another port of a process that is there", { pid: 6, port: 4002 }, false],
  ["another port where nothing listens, of no process", { pid: 5, port: 4002 }, true],
];

for (const [what, left, isLeftOver] of LEFT) {
  Deno.test(`a rule is ${isLeftOver ? "" : "not "}taken as left behind: ${what}`, async () => {
    const { firewall, rule, rules } = stage([ruleOf(left), DROP]);
    const port = left?.host === "[2001:db8::1]" ? "0FA0" : "0FA1";
    firewall.files["/proc/net/tcp"] = LISTENING.replace("0FA0", port);
    firewall.files["/proc/6/stat"] = "6 (pulsewire-serve) S";
    await rule.open();
    assertEquals(rules.includes(ruleOf(left)), !isLeftOver);
  });
}

Deno.test("FirewallRule leaves other ports alone where it cannot see who listens", async () => {
  const { rule, rules } = stage([ruleOf({ pid: 5, port: 4002 }), DROP]);
  await rule.open();
  assertEquals(rules, [ruleOf({ pid: 5, port: 4002 }), ruleOf(), DROP]);
});

Deno.test("FirewallRule is inserted again if others change their rules meanwhile, and given up", async () => {
  for (const times of [1, 3]) {
    const { firewall, rule, rules } = stage(["-i lo -j ACCEPT", DROP]);
    let left = times;
    firewall.before = (_, args) => {
      if (args.includes("-I") && left-- > 0) rules.unshift("-p tcp --dport 4000 -j DROP");
      // Only what goes in behind a rule can come to stand behind another one.
      if (args.includes("-D")) rules.unshift("-i lo -j ACCEPT");
    };
    const { isOpen, text } = await rule.open();
    assertEquals(isOpen, times === 1);
    assertEquals(rules.filter((each) => each === ruleOf()).length, times === 1 ? 1 : 0);
    assertEquals(rules.indexOf(ruleOf()), times === 1 ? 1 : -1);
    if (times > 1) {
      assertEquals(text.slice(43, 95), "iptables: another program keeps changing the rules; ");
    }
  }
});

Deno.test("FirewallRule.close() tries again what a signal has ended, and says what is left", async () => {
  for (const times of [1, 9]) {
    const { firewall, rule, rules } = stage([DROP]);
    await rule.open();
    let left = times;
    firewall.before = (_, args) => {
      if (args.includes("-D") && left-- > 0) return { isDone: false, text: "iptables failed" };
    };
    const problem = await rule.close();
    assertEquals(rules.length, times === 1 ? 1 : 2);
    assertEquals(
      problem,
      times === 1 ? undefined : 'cannot remove the rule "pulsewire 0.0.0.0:4000 pid 77" from the ' +
        "firewall: iptables failed; the next server on this port removes it",
    );
  }
});

Deno.test("FirewallRule changes nothing without the right to, and says which command does", async () => {
  const { firewall, rule, rules } = stage([DROP], { host: "::" });
  firewall.user = "nobody";
  const { isOpen, text } = await rule.open();
  assertEquals([isOpen, text], [
    false,
    "cannot open TCP port 4000 in the firewall: that takes root (CAP_NET_ADMIN); the server goes on, and " +
    "this opens it, as root: iptables -I INPUT -p tcp --dport 4000 -j ACCEPT && ip6tables -I INPUT -p tcp " +
    "--dport 4000 -j ACCEPT",
  ]);
  firewall.files["/etc/ufw/ufw.conf"] = "# ufw\nENABLED=yes\nLOGLEVEL=low\n";
  assertEquals((await rule.open()).text.slice(-31), "it, as root: ufw allow 4000/tcp");
  await rule.close();
  assertEquals([rules, firewall.changes], [[DROP], []]);
});

Deno.test("FirewallRule leaves a firewall without rules as it is", async () => {
  const { firewall, rule } = stage([]);
  firewall.policy = "ACCEPT";
  assertEquals(await rule.open(), {
    isOpen: true,
    text: "this host's firewall has no rules for TCP port 4000: there is nothing to open",
  });
  assertEquals(await rule.close(), undefined);
  assertEquals(firewall.changes, []);
});

/** A table of nftables that drops all, and which iptables does not show. */
function nftTable(table: string, chain: string, rules: unknown[] = []): string {
  const base = { type: "filter", hook: "input", prio: 0, policy: "drop" };
  const family = table === "filter" && chain === "INPUT" ? "ip" : "inet";
  return JSON.stringify({
    nftables: [{ chain: { family, table, name: chain, handle: 1, ...base } }, ...rules],
  });
}

Deno.test("FirewallRule is in the tables of nft that drop, though iptables is there", async () => {
  const { firewall, rule, rules } = stage([]);
  firewall.policy = "ACCEPT";
  firewall.nft = nftTable("firewalld", "filter_INPUT");
  const { text } = await rule.open();
  assertEquals(
    text.slice(0, 71),
    "TCP port 4000 is open in the firewall (nft inet firewalld filter_INPUT)",
  );
  assertEquals([rules, firewall.changes.length], [[], 1]);
  firewall.nft = nftTable("firewalld", "filter_INPUT", [{
    rule: {
      family: "inet",
      table: "firewalld",
      chain: "filter_INPUT",
      handle: 9,
      comment: "pulsewire 0.0.0.0:4000 pid 77",
      expr: [{ accept: null }],
    },
  }]);
  await rule.close();
  assertEquals(JSON.parse(firewall.changes[1]!).nftables, [{
    delete: { rule: { family: "inet", table: "firewalld", chain: "filter_INPUT", handle: 9 } },
  }]);
});

Deno.test("FirewallRule is not twice in a table that iptables and nft both show", async () => {
  const { firewall, rule } = stage([DROP]);
  firewall.nft = nftTable("filter", "INPUT");
  await rule.open();
  assertEquals(firewall.changes.length, 1);
});

Deno.test("nft stands in for an iptables that does not work", async () => {
  const { firewall, rule } = stage([DROP]);
  firewall.nft = nftTable("filter", "INPUT");
  firewall.before = (tool) => {
    if (tool === "iptables") return { isDone: false, text: "no table" };
  };
  assertEquals((await rule.open()).isOpen, true);
  assertEquals(firewall.changes.length, 1);
  firewall.nft = "not JSON";
  assertEquals(
    (await rule.open()).text.slice(0, 51),
    "cannot open TCP port 4000 in the firewall: no table",
  );
});
