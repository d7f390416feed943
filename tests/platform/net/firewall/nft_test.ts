/**
 * Where a rule has to stand among those of nftables, as `nft -j list ruleset` lists them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  nftChains,
  nftCommand,
  nftDelete,
  nftInsert,
  nftObjects,
} from "../../../../lib/platform/net/firewall/nft.ts";
import type { Json } from "../../../../lib/platform/net/firewall/nft_match.ts";
import type { Opening } from "../../../../lib/platform/net/firewall/opening.ts";

const IP: Opening = { family: "ip", port: 4000 };
const IP6: Opening = { family: "ip6", port: 4000 };
const LABEL = "pulsewire 0.0.0.0:4000 pid 77";

const match = (left: Json, right: Json, op = "==") => ({ match: { op, left, right } });
const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
const meta = (key: string) => ({ meta: { key } });
const prefix = (addr: string, len: number) => ({ prefix: { addr, len } });
const state = { ct: { key: "state" } };
const drop = { drop: null };
const accept = { accept: null };

/** A table, as nft 1.0.6 lists it; the handles of its rules are 10, 11, … */
function table(family: string, policy: string, rules: unknown[][], others: unknown[] = []) {
  const where = { family, table: "filter" };
  const base = { type: "filter", hook: "input", prio: 0, policy };
  return JSON.stringify({
    nftables: [
      { metainfo: { version: "1.0.6", release_name: "Lester Gooch #5", json_schema_version: 1 } },
      { table: { family, name: "filter", handle: 1 } },
      { chain: { ...where, name: "input", handle: 1, ...base } },
      ...rules.map((expr, n) => ({ rule: { ...where, chain: "input", handle: 10 + n, expr } })),
      ...others,
    ],
  });
}

/** Where a rule for connections goes: before which rule, and whether it is needed. */
function placed(text: string, opening = IP): [at: number, isCaught: boolean] {
  const [{ at, isCaught }] = nftChains(nftObjects(text)!, opening) as [
    ReturnType<typeof nftChains>[0],
  ];
  return [at, isCaught];
}

const ONE_RULE: readonly [name: string, expr: unknown[], isCaught: boolean][] = [
  ["drop", [drop], true],
  ["counter log reject", [{ counter: { packets: 0, bytes: 0 } }, { log: { prefix: "x" } }, {
    reject: { type: "icmpx", expr: "admin-prohibited" },
  }], true],
  ["xt REJECT", [{ xt: { type: "match", name: "comment" } }, {
    xt: { type: "target", name: "REJECT" },
  }], true],
  ["xt match", [{ xt: { type: "match", name: "conntrack" } }, drop], false],
  ["ip protocol icmp", [match(payload("ip", "protocol"), "icmp"), drop], false],
  ["l4proto set", [match(meta("l4proto"), { set: ["icmp", "tcp"] }), drop], true],
  ["nfproto ipv6", [match(meta("nfproto"), "ipv6"), drop], false],
  ["ip6 saddr", [match(payload("ip6", "saddr"), "::1", "!="), drop], false],
  ["tcp dport", [match(payload("tcp", "dport"), 4000), drop], true],
  [
    "tcp dport set",
    [match(payload("tcp", "dport"), { set: [22, { range: [80, 443] }] }), drop],
    false,
  ],
  ["tcp dport range", [match(payload("tcp", "dport"), { range: [1024, 65535] }), drop], true],
  ["tcp dport not", [match(payload("tcp", "dport"), { set: [22, 443] }, "!="), drop], true],
  ["tcp dport of a named set", [match(payload("tcp", "dport"), "@ports"), drop], false],
  ["tcp dport above", [match(payload("tcp", "dport"), 1024, ">="), drop], false],
  ["udp dport", [match(payload("udp", "dport"), 4000), drop], false],
  ["ip saddr of a named set", [match(payload("ip", "saddr"), "@blocked"), drop], false],
  ["ip saddr", [match(payload("ip", "saddr"), prefix("10.0.0.0", 8)), drop], false],
  ["ip daddr", [match(payload("ip", "daddr"), "192.0.2.1"), drop], true],
  ["ip daddr 127", [match(payload("ip", "daddr"), prefix("127.0.0.0", 8)), drop], false],
  ["iifname", [match(meta("iifname"), { set: ["eth0", "eth1"] }), drop], true],
  ["iifname lo", [match(meta("iifname"), "lo"), drop], false],
  ["iifname not lo", [match(meta("iifname"), "lo", "!="), drop], true],
  ["ct state invalid", [match(state, "invalid", "in"), drop], false],
  ["ct state new", [match(state, ["new", "untracked"], "in"), drop], true],
  ["ct state not", [match(state, ["established", "related"], "!="), drop], true],
  ["limit", [{ limit: { rate: 3, burst: 5, per: "minute" } }, drop], false],
  ["fib not local", [
    match({ fib: { result: "type", flags: ["daddr"] } }, "local", "!="),
    drop,
  ], false],
  ["pkttype", [match(meta("pkttype"), "multicast"), drop], false],
  ["flags", [
    match({ "&": [payload("tcp", "flags"), ["fin", "syn", "rst", "ack"]] }, "syn"),
    drop,
  ], true],
  ["flags as newer versions list them", [
    match(
      { "&": [payload("tcp", "flags"), { "|": ["fin", { "|": ["syn", "ack"] }] }] },
      "syn",
      "!=",
    ),
    drop,
  ], false],
  ["vmap", [{
    vmap: { key: state, data: { set: [["established", accept], ["invalid", drop]] } },
  }], false],
  ["vmap of ports", [{
    vmap: { key: payload("tcp", "dport"), data: { set: [[22, accept], [4000, drop]] } },
  }], true],
  ["something new", [{ osf: {} }, drop], false],
];

for (const [name, expr, isCaught] of ONE_RULE) {
  Deno.test(`a rule of nft ${isCaught ? "catches" : "does not catch"} the port: ${name}`, () => {
    assertEquals(placed(table("inet", "accept", [expr])), isCaught ? [0, true] : [1, false]);
    assertEquals(placed(table("inet", "drop", [expr])), [isCaught ? 0 : 1, true]);
  });
}

Deno.test("chains of nft are followed, within their table", () => {
  const sub = (family: string, expr: unknown[]) => [
    { chain: { family, table: "filter", name: "sub", handle: 2 } },
    { rule: { family, table: "filter", chain: "sub", handle: 30, expr } },
  ];
  const rules = [[match(meta("iifname"), "lo"), accept], [{ jump: { target: "sub" } }]];
  assertEquals(placed(table("inet", "accept", rules, sub("inet", [drop]))), [1, true]);
  assertEquals(placed(table("inet", "accept", rules, sub("ip", [drop]))), [2, false]);
  assertEquals(placed(table("inet", "drop", rules, sub("inet", [{ return: null }]))), [2, true]);
  const zones = [[{ goto: { target: "sub" } }], [drop]];
  assertEquals(placed(table("inet", "accept", zones, sub("inet", [accept]))), [0, false]);
});

Deno.test("nftChains() takes the chains that filter what is for this host, of the family", () => {
  const chain = (family: string, name: string, fields: object) => ({
    chain: { family, table: "t", name, handle: 1, ...fields },
  });
  const text = JSON.stringify({
    nftables: [
      chain("ip", "four", { type: "filter", hook: "input", prio: 0, policy: "drop" }),
      chain("ip6", "six", { type: "filter", hook: "input", prio: 0, policy: "drop" }),
      chain("inet", "both", { type: "filter", hook: "input", prio: 10, policy: "accept" }),
      chain("ip", "nat", { type: "nat", hook: "input", prio: 100, policy: "accept" }),
      chain("ip", "forward", { type: "filter", hook: "forward", prio: 0, policy: "drop" }),
      chain("netdev", "early", { type: "filter", hook: "ingress", prio: 0, policy: "drop" }),
    ],
  });
  const named = (opening: Opening) =>
    nftChains(nftObjects(text)!, opening).map(({ chain }) => chain);
  assertEquals(named(IP), ["four", "both"]);
  assertEquals(named(IP6), ["six", "both"]);
  assertEquals(nftObjects("table ip filter {"), undefined);
  assertEquals(nftChains(nftObjects("{}")!, IP), []);
});

Deno.test("nftInsert() inserts before a rule by its handle, or adds at the end", () => {
  const text = table("inet", "drop", [[match(payload("tcp", "dport"), 22), accept], [drop]]);
  const [chain] = nftChains(nftObjects(text)!, IP);
  const where = { family: "inet", table: "filter", chain: "input", comment: LABEL };
  const expr = [
    match(meta("nfproto"), "ipv4"),
    match(payload("tcp", "dport"), 4000),
    accept,
  ];
  assertEquals(nftInsert(chain!, 1, [IP], LABEL), {
    insert: { rule: { ...where, expr, handle: 11 } },
  });
  assertEquals(nftInsert(chain!, 2, [IP], LABEL), { add: { rule: { ...where, expr } } });
  assertEquals(nftInsert(chain!, 2, [IP, IP6], LABEL), {
    add: { rule: { ...where, expr: expr.slice(1) } },
  });
});

Deno.test("nftInsert() limits the rule to an address and to sources", () => {
  const [chain] = nftChains(nftObjects(table("ip", "drop", []))!, IP);
  const expressionsOf = (opening: Opening) => {
    const { add } = nftInsert(chain!, 0, [opening], LABEL) as { add: { rule: { expr: unknown } } };
    return add.rule.expr;
  };
  const dport = match(payload("tcp", "dport"), 4000);
  assertEquals(expressionsOf(IP), [dport, accept]);
  assertEquals(expressionsOf({ ...IP, address: "192.0.2.1", sources: ["10.0.0.0/8"] }), [
    match(payload("ip", "saddr"), prefix("10.0.0.0", 8)),
    match(payload("ip", "daddr"), "192.0.2.1"),
    dport,
    accept,
  ]);
  assertEquals(expressionsOf({ ...IP, sources: ["10.0.0.0/8", "192.0.2.7"] }), [
    match(payload("ip", "saddr"), { set: [prefix("10.0.0.0", 8), "192.0.2.7"] }),
    dport,
    accept,
  ]);
});

Deno.test("nftDelete() names a rule by its handle", () => {
  const [chain] = nftChains(nftObjects(table("ip", "drop", [[drop]]))!, IP);
  assertEquals(nftDelete(chain!.rules[0]!), {
    delete: { rule: { family: "ip", table: "filter", chain: "input", handle: 10 } },
  });
});

Deno.test("nftCommand() is what people type", () => {
  assertEquals(nftCommand(IP), "nft insert rule inet filter input tcp dport 4000 accept");
  const [chain] = nftChains(
    nftObjects(table("ip", "drop", [[match(meta("iifname"), "lo"), accept], [drop]]))!,
    IP,
  );
  assertEquals(
    nftCommand({ ...IP, address: "192.0.2.1", sources: ["10.0.0.0/8", "10.1.2.3"] }, chain),
    "nft insert rule ip filter input handle 11 ip saddr { 10.0.0.0/8, 10.1.2.3 } ip daddr 192.0.2.1 " +
      "tcp dport 4000 accept",
  );
  assertEquals(
    nftCommand(IP, nftChains(nftObjects(table("ip", "drop", []))!, IP)[0]),
    "nft add rule ip filter input tcp dport 4000 accept",
  );
});
