/**
 * Where a rule has to stand among those of iptables, as `iptables -S` lists them.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  deleteArguments,
  INPUT,
  insertArguments,
  iptablesChains,
  iptablesCommand,
} from "../../../../lib/platform/net/firewall/iptables.ts";
import type { Opening } from "../../../../lib/platform/net/firewall/opening.ts";
import { placeIn } from "../../../../lib/platform/net/firewall/ruleset.ts";

const ANY: Opening = { family: "ip", port: 4000 };

/** Where a rule for connections goes: before which rule of INPUT, as listed, and whether it is needed. */
function placed(rules: string, opening = ANY): [before: string, isCaught: boolean] {
  const chains = iptablesChains(rules.trim().replace(/^ +/gm, ""), opening);
  const { at, isCaught } = placeIn(chains, INPUT);
  return [chains.get(INPUT)!.rules[at]?.words.join(" ") ?? "the end", isCaught];
}

/** As iptables 1.8.9 lists them. */
const TYPICAL = `
  -P INPUT DROP
  -P FORWARD ACCEPT
  -P OUTPUT ACCEPT
  -N F2B
  -A INPUT -i lo -j ACCEPT
  -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
  -A INPUT -m conntrack --ctstate INVALID -j DROP
  -A INPUT -p tcp -m multiport --dports 22,80:443 -j F2B
  -A INPUT -d 127.0.0.0/8 ! -i lo -j REJECT --reject-with icmp-port-unreachable
  -A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m connlimit --connlimit-above 20 --connlimit-mask 32 --connlimit-saddr -j DROP
  -A INPUT -m addrtype --dst-type BROADCAST -j DROP
  -A INPUT -p tcp -m tcp --dport 1:10 -m limit --limit 3/min -j LOG --log-prefix "drop: "
  -A INPUT -s 203.0.113.7/32 -j DROP
  -A INPUT -p tcp -m tcp ! --dport 22 -m comment --comment "it\\'s a \\"test\\" -j ACCEPT" -j REJECT --reject-with tcp-reset
  -A INPUT -j DROP
  -A F2B -s 203.0.113.7/32 -j REJECT --reject-with icmp-port-unreachable
  -A F2B -j RETURN`;

Deno.test("the place is before the first rule that drops or rejects all connections to the port", () => {
  const [before, isCaught] = placed(TYPICAL);
  assertEquals(
    before,
    `-p tcp -m tcp ! --dport 22 -m comment --comment it's a "test" -j ACCEPT -j REJECT --reject-with tcp-reset`,
  );
  assertEquals(isCaught, true);
  assertEquals(placed(TYPICAL, { ...ANY, port: 22 }), ["-j DROP", true]);
});

const ONE_RULE: readonly [rule: string, isCaught: boolean][] = [
  ["-j DROP", true],
  ["-p tcp -j REJECT --reject-with tcp-reset", true],
  ["-p udp -j DROP", false],
  ["! -p tcp -j DROP", false],
  ["! -p udp -j DROP", true],
  ["-p tcp -m tcp --dport 4000 -j DROP", true],
  ["-p tcp -m tcp --dport 4000:5000 -j DROP", true],
  ["-p tcp -m tcp --dport 1:3999 -j DROP", false],
  ["-p tcp -m multiport --dports 22,3999:4001 -j DROP", true],
  ["-p tcp -m multiport ! --dports 22,4000 -j DROP", false],
  ["-p tcp -m tcp --sport 4000 -j DROP", false],
  ["-i eth0 -j DROP", true],
  ["! -i lo -j DROP", true],
  ["-i lo -j DROP", false],
  ["-d 192.0.2.1/32 -j DROP", true],
  ["! -d 192.0.2.1/32 -j DROP", true],
  ["-d 224.0.0.0/4 -j DROP", false],
  ["-s 10.0.0.0/8 -j DROP", false],
  ["! -s 10.0.0.0/8 -j DROP", false],
  ["-m conntrack --ctstate NEW -j DROP", true],
  ["-m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP", true],
  ["-m state --state INVALID -j DROP", false],
  ["-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP", true],
  ["-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP", false],
  ["-m addrtype --dst-type LOCAL -j DROP", true],
  ["-m addrtype ! --dst-type LOCAL -j DROP", false],
  ["-m recent --update --seconds 60 --name DEFAULT --rsource -j DROP", false],
  ["-m geoip ! --source-country DE -j DROP", false],
  ["-m socket -j DROP", false],
  ["-j LOG --log-prefix DROP", false],
  ["-p tcp -m tcp --dport 4000 -j ACCEPT", false],
  ['-m comment --comment "-j DROP"', false],
];

for (const [rule, isCaught] of ONE_RULE) {
  Deno.test(`a rule ${rule} ${isCaught ? "catches" : "does not catch"} the port`, () => {
    assertEquals(placed(`-P INPUT ACCEPT\n-A INPUT ${rule}`)[1], isCaught);
    // What a policy catches is not accepted before, except by the last rule but one of the table.
    const isAccepted = rule === "-p tcp -m tcp --dport 4000 -j ACCEPT";
    assertEquals(placed(`-P INPUT DROP\n-A INPUT ${rule}`)[1], !isAccepted);
  });
}

Deno.test("the place is the end if only the policy drops, or nothing does", () => {
  const rules = "-A INPUT -i lo -j ACCEPT\n-A INPUT -s 10.0.0.1/32 -j DROP";
  assertEquals(placed(`-P INPUT DROP\n${rules}`), ["the end", true]);
  assertEquals(placed(`-P INPUT ACCEPT\n${rules}`), ["the end", false]);
});

Deno.test("of connections from some sources, a rule that drops all of these catches", () => {
  const rules = "-P INPUT ACCEPT\n-A INPUT -s 10.1.0.0/16 -j DROP\n-A INPUT -s 10.0.0.0/8 -j DROP";
  const from = (...sources: string[]) => placed(rules, { ...ANY, sources });
  assertEquals(from("10.1.2.3"), ["-s 10.1.0.0/16 -j DROP", true]);
  assertEquals(from("10.0.0.0/9"), ["-s 10.0.0.0/8 -j DROP", true]);
  assertEquals(from("192.0.2.1"), ["the end", false]);
  assertEquals(from("192.0.2.1", "10.1.2.3"), ["the end", false]);
});

/** As ufw 0.36 sets them up, shortened. */
const UFW = `
  -P INPUT DROP
  -N ufw-before-input
  -N ufw-after-input
  -N ufw-not-local
  -N ufw-user-input
  -N ufw-skip-to-policy-input
  -N ufw-reject-input
  -A INPUT -j ufw-before-input
  -A INPUT -j ufw-after-input
  -A INPUT -j ufw-reject-input
  -A ufw-after-input -p udp -m udp --dport 137 -j ufw-skip-to-policy-input
  -A ufw-after-input -m addrtype --dst-type BROADCAST -j ufw-skip-to-policy-input
  -A ufw-before-input -i lo -j ACCEPT
  -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
  -A ufw-before-input -m conntrack --ctstate INVALID -j DROP
  -A ufw-before-input -j ufw-not-local
  -A ufw-before-input -d 239.255.255.250/32 -p udp -m udp --dport 1900 -j ACCEPT
  -A ufw-before-input -j ufw-user-input
  -A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
  -A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
  -A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j LOG
  -A ufw-not-local -j DROP
  -A ufw-skip-to-policy-input -j DROP
  -A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT`;

Deno.test("chains are followed: what returns from one goes on, what one drops is caught at the jump", () => {
  assertEquals(placed(UFW), ["the end", true]);
  const rejecting = `${UFW}\n-A ufw-reject-input -j REJECT --reject-with icmp-port-unreachable`;
  assertEquals(placed(rejecting), ["-j ufw-reject-input", true]);
  assertEquals(placed(`${UFW}\n-A ufw-user-input -p tcp -m tcp --dport 4000 -j ACCEPT`), [
    "-j ufw-before-input",
    false,
  ]);
  const limited = `${UFW}\n-A ufw-user-input -s 10.0.0.0/8 -p tcp -m tcp --dport 4000 -j ACCEPT`;
  assertEquals(placed(limited), ["the end", true]);
});

Deno.test("a goto does not come back, and chains that name each other end", () => {
  const start = "-P INPUT ACCEPT\n-N A\n-N B\n";
  assertEquals(placed(`${start}-A INPUT -g A\n-A INPUT -j DROP`), ["-g A", false]);
  assertEquals(placed(`${start}-A INPUT -j A\n-A A -j B\n-A B -j A\n-A B -j DROP`), ["-j A", true]);
});

Deno.test("what an interface accepts is not accepted on every other one", () => {
  const rules =
    "-P INPUT ACCEPT\n-N LAN\n-A INPUT -i eth0 -j LAN\n-A INPUT -j DROP\n-A LAN -j ACCEPT";
  assertEquals(placed(rules), ["-j DROP", true]);
});

Deno.test("insertArguments() has address, sources and comment as words of their own", () => {
  const opening: Opening = { ...ANY, address: "192.0.2.1", sources: ["10.0.0.0/8", "192.0.2.7"] };
  assertEquals(
    insertArguments(opening, 2, "pulsewire 192.0.2.1:4000 pid 7"),
    [
      ..."-I INPUT 3 -p tcp -s 10.0.0.0/8,192.0.2.7 -d 192.0.2.1 --dport 4000 -m comment --comment"
        .split(" "),
      "pulsewire 192.0.2.1:4000 pid 7",
      "-j",
      "ACCEPT",
    ],
  );
});

Deno.test("deleteArguments() names the rule by all that it says", () => {
  const text =
    '-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 4000 -m comment --comment "a b" -j ACCEPT';
  const [rule] = iptablesChains(text).get(INPUT)!.rules;
  assertEquals(rule!.comment, "a b");
  const words = "-D INPUT -p tcp -m tcp --dport 4000 -m comment --comment";
  assertEquals(deleteArguments(rule!), [...words.split(" "), "a b", "-j", "ACCEPT"]);
});

Deno.test("iptablesCommand() is what people type", () => {
  assertEquals(iptablesCommand(ANY), "iptables -I INPUT -p tcp --dport 4000 -j ACCEPT");
  assertEquals(
    iptablesCommand({ family: "ip6", port: 1, address: "fd00::1" }, 4),
    "ip6tables -I INPUT 5 -p tcp -d fd00::1 --dport 1 -j ACCEPT",
  );
});
