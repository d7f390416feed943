/**
 * TCP on loopback, and the kinds of its failures.
 *
 * @module
 */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { systemClock } from "../../../lib/platform/clock.ts";
import { tcpTransport } from "../../../lib/platform/net/tcp.ts";
import {
  type Connection,
  type KernelAnswer,
  type Listener,
  TransportError,
  transportError,
} from "../../../lib/platform/net/transport.ts";
import { testUnless } from "../../support/skip.ts";

const LOOPBACK = "127.0.0.1";
const never = new AbortController().signal;

async function kindOf(attempt: () => unknown): Promise<string> {
  return (await assertRejects(async () => await attempt(), TransportError)).kind;
}

/** What an operation of a connection fails with, translated. */
async function failureOf(operation: () => unknown): Promise<string> {
  const error = transportError(await assertRejects(async () => await operation()));
  return error instanceof TransportError ? error.kind : String(error);
}

/** Both ends of a connection over loopback. */
async function pair(host = LOOPBACK, listenTo = host) {
  const listener = tcpTransport.listen({ host: listenTo, port: 0 });
  const [near, far] = await Promise.all([
    tcpTransport.connect({ host, port: listener.port }, { signal: never }),
    listener.accept(),
  ]);
  return { listener, near, far, [Symbol.dispose]: () => closeAll(listener, near, far) };
}

function closeAll(...all: (Connection | Listener)[]): void {
  for (const each of all) each.close();
}

Deno.test("tcpTransport carries bytes both ways, and the end of one side", async () => {
  using both = await pair();
  const { near, far } = both;
  const buffer = new Uint8Array(10);
  assertEquals(await near.write(new Uint8Array([1, 2, 3])), 3);
  assertEquals(await far.read(buffer), 3);
  await near.closeWrite();
  assertEquals(await far.read(buffer), null);
  assertEquals(await far.write(new Uint8Array(2)), 2);
  assertEquals(await near.read(buffer), 2);
});

Deno.test("tcpTransport names the peer", async () => {
  using both = await pair();
  assertEquals(both.near.peer, `${LOOPBACK}:${both.listener.port}`);
});

Deno.test("tcpTransport speaks IPv6, and finds a server by name on either family", async () => {
  for (const host of ["::1", LOOPBACK]) {
    const listener = tcpTransport.listen({ host, port: 0 });
    const { port } = listener;
    const direct = await tcpTransport.connect({ host, port }, { signal: never });
    const byName = await tcpTransport.connect({ host: "localhost", port }, { signal: never })
      .catch((error: TransportError) => error);
    // Whether localhost has an IPv6 address is up to the machine; IPv4 it has everywhere.
    if (host === LOOPBACK) assertEquals(byName instanceof TransportError, false);
    assertEquals(direct.peer, host === "::1" ? `[::1]:${port}` : `${LOOPBACK}:${port}`);
    closeAll(listener, direct);
    if (!(byName instanceof TransportError)) byName.close();
  }
});

Deno.test("tcpTransport.connect() rejects with the kind of failure", async () => {
  const listener = tcpTransport.listen({ host: LOOPBACK, port: 0 });
  const { port } = listener;
  listener.close();
  const connect = (host: string, signal = never) => () =>
    tcpTransport.connect({ host, port }, { signal });
  assertEquals(await kindOf(connect(LOOPBACK)), "refused");
  assertEquals(await kindOf(connect("no-such-host.invalid")), "name_not_found");
  assertEquals(await kindOf(connect(LOOPBACK, AbortSignal.abort())), "unanswered");
});

Deno.test("tcpTransport.listen() throws the kind of failure", async () => {
  const listener = tcpTransport.listen({ host: LOOPBACK, port: 0 });
  const listen = (host: string, port: number) => () => tcpTransport.listen({ host, port });
  assertEquals(await kindOf(listen(LOOPBACK, listener.port)), "address_in_use");
  assertEquals(await kindOf(listen("no-such-host.invalid", 0)), "name_not_found");
  // 192.0.2.0/24 is reserved for documentation (RFC 5737): no interface has it.
  assertEquals(await kindOf(listen("192.0.2.1", 0)), "address_not_here");
  listener.close();
});

Deno.test("close() rejects pending operations as closed, and is idempotent", async () => {
  using both = await pair();
  const reading = failureOf(() => both.near.read(new Uint8Array(1)));
  const accepting = kindOf(() => both.listener.accept());
  closeAll(both.near, both.near, both.listener, both.listener);
  assertEquals([await reading, await accepting], ["closed", "closed"]);
  assertEquals(await failureOf(() => both.near.write(new Uint8Array(1))), "closed");
  assertEquals(await failureOf(() => both.near.closeWrite()), "closed");
});

Deno.test("close() rejects a write that is blocked", async () => {
  using both = await pair();
  let taken = 0;
  const blocked = failureOf(async () => {
    for (;;) taken += await both.near.write(new Uint8Array(1_000_000));
  });
  // A write is blocked when the kernel has taken nothing for a while.
  for (let before = -1; taken > before;) {
    before = taken;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  both.near.close();
  assertEquals(await blocked, "closed");
});

Deno.test("writing to a closed peer rejects with a reset", async () => {
  using both = await pair();
  both.near.close();
  const kind = await failureOf(async () => {
    for (;;) await both.far.write(new Uint8Array(1));
  });
  assertEquals(kind, "reset");
});

Deno.test("tcpTransport explains an address that needs an interface, and one whose interface is not there", async () => {
  const error = (host: string) =>
    assertThrows(() => tcpTransport.listen({ host, port: 0 }), TransportError);
  const { code, kind, message } = error("fe80::1");
  assertEquals([kind, code], ["other", "EINVAL"]);
  assertEquals(
    message,
    "the system does not take that address: a link-local one lacks its interface (EINVAL)",
  );
  const none = error("fe80::1%no-such");
  assertEquals([none.kind, none.code], ["address_not_here", "ENODEV"]);
  assertEquals(none.message, "this host has no interface no-such");
  const dial = tcpTransport.connect({ host: "fe80::1%no-such", port: 1 }, { signal: never });
  assertEquals((await assertRejects(() => dial, TransportError)).message, none.message);
});

Deno.test("tcpTransport has the code and the meaning of an error", async () => {
  const listener = tcpTransport.listen({ host: LOOPBACK, port: 0 });
  const { port } = listener;
  const taken = assertThrows(() => tcpTransport.listen({ host: LOOPBACK, port }), TransportError);
  assertEquals([taken.code, taken.message], ["EADDRINUSE", "the port is taken (EADDRINUSE)"]);
  listener.close();
  const dial = () => tcpTransport.connect({ host: LOOPBACK, port }, { signal: never });
  const refused = await assertRejects(dial, TransportError);
  assertEquals(refused.code, "ECONNREFUSED");
  assertEquals(
    refused.message,
    "refused; its host answers, but nothing listens on that port, or a firewall rejects it " +
      "(ECONNREFUSED)",
  );
});

const noKernelView = Deno.build.os === "linux" ? undefined : "only Linux has /proc/net/tcp";

for (const [host, listenTo] of [[LOOPBACK, LOOPBACK], ["::1", "::1"], [LOOPBACK, "::"]]) {
  testUnless(
    noKernelView,
    `the kernel knows both ends of a connection to ${host} at ${listenTo}, and what was not read`,
    async () => {
      using both = await pair(host, listenTo);
      await both.near.write(new Uint8Array(5));
      const ends = [both.near, both.far];
      const views = await Promise.all(
        ends.map((each) =>
          new Promise<KernelAnswer>((onKernelView) =>
            each.kernelView!(systemClock, { onKernelView })
          )
        ),
      );
      const figures = views.map((view) => {
        if (!view || "unreadable" in view) return view;
        assertEquals([(view.retries ?? 0) > 0, view.rto_ms >= 200], [true, true]);
        return [view.unacked_bytes, view.unread_bytes, view.timer];
      });
      assertEquals(figures, [[0, 0, "none"], [0, 5, "none"]]);
    },
  );
}
