/**
 * Client certificates at a server: whose are accepted, in full handshakes and in reused sessions.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../../lib/platform/errors.ts";
import { hasNodeTls } from "../../../../lib/platform/net/tls/runtime.ts";
import { Certificates, NO_CERTIFICATES, type TestPair } from "../../../support/certificates.ts";
import { testUnless } from "../../../support/skip.ts";
import { connectTls, hear, say, TlsPort } from "../../../support/tls_ends.ts";

const LACKS = NO_CERTIFICATES ??
  (hasNodeTls() ? undefined : "client certificates take Deno 2.8 or later");

/** What a server that asks for certificates finds of a client with this one, or none. */
async function judged(port: TlsPort, made: Certificates, own?: TestPair) {
  const pem = { ca: made.authority.cert, cert: own?.cert, key: own?.key };
  const [client, server] = await Promise.all([
    connectTls(port.listener.port, pem),
    port.accept(),
  ]);
  const [, heard] = await Promise.all([say(client, "hello"), hear(server)]);
  assertEquals(heard, "hello");
  // The client is told, by whoever reads what it says.
  await say(server, "no");
  assertEquals(await hear(client), "no");
  client.close();
  return [server.refusal?.code, server.tls?.certificate];
}

testUnless(
  LACKS,
  "a server accepts certificates of its authorities that are valid now",
  async () => {
    using made = new Certificates();
    using port = await TlsPort.open({ ...made.make(), clientCa: made.authority.cert });
    assertEquals(await judged(port, made, made.make({ name: "me" })), [undefined, "CN=me"]);
    const of = async (own?: TestPair) => (await judged(port, made, own))[0];
    assertEquals(await of(), "TLS_NO_CERTIFICATE");
    assertEquals(await of(made.make({ by: made.makeAuthority("x") })), "TLS_UNKNOWN_AUTHORITY");
    assertEquals(await of(made.make({ by: "self" })), "TLS_UNKNOWN_AUTHORITY");
    const old = made.make({ valid: ["20200101000000Z", "20210101000000Z"] });
    assertEquals(await of(old), "TLS_EXPIRED");
    const early = made.make({ valid: ["20400101000000Z", "20410101000000Z"] });
    assertEquals(await of(early), "TLS_NOT_YET_VALID");
  },
);

/** Has `openssl s_client` shake hands, say something, and keep or reuse a session; gives what it printed. */
async function openssl(port: number, made: Certificates, own: TestPair, ...more: string[]) {
  const args = ["-connect", `127.0.0.1:${port}`, "-CAfile", made.authority.certFile];
  const child = new Deno.Command("openssl", {
    args: ["s_client", ...args, "-cert", own.certFile, "-key", own.keyFile, ...more],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode("hello\n"));
  const { stdout } = await child.output();
  await input.close().catch(() => {});
  return new TextDecoder().decode(stdout);
}

for (const version of ["-tls1_2", "-tls1_3"]) {
  testUnless(
    LACKS,
    `a refused client does not get in by a reused session (${version})`,
    async () => {
      using made = new Certificates();
      using port = await TlsPort.open({ ...made.make(), clientCa: made.authority.cert });
      const serve = async () => {
        const server = await port.accept();
        const heard = await hear(server);
        if (heard !== null && !heard.startsWith("!")) await say(server, "answer\n");
        const found = [heard, server.refusal?.code, server.tls?.certificate];
        server.close();
        return found;
      };
      const session = made.path("session");
      const bad = made.make({ by: made.makeAuthority("x"), name: "bad" });
      const client = async (own: TestPair, ...more: string[]) =>
        await Promise.all([serve(), openssl(port.listener.port, made, own, version, ...more)]);
      assertEquals((await client(bad, "-sess_out", session))[0][1], "TLS_UNKNOWN_AUTHORITY");
      const [found, printed] = await client(bad, "-sess_in", session);
      assert(printed.includes("Reused, TLS"), printed);
      assertEquals(found, ["! reset", undefined, undefined]);
      // A client that was accepted may.
      const good = made.make({ name: "good" });
      assertEquals((await client(good, "-sess_out", session))[0], [
        "hello\n",
        undefined,
        "CN=good",
      ]);
      const [again, text] = await client(good, "-sess_in", session);
      assert(text.includes("Reused, TLS"), text);
      assertEquals(again, ["hello\n", undefined, "CN=good"]);
      // Until the server has other authorities.
      const other = made.makeAuthority("other");
      port.tls.use({ ...made.make(), clientCa: other.cert });
      assertEquals((await client(good, "-sess_in", session))[0][0], "! reset");
    },
  );
}

testUnless(
  LACKS,
  "a server uses other certificates for new connections, and keeps the old ones if they cannot be used",
  async () => {
    using made = new Certificates();
    using port = await TlsPort.open(made.make());
    const pem = { ca: made.authority.cert };
    const meet = async () => {
      const [client, server] = await Promise.all([
        connectTls(port.listener.port, pem),
        port.accept(),
      ]);
      const [heard] = await Promise.all([hear(server), say(client, "hello").catch(() => {})]);
      return { client, server, heard };
    };
    const before = await meet();
    port.tls.use(made.make({ names: "DNS:other" }));
    assertEquals((await meet()).heard, "! TLS_DISTRUSTED");
    const { message } = assertThrows(() => port.tls.use(made.make({ rsaBits: 1024 })), UsageError);
    assertEquals(message.slice(0, 35), "tls_cert, tls_key: cannot be used: ");
    assertEquals((await meet()).heard, "! TLS_DISTRUSTED");
    // The connection from before lives on.
    await Promise.all([
      say(before.server, "still"),
      hear(before.client).then((it) => assertEquals(it, "still")),
    ]);
    before.client.close();
  },
);
