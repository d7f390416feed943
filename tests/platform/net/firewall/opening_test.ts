/**
 * The connections that are to get in to an address, and what conditions on them hold.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  contains,
  fromSource,
  hasFlags,
  isPrefix,
  onInterface,
  type Opening,
  openingsOf,
  toAddress,
} from "../../../../lib/platform/net/firewall/opening.ts";

const ANY: Opening = { family: "ip", port: 4000 };
const ONE: Opening = { ...ANY, address: "192.0.2.1" };

Deno.test("openingsOf() takes the families and the address that a server listens on", () => {
  const of = (host: string) => openingsOf({ host, port: 4000 });
  assertEquals(of("0.0.0.0"), [{ family: "ip", port: 4000 }]);
  assertEquals(of("::"), [{ family: "ip", port: 4000 }, { family: "ip6", port: 4000 }]);
  assertEquals(of("192.0.2.1"), [{ family: "ip", port: 4000, address: "192.0.2.1" }]);
  assertEquals(of("::ffff:192.0.2.1"), of("192.0.2.1"));
  assertEquals(of("fe80::1%eth0"), [{ family: "ip6", port: 4000, address: "fe80::1" }]);
});

Deno.test("openingsOf() limits each family to the sources that may connect, each once", () => {
  const allow = [
    "10.0.0.0/8",
    "10.1.2.3",
    "2001:db8::/32",
    "::ffff:10.0.0.0/104",
    "::ffff:c000:207",
  ];
  assertEquals(openingsOf({ host: "::", port: 4000, allow }), [
    { family: "ip", port: 4000, sources: ["10.0.0.0/8", "192.0.2.7"] },
    { family: "ip6", port: 4000, sources: ["2001:db8::/32"] },
  ]);
  assertEquals(openingsOf({ host: "::", port: 4000, allow: [] }).length, 2);
});

Deno.test("openingsOf() opens no family in which nobody may connect", () => {
  assertEquals(openingsOf({ host: "::", port: 4000, allow: ["::1"] }).map((each) => each.family), [
    "ip6",
  ]);
  assertEquals(openingsOf({ host: "::", port: 4000, allow: ["; reboot"] }), []);
});

Deno.test("isPrefix() takes addresses and blocks of both families, and nothing else", () => {
  for (const text of ["1.2.3.4", "10.0.0.0/8", "0.0.0.0/0", "::", "fd00::1/64", "::ffff:1.2.3.4"]) {
    assertEquals(isPrefix(text), true, text);
  }
  const others = [
    "",
    "1.2.3",
    "1.2.3.256",
    "1.2.3.4/33",
    "1.2.3.4/",
    "1.2.3.4/255.0.0.0",
    "::/129",
  ];
  for (const text of [...others, "a b", "fe80::1%eth0", "1.2.3.4.5", "-j", ":::", "1::2::3"]) {
    assertEquals(isPrefix(text), false, text);
  }
});

Deno.test("contains() compares blocks of one family", () => {
  assertEquals(contains("10.0.0.0/8", "10.255.0.0/16"), true);
  assertEquals(contains("10.0.0.0/8", "10.0.0.0/7"), false);
  assertEquals(contains("10.0.0.0/8", "11.0.0.1"), false);
  assertEquals(contains("0.0.0.0/0", "192.0.2.1"), true);
  assertEquals(contains("0.0.0.0/0", "::1"), false);
  assertEquals(contains("2001:db8::/32", "2001:db8:1::1"), true);
  assertEquals(contains("2001:db8::/32", "2001:db9::1"), false);
});

Deno.test("fromSource() is all only if every connection comes from the block", () => {
  assertEquals(fromSource(ANY, "10.0.0.0/8"), "some");
  assertEquals(fromSource(ANY, "0.0.0.0/0"), "all");
  const limited = { ...ANY, sources: ["10.0.0.0/8"] };
  assertEquals(fromSource(limited, "10.0.0.0/7"), "all");
  assertEquals(fromSource(limited, "10.1.0.0/16"), "some");
  assertEquals(fromSource(limited, "192.0.2.1"), "none");
  assertEquals(fromSource(limited, "10.0.0.0/255.0.0.255"), "some");
});

Deno.test("toAddress() knows the address that the server listens on, and what none is for", () => {
  assertEquals(toAddress(ONE, "192.0.2.0/24"), "all");
  assertEquals(toAddress(ONE, "192.0.2.2"), "none");
  assertEquals(toAddress(ANY, "192.0.2.2"), "somewhere");
  assertEquals(toAddress(ANY, "0.0.0.0/0"), "all");
  for (const block of ["127.0.0.0/8", "224.0.0.0/4", "255.255.255.255", "224.0.0.251"]) {
    assertEquals(toAddress(ANY, block), "none", block);
  }
});

Deno.test("onInterface() has connections on lo only for an address of loopback", () => {
  assertEquals(onInterface(ANY, "lo"), "none");
  assertEquals(onInterface({ ...ANY, address: "127.0.0.1" }, "lo"), "all");
  assertEquals(onInterface(ANY, "eth0"), "somewhere");
  assertEquals(onInterface(ANY, "+"), "all");
});

Deno.test("hasFlags() holds for the packet that opens a connection", () => {
  assertEquals(hasFlags(["FIN", "SYN", "RST", "ACK"], ["SYN"]), "all");
  assertEquals(hasFlags(["FIN", "SYN"], ["FIN", "SYN"]), "none");
  assertEquals(hasFlags(["ACK"], ["ACK"]), "none");
  assertEquals(hasFlags(["FIN"], ["NONE"]), "all");
});
