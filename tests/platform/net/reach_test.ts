/**
 * How far away whoever can reach an address may be.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { listenReachOf, reachOf } from "../../../lib/platform/net/reach.ts";

const HOSTS = {
  host: ["127.0.0.1", "127.8.0.1", "::1", "localhost", "LOCALHOST", "::ffff:127.0.0.1"],
  private: [
    "10.0.0.1",
    "192.168.1.1",
    "172.16.0.1",
    "172.31.255.255",
    "169.254.1.1",
    "100.64.0.1",
    "100.127.0.1",
    "fd00::1",
    "fe80::1%eth0",
    "::ffff:10.1.2.3",
  ],
  public: [
    "8.8.8.8",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.0.1",
    "100.128.0.1",
    "192.169.0.1",
    "2001:db8::1",
    "server.example",
    "10.example",
    "fd00.example",
  ],
} as const;

for (const [reach, hosts] of Object.entries(HOSTS)) {
  Deno.test(`reachOf() tells that of an address: ${reach}`, () => {
    for (const host of hosts) assertEquals(reachOf(host), reach, host);
  });
}

Deno.test("listenReachOf() of every address is that of the farthest one of this host", () => {
  const own = ["127.0.0.1", "::1", "10.0.0.5", "2001:db8::5"];
  assertEquals(listenReachOf("::", own), "public");
  assertEquals(listenReachOf("0.0.0.0", own), "private");
  assertEquals(listenReachOf("0.0.0.0", ["127.0.0.1", "::1", "fe80::1"]), "host");
  assertEquals(listenReachOf("127.0.0.1", own), "host");
  assertEquals(listenReachOf("0.0.0.0", undefined), "public");
});
