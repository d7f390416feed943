import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../lib/platform/errors.ts";
import { digitsOf } from "../../../lib/platform/net/address.ts";
import { AddressList, parseBlock } from "../../../lib/server/access/address_list.ts";

/** A list, and what is in it and just beside it. */
const LISTS: readonly [entries: string[], inside: string[], outside: string[]][] = [
  [[], [], ["192.0.2.1", "::1"]],
  [["192.0.2.1"], ["192.0.2.1", "::ffff:192.0.2.1"], ["192.0.2.0", "192.0.2.2", "::c000:201"]],
  [["192.0.2.0/24"], ["192.0.2.0", "192.0.2.255"], ["192.0.1.255", "192.0.3.0"]],
  [["0.0.0.0/0"], ["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"], ["::1", "2001:db8::1"]],
  [["::/0"], ["::", "ffff::1", "2001:db8::1"], ["192.0.2.1", "::ffff:192.0.2.1"]],
  [["2001:db8::/32"], ["2001:db8::", "2001:db8:ffff::1"], ["2001:db7:ffff::", "2001:db9::"]],
  [["2001:db8::8/126"], ["2001:db8::8", "2001:db8::b"], ["2001:db8::7", "2001:db8::c"]],
  [["::ffff:10.0.0.0/104"], ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]],
  [["fe80::1"], ["fe80::1", "fe80::1%eth0", "[fe80::1]"], ["fe80::2"]],
  [
    ["10.0.0.0/8", "192.0.2.7", "10.1.0.0/16", "9.255.255.254/31", "2001:db8::/64", "192.0.2.7/32"],
    ["10.0.0.0", "10.1.2.3", "10.255.255.255", "9.255.255.255", "192.0.2.7", "2001:db8::1"],
    ["9.255.255.253", "11.0.0.0", "192.0.2.6", "192.0.2.8", "2001:db8:0:1::"],
  ],
];

for (const [entries, inside, outside] of LISTS) {
  Deno.test(`AddressList of ${entries.join(", ") || "nothing"}`, () => {
    // In whatever order.
    for (const each of [entries, entries.toReversed()]) {
      const list = new AddressList(each.map(parseBlock));
      const isIn = (host: string) => list.has(digitsOf(host)!);
      assertEquals(inside.filter((host) => !isIn(host)), []);
      assertEquals(outside.filter(isIn), []);
    }
  });
}

Deno.test("AddressList finds each of many blocks, and nothing between them", () => {
  const third = Array.from({ length: 256 }, (_, n) => n).filter((n) => n % 2 === 0);
  const list = new AddressList(third.map((n) => parseBlock(`10.0.${n}.0/25`)));
  for (const n of third) {
    const has = (host: string) => list.has(digitsOf(host)!);
    assertEquals([has(`10.0.${n}.0`), has(`10.0.${n}.127`)], [true, true]);
    assertEquals([has(`10.0.${n}.128`), has(`10.0.${n + 1}.0`)], [false, false]);
  }
});

const ANY =
  "expected an IPv4 or IPv6 address, or a block of them such as 192.0.2.0/24 or 2001:db8::/32";

const WRONG: Readonly<Record<string, string>> = {
  "": ANY,
  "localhost": ANY,
  "10.0.0": ANY,
  "10.0.0.256": ANY,
  "010.0.0.1": ANY,
  "10.0.0.1:4000": ANY,
  "[::1]": ANY,
  "fe80::1%eth0": ANY,
  "2001:db8::g": ANY,
  "10.0.0.0/8/8": ANY,
  "10.0.0.0-10.0.0.9": ANY,
  "10.0.0.0/33": "expected a prefix length from 0 to 32",
  "10.0.0.0/": "expected a prefix length from 0 to 32",
  "10.0.0.0/255.0.0.0": "expected a prefix length from 0 to 32",
  "::/129": "expected a prefix length from 0 to 128",
  "::ffff:10.0.0.0/8": "expected a prefix length from 96 to 128",
  "192.0.2.77/24":
    "the address has bits beyond its prefix; the block that it is in begins with 192.0.2.0",
  "2001:db8::1/32":
    "the address has bits beyond its prefix; the block that it is in begins with 2001:db8::",
};

Deno.test("parseBlock() shows the beginning of what is no entry but a whole file", () => {
  for (const [entry, why] of [["x".repeat(1e6), ANY], [`10.0.0.0/${"9".repeat(1e6)}`, "32"]]) {
    const { message } = assertThrows(() => parseBlock(entry!), UsageError);
    assert(message.startsWith(`${entry!.slice(0, 60)}…: `) && message.endsWith(why!), message);
  }
});

for (const [entry, why] of Object.entries(WRONG)) {
  Deno.test(`parseBlock() throws on ${JSON.stringify(entry)}`, () => {
    assertEquals(
      assertThrows(() => parseBlock(entry), UsageError).message,
      `${entry || '""'}: ${why}`,
    );
  });
}
