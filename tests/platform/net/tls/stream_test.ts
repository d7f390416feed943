/**
 * Connections with TLS: how they begin and end, and that they hold back what nobody reads.
 *
 * @module
 */
import { assert, assertEquals, assertLess } from "@std/assert";
import { tcpTransport } from "../../../../lib/platform/net/tcp.ts";
import { hasNodeTls } from "../../../../lib/platform/net/tls/runtime.ts";
import type { Connection } from "../../../../lib/platform/net/transport.ts";
import {
  Certificates,
  type Deviation,
  NO_CERTIFICATES,
  type TestPair,
} from "../../../support/certificates.ts";
import { Relay } from "../../../support/relay.ts";
import { testUnless } from "../../../support/skip.ts";
import { connectTls, hear, say, TlsPort } from "../../../support/tls_ends.ts";

const NO_NODE_TLS = NO_CERTIFICATES ??
  (hasNodeTls() ? undefined : "client certificates take Deno 2.8 or later");

/** Makes both ends of a connection, the client's by Deno's own TLS or, with a certificate, by `node:tls`. */
async function ends(
  port: TlsPort,
  made: Certificates,
  own?: TestPair,
  through = port.listener.port,
): Promise<[client: Connection, server: Connection]> {
  const pem = {
    ca: made.authority.cert,
    cert: own?.cert,
    key: own?.key,
    serverName: "localhost",
  };
  const [client, server] = await Promise.all([connectTls(through, pem), port.accept()]);
  return [client, server];
}

for (const by of ["Deno's own TLS", "node:tls"]) {
  const isOwn = by === "node:tls";
  const lacks = isOwn ? NO_NODE_TLS : NO_CERTIFICATES;

  testUnless(lacks, `a client by ${by} and a server speak, and close in turn`, async () => {
    using made = new Certificates();
    using port = await TlsPort.open(made.make());
    const [client, server] = await ends(port, made, isOwn ? made.make({ name: "me" }) : undefined);
    assertEquals([client.tls, server.tls], [undefined, undefined]);
    await Promise.all([
      say(client, "hello"),
      hear(server).then((heard) => assertEquals(heard, "hello")),
    ]);
    await say(server, "welcome");
    assertEquals(await hear(client), "welcome");
    assert(client.tls && server.tls);
    assertEquals([client.handshake, server.handshake], [undefined, undefined]);
    if (hasNodeTls()) assertEquals(server.tls.version, "TLSv1.3");
    await client.closeWrite();
    assertEquals(await hear(server), null);
    await say(server, "bye");
    await server.closeWrite();
    assertEquals([await hear(client), await hear(client)], ["bye", null]);
    client.close();
  });

  const ENDS: [string, (relay: Relay) => void | Promise<void>, string | null][] = [
    ["FIN without close_notify", (relay) => relay.line.cut(), null],
    ["RST", (relay) => void relay.line.reset("client", "server"), "! ECONNRESET"],
  ];
  for (const [what, end, heard] of ENDS) {
    testUnless(lacks, `a client by ${by} and a server see a ${what} as what it is`, async () => {
      using made = new Certificates();
      using port = await TlsPort.open(made.make());
      await using relay = await Relay.open(port.listener.port);
      const own = isOwn ? made.make({ name: "me" }) : undefined;
      const [client, server] = await ends(port, made, own, relay.port);
      await Promise.all([say(client, "hello"), hear(server)]);
      // Whatever the server sent with the handshake is through then.
      await Promise.all([say(server, "welcome"), hear(client)]);
      const seen = Promise.all([hear(client), hear(server)]);
      await end(relay);
      assertEquals(await seen, [heard, heard]);
      client.close();
    });
  }

  testUnless(
    lacks,
    `a client by ${by} and a server wait for a silent path, until closed`,
    async () => {
      using made = new Certificates();
      using port = await TlsPort.open(made.make());
      await using relay = await Relay.open(port.listener.port);
      const own = isOwn ? made.make({ name: "me" }) : undefined;
      const [client, server] = await ends(port, made, own, relay.port);
      await Promise.all([say(client, "hello"), hear(server)]);
      relay.silence();
      await say(client, "unheard");
      const heard = [hear(client), hear(server)];
      client.close();
      server.close();
      assertEquals(await Promise.all(heard), ["! closed", "! closed"]);
    },
  );

  /** What a client finds wrong with a server's certificate. */
  const FAULTS: [string, Deviation | "unknown", string][] = [
    ["expired", { valid: ["20200101000000Z", "20210101000000Z"] }, "! TLS_EXPIRED"],
    ["not yet valid", { valid: ["20400101000000Z", "20410101000000Z"] }, "! TLS_NOT_YET_VALID"],
    ["for another name", { names: "DNS:other.example" }, "! TLS_WRONG_NAME"],
    ["for no name", { names: "" }, "! TLS_WRONG_NAME"],
    ["of an unknown authority", "unknown", "! TLS_UNKNOWN_AUTHORITY"],
    ["signed by itself", { by: "self" }, "! TLS_UNKNOWN_AUTHORITY"],
  ];
  for (const [what, deviation, code] of FAULTS) {
    testUnless(lacks, `a client by ${by} says that a certificate is ${what}`, async () => {
      using made = new Certificates();
      const isUnknown = deviation === "unknown";
      const by = isUnknown ? made.makeAuthority("Another authority") : undefined;
      using port = await TlsPort.open(made.make(isUnknown ? { by } : deviation));
      const [client, server] = await ends(
        port,
        made,
        isOwn ? made.make({ name: "me" }) : undefined,
      );
      const heard = hear(server);
      assertEquals(await hear(client), code);
      client.close();
      // The client's alert, or that it closed.
      assert([null, "! TLS_DISTRUSTED", "! ECONNRESET"].includes(await heard));
    });
  }
}

testUnless(
  NO_NODE_TLS,
  "a client by node:tls refuses a forged certificate of version 1",
  async () => {
    using made = new Certificates();
    // Of the right name, by a forger who knows only the name of the authority.
    const forger = made.makeAuthority("Test authority");
    using port = await TlsPort.open(made.make({ by: forger, isOld: true }));
    const [client, server] = await ends(port, made, made.make({ name: "me" }));
    const heard = hear(server);
    assertEquals(await hear(client), "! TLS_UNKNOWN_AUTHORITY");
    client.close();
    assertEquals(await heard, null);
  },
);

testUnless(
  NO_NODE_TLS,
  "a connection is accepted before its handshake, and holds up no other one",
  async () => {
    using made = new Certificates();
    using port = await TlsPort.open(made.make());
    using silent = await Deno.connect({ hostname: "127.0.0.1", port: port.listener.port });
    const stalled = await port.accept();
    const waiting = hear(stalled);
    const [client, server] = await ends(port, made);
    await Promise.all([say(client, "hello"), hear(server)]);
    assertEquals(stalled.handshake, new Uint8Array(0));
    client.close();
    stalled.close();
    assertEquals(await waiting, "! closed");
    silent.closeWrite().catch(() => {});
  },
);

testUnless(
  NO_NODE_TLS,
  "what is no TLS is answered with an alert, and its first bytes are known",
  async () => {
    using made = new Certificates();
    using port = await TlsPort.open(made.make());
    for (
      const sent of ["HELLO 1 s {}\n", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\0\x06zzzzzz", "\0"]
    ) {
      using client = await Deno.connect({ hostname: "127.0.0.1", port: port.listener.port });
      const server = await port.accept();
      await client.write(new TextEncoder().encode(sent));
      if (sent === "\0") await client.closeWrite();
      const heard = await hear(server);
      assert(heard === null || heard.startsWith("! TLS_"), `${heard}`);
      assertEquals(new TextDecoder().decode(server.handshake), sent);
      server.close();
      const answer = new Uint8Array(9);
      const count = await client.read(answer).catch(() => null);
      if (count !== null) assertEquals([answer[0], answer[1]], [0x15, 3]);
    }
  },
);

/** A connection that counts what is read of it. */
function counting(inner: Connection): { connection: Connection; readonly count: number } {
  const counted = { connection: inner, count: 0 };
  const read = inner.read.bind(inner);
  inner.read = async (buffer) => {
    const count = await read(buffer);
    counted.count += count ?? 0;
    return count;
  };
  return counted;
}

testUnless(
  NO_NODE_TLS,
  "a server that does not read takes little, and then reads all of it",
  async () => {
    using made = new Certificates();
    const { ServerTls } = await import("../../../../lib/platform/net/tls/server.ts");
    const tls = new ServerTls(made.make());
    const listener = tcpTransport.listen({ host: "127.0.0.1", port: 0 });
    const [client, accepted] = await Promise.all([
      connectTls(listener.port, { ca: made.authority.cert }),
      listener.accept(),
    ]);
    const inner = counting(accepted);
    const server = tls.take(inner.connection);
    // More than the system takes for both sides.
    const SIZE = 50_331_648;
    const bytes = new Uint8Array(65_536).map((_, at) => at * 7 % 251);
    let sent = 0;
    const sending = (async () => {
      while (sent < SIZE) sent += await client.write(bytes.subarray(sent % bytes.length));
    })();
    const buffer = new Uint8Array(10_000);
    let received = await server.read(buffer) ?? 0;
    // Until the path takes no more.
    for (let before = -1; before !== sent;) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assertLess(sent, SIZE);
    assertLess(inner.count, 1_000_000);
    while (received < SIZE) {
      const count = await server.read(buffer);
      for (let i = 0; i < count!; i++) {
        if (buffer[i] !== bytes[(received + i) % bytes.length]) {
          throw new Error(
            `byte ${received + i}`,
          );
        }
      }
      received += count!;
    }
    await sending;
    assertEquals(received, SIZE);
    [client, server].forEach((end) => end.close());
    listener.close();
  },
);

testUnless(
  NO_NODE_TLS,
  "a write that nobody takes is pending, and fails when the connection is closed",
  async () => {
    using made = new Certificates();
    using port = await TlsPort.open(made.make());
    const [client, server] = await ends(port, made);
    await Promise.all([say(client, "hello"), hear(server)]);
    const bytes = new Uint8Array(65_536);
    let written = 0;
    const writing = (async () => {
      for (;;) written += await server.write(bytes);
    })().catch((error) => error);
    for (let before = -1; before !== written;) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assertLess(written, 50_331_648);
    server.close();
    assert(await writing instanceof Error);
    client.close();
  },
);
