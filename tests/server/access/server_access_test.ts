import { assertEquals } from "@std/assert";
import { AddressList, parseBlock } from "../../../lib/server/access/address_list.ts";
import {
  LONGEST_WAIT_MS,
  ServerAccess,
  type ServerAccessOptions,
} from "../../../lib/server/access/server_access.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const DENIED = { limit: "denied" } as const;

function stage(options: Partial<ServerAccessOptions> = {}) {
  const clock = new VirtualClock();
  const access = new ServerAccess({
    clock,
    maxSessionsPerAddress: 2,
    maxNewPerSecond: 0,
    hasAllow: false,
    hasDeny: false,
    ...options,
  });
  const setLists = (allow: string[], deny: string[]) =>
    access.setLists({
      allow: new AddressList(allow.map(parseBlock)),
      deny: new AddressList(deny.map(parseBlock)),
    });
  return { access, clock, setLists };
}

Deno.test("ServerAccess without lists and rate lets everybody in, and need not be asked", () => {
  const { access } = stage();
  assertEquals(access.judge("192.0.2.1:5000"), undefined);
  assertEquals(access.judge("[2001:db8::1]:5000"), undefined);
  assertEquals(access.isJudging, false);
});

Deno.test("ServerAccess lets in whom allow has and deny has not, by the lists that were set last", () => {
  const { access, setLists } = stage({ hasAllow: true, hasDeny: true });
  assertEquals(access.isJudging, true);
  assertEquals(access.judge("192.0.2.1:5000"), DENIED);
  setLists(["192.0.2.0/24", "2001:db8::/32"], ["192.0.2.7"]);
  assertEquals(access.judge("192.0.2.1:5000"), undefined);
  assertEquals(access.judge("192.0.2.7:5000"), DENIED);
  assertEquals(access.judge("198.51.100.1:5000"), DENIED);
  assertEquals(access.judge("[2001:db8::1]:5000"), undefined);
  assertEquals(access.judge("[2001:db9::1]:5000"), DENIED);
  setLists(["198.51.100.1"], []);
  assertEquals(access.judge("192.0.2.1:5000"), DENIED);
  assertEquals(access.judge("198.51.100.1:5000"), undefined);
});

Deno.test("ServerAccess with deny alone lets in everybody else", () => {
  const { access, setLists } = stage({ hasDeny: true });
  setLists([], ["192.0.2.0/24"]);
  assertEquals(access.judge("192.0.2.1:5000"), DENIED);
  assertEquals(access.judge("192.0.3.1:5000"), undefined);
  assertEquals(access.judge("[::1]:5000"), undefined);
});

Deno.test("ServerAccess has connections over the rate of their address wait, up to a limit", () => {
  const { access } = stage({ maxNewPerSecond: 1 });
  const waits = Array.from({ length: 6 }, (_, n) => access.judge(`192.0.2.1:${5_000 + n}`));
  const wait = (wait_ms: number) => ({ wait_ms });
  assertEquals(waits, [
    undefined,
    wait(1_000),
    wait(2_000),
    wait(3_000),
    wait(LONGEST_WAIT_MS),
    { limit: "max_new_per_second" },
  ]);
  assertEquals(access.judge("192.0.2.2:5000"), undefined);
  // Of IPv6 a host has any number of addresses.
  assertEquals(access.judge("[2001:db8::1]:5000"), undefined);
  assertEquals(access.judge("[2001:db8::2]:5000"), wait(1_000));
  assertEquals(access.judge("[2001:db8:0:1::1]:5000"), undefined);
});

Deno.test("ServerAccess does not count those who are denied for the rate", () => {
  const { access, setLists } = stage({ maxNewPerSecond: 1, hasDeny: true });
  setLists([], ["192.0.2.1"]);
  for (let n = 0; n < 9; n++) assertEquals(access.judge("192.0.2.1:5000"), DENIED);
  setLists([], []);
  assertEquals(access.judge("192.0.2.1:5000"), undefined);
});

Deno.test("ServerAccess counts the sessions of each address until they are over", () => {
  const { access } = stage();
  const room = (host: string) => access.hasRoom(`${host}:5000`);
  const first = access.count("192.0.2.1:5000");
  assertEquals(room("192.0.2.1"), true);
  const second = access.count("192.0.2.1:5001");
  assertEquals([room("192.0.2.1"), room("192.0.2.2")], [false, true]);
  first.release();
  assertEquals(room("192.0.2.1"), true);
  access.count("192.0.2.1:5002");
  assertEquals(room("192.0.2.1"), false);
  second.release();
  assertEquals(room("192.0.2.1"), true);
});

Deno.test("ServerAccess counts mapped addresses as IPv4, and IPv6 addresses by their /64", () => {
  const { access } = stage();
  access.count("192.0.2.1:5000");
  access.count("[::ffff:192.0.2.1]:5000");
  access.count("[2001:db8::1]:5000");
  access.count("[2001:db8::2:2]:5000");
  assertEquals(access.hasRoom("192.0.2.1:1"), false);
  assertEquals(access.hasRoom("[2001:db8::3]:1"), false);
  assertEquals(access.hasRoom("[2001:db8:0:1::3]:1"), true);
});

Deno.test("ServerAccess has room for any number of sessions from 127.0.0.1 and ::1", () => {
  const { access } = stage();
  for (const peer of ["127.0.0.1:1", "[::1]:1", "127.0.0.2:1"]) {
    for (let n = 0; n < 3; n++) access.count(peer);
  }
  assertEquals(access.hasRoom("127.0.0.1:2"), true);
  assertEquals(access.hasRoom("[::1]:2"), true);
  assertEquals(access.hasRoom("127.0.0.2:2"), false);
});
