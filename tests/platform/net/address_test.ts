/**
 * Formatting and validation of addresses.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { formatAddress, hostOf, isHost, isNumericHost } from "../../../lib/platform/net/address.ts";

Deno.test("formatAddress() writes host and port so that the port is unambiguous", () => {
  assertEquals(formatAddress("127.0.0.1", 4000), "127.0.0.1:4000");
  assertEquals(formatAddress("db.example", 1), "db.example:1");
  assertEquals(formatAddress("::1", 65_535), "[::1]:65535");
  assertEquals(formatAddress("fe80::1%eth0", 4000), "[fe80::1%eth0]:4000");
});

Deno.test("formatAddress() writes IPv4 as IPv4 where it came in through IPv6", () => {
  assertEquals(formatAddress("::ffff:192.0.2.1", 4000), "192.0.2.1:4000");
  assertEquals(formatAddress("::FFFF:192.0.2.1", 4000), "192.0.2.1:4000");
  assertEquals(formatAddress("::ffff:c000:201", 4000), "[::ffff:c000:201]:4000");
});

Deno.test("hostOf() gives the host of an address that formatAddress() made", () => {
  for (const host of ["127.0.0.1", "db.example", "::1"]) {
    const shown = host.includes(":") ? `[${host}]` : host;
    assertEquals(hostOf(formatAddress(host, 4000)), shown);
  }
});

Deno.test("isNumericHost() distinguishes addresses from names", () => {
  const addresses = ["127.0.0.1", "0.0.0.0", "::", "::1", "fe80::1%eth0", "::ffff:192.0.2.1"];
  for (const host of addresses) assertEquals(isNumericHost(host), true, host);
  for (const host of ["localhost", "db.example", "1.example", "x127.0.0.1"]) {
    assertEquals(isNumericHost(host), false, host);
  }
});

const HOSTS = [
  ...["127.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::1", "::ffff:192.0.2.1"],
  ...["fe80::1%eth0", "localhost", "db-1.example.com", "db.example.com."],
  ...["_pulsewire._tcp.example", "3com.example", "x", "a".repeat(253)],
];

for (const host of HOSTS) {
  const shown = host.length > 40 ? `a name of ${host.length} characters` : host;
  Deno.test(`isHost() takes ${shown}`, () => assertEquals(isHost(host), true));
}

const NO_HOSTS = [
  ...["", " ", "256.0.0.1", "1.2.3", "1.2.3.4.5", "127.0.0.01x.1", "4000", "a b", "a\nb", "a..b"],
  ...[".a", "-a", "a-", "a/b", "http://a", "127.0.0.1:4000", "[::1]", ":::", "1::2::3", "12345::"],
  ...["user@a", "a".repeat(254)],
];

for (const text of NO_HOSTS) {
  const shown = text.length > 40 ? `a name of ${text.length} characters` : JSON.stringify(text);
  Deno.test(`isHost() does not take ${shown}`, () => assertEquals(isHost(text), false));
}
