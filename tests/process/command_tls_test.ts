/**
 * TLS as a user sees it: real processes, real clients and servers of other programs, and what is said when it
 * fails.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Certificates, NO_CERTIFICATES, type TestPair } from "../support/certificates.ts";
import { Folder } from "../support/folder.ts";
import { killIfRunning } from "../support/kill.ts";
import { freePort } from "../support/ports.ts";
import { type Command, commandWords, startCommand, startServer } from "../support/process.ts";
import { Relay } from "../support/relay.ts";
import { testUnless } from "../support/skip.ts";

const QUICK = ["--data-interval", "0.05"];

/** A peer is dead after 3 s: less would be too little for a path through a process of tests on a busy machine. */
const IMPATIENT = ["--data-threshold", "1", "--heartbeat-threshold", "0.5"];

/** The flags of a certificate and its key. */
function shows({ certFile, keyFile }: TestPair): string[] {
  return ["--tls-cert", certFile, "--tls-key", keyFile];
}

/** Why the commands here take no client certificates: compiled ones may have an older runtime. */
const NO_CLIENT_CERTIFICATES = NO_CERTIFICATES ?? await askForClientCertificates();

async function askForClientCertificates(): Promise<string | undefined> {
  const [program, ...words] = commandWords("server");
  const files = ["--tls-cert", "x", "--tls-key", "x", "--tls-client-ca", "x"];
  const { stderr } = await new Deno.Command(program!, { args: [...words, ...files] }).output();
  return /client certificates take Deno 2\.8 or later, and this is [\d.]+/
    .exec(new TextDecoder().decode(stderr))?.[0];
}

function startClient(port: number, ...args: string[]): Command {
  return startCommand("client", ["127.0.0.1", String(port), ...QUICK, ...args]);
}

/** Runs a client that is to fail; gives its exit status and what it says. */
async function failing(port: number, ...args: string[]): Promise<[status: number, text: string]> {
  await using client = startClient(port, "--count", "1", ...args);
  const status = await client.ended();
  return [
    status,
    client.stderr.replace(/^.*\|\| ERROR \|\| /s, "").replaceAll(/127\.0\.0\.1:\d+/g, "HOST"),
  ];
}

for (const workers of ["1", "2"]) {
  testUnless(
    NO_CERTIFICATES,
    `sessions over TLS, with ${workers} workers, resumes and a store`,
    async () => {
      using made = new Certificates();
      using folder = new Folder();
      const [port, store] = [freePort(), `${folder.path}/store.db`];
      const flags = [...shows(made.make()), "--workers", workers, "--store", store];
      await using server = await startServer(port, ...flags);
      await using relay = await Relay.open(port);
      const trusts = ["--tls", "--tls-ca", made.authority.certFile];
      await using client = startClient(relay.port, ...trusts, "--reconnect", ...IMPATIENT);
      const { tls } = await client.event("connected");
      assert(tls);
      for (
        const lose of [
          () => relay.line.cut(),
          () => relay.line.reset("client", "server"),
          () => relay.line.silence("toServer", "toClient"),
        ]
      ) {
        const { length } = client.events;
        await client.event("data_confirmed", (event) => client.events.indexOf(event) > length + 6);
        lose();
        await client.event("resumed", (event) => client.events.indexOf(event) > length);
      }
      client.kill("SIGTERM");
      assertEquals(await client.ended(), 0);
      const lost = client.events.filter(({ event }) => event === "disconnected");
      assertEquals(lost.map((each) => "reason" in each && each.reason), [
        "closed",
        "reset",
        "silent",
      ]);
      assertEquals((await client.event("summary")).in_doubt, []);
      server.kill("SIGTERM");
      assertEquals(await server.ended(), 0);
    },
  );
}

testUnless(
  NO_CERTIFICATES,
  "each failure is one sentence, with the right exit status",
  async () => {
    using made = new Certificates();
    const trusts = ["--tls", "--tls-ca", made.authority.certFile];
    const [secure, plain] = [freePort(), freePort()];
    await using server = await startServer(secure, ...shows(made.make()));
    await using open = await startServer(plain);
    const [noTls, noTlsHere, unknown, name] = await Promise.all([
      failing(secure),
      failing(plain, ...trusts),
      failing(secure, "--tls"),
      failing(secure, ...trusts, "--tls-server-name", "other.example"),
    ]);
    assertEquals([noTls, noTlsHere, unknown, name].map(([status]) => status), [3, 3, 3, 3]);
    assertStringIncludes(
      noTls[1],
      "HOST does not speak PW/1: it sent a TLS alert: that port takes nothing but TLS (switch tls on here)",
    );
    assertStringIncludes(
      noTlsHere[1],
      "this side cannot connect to HOST: what it sends is no TLS: that port does not speak it (TLS_NONE). " +
        "Look next: switch tls off here",
    );
    assertStringIncludes(
      unknown[1],
      "this side does not trust HOST: its certificate is of an authority that is not known here " +
        "(TLS_UNKNOWN_AUTHORITY). Look next: the authority's certificate in tls_ca",
    );
    assertStringIncludes(
      name[1],
      "this side does not trust HOST: its certificate is for another name: it is for localhost, " +
        "127.0.0.1, not for other.example (TLS_WRONG_NAME)",
    );
    const strangers = await open.event("strangers");
    assertEquals(strangers.sent, ["tls"]);
    server.kill("SIGTERM");
    await server.ended();
    const told = server.events.flatMap((each) => each.event === "strangers" ? each.sent ?? [] : []);
    const expected = NO_CLIENT_CERTIFICATES ? ["tls_distrust"] : ["no_tls", "tls_distrust"];
    for (const each of expected) assert(told.includes(each), told.join());
  },
);

testUnless(
  NO_CERTIFICATES,
  "files that cannot be used are said before anything listens",
  async () => {
    using made = new Certificates();
    const [one, other] = [made.make(), made.make()];
    const no = made.path("none.pem");
    const cases: [args: string[], said: RegExp][] = [
      [
        ["--tls-cert", one.certFile],
        /tls_cert: takes a certificate and its private key; give --tls-key/,
      ],
      [["--tls-client-ca", one.certFile], /tls_client_ca: has no effect without TLS/],
      [
        ["--tls-cert", no, "--tls-key", one.keyFile],
        /cannot read .*none.pem: there is no such file/,
      ],
      [["--tls-cert", one.keyFile, "--tls-key", one.keyFile], /there is no certificate in it/],
      [["--tls-cert", one.certFile, "--tls-key", one.certFile], /there is no private key in it/],
      [[...shows(one), "--original"], /the original program speaks no TLS/],
      [
        ["--tls-cert", one.certFile, "--tls-key", other.keyFile],
        /its private key does not fit|tls_cert, tls_key: cannot be used/,
      ],
    ];
    await Promise.all(cases.map(async ([args, said]) => {
      await using server = startCommand("server", ["127.0.0.1", "0", ...args]);
      assertEquals(await server.ended(), 2, args.join(" "));
      assertMatch(server.stderr, said);
    }));
  },
);

testUnless(
  NO_CLIENT_CERTIFICATES,
  "client certificates: who gets in, and what the others are told",
  async () => {
    using made = new Certificates();
    const port = freePort();
    const asks = ["--tls-client-ca", made.authority.certFile, "--workers", "2"];
    await using server = await startServer(port, ...shows(made.make()), ...asks);
    const trusts = ["--tls", "--tls-ca", made.authority.certFile];
    const expired = made.make({ valid: ["20200101000000Z", "20210101000000Z"] });
    await using client = startClient(
      port,
      ...trusts,
      ...shows(made.make({ name: "sensor-7" })),
      "--count",
      "3",
    );
    const [none, unknown, old] = await Promise.all([
      failing(port, ...trusts),
      failing(port, ...trusts, ...shows(made.make({ by: made.makeAuthority("x") }))),
      failing(port, ...trusts, ...shows(expired)),
    ]);
    assertEquals(await client.ended(), 0);
    const { tls } = await server.event("connected");
    assertEquals(tls?.certificate, "CN=sensor-7");
    assertEquals([none, unknown, old].map(([status]) => status), [4, 4, 4]);
    const refused = "HOST: the server refused the session: ";
    assertStringIncludes(
      none[1],
      refused + "this server asks for a client certificate, and none was sent",
    );
    assertStringIncludes(
      unknown[1],
      refused + "the client's certificate is of an authority that this server",
    );
    assertStringIncludes(old[1], refused + "the client's certificate has expired");
  },
);

testUnless(
  NO_CLIENT_CERTIFICATES,
  "other certificates are taken up without a restart, and sessions go on",
  async () => {
    using made = new Certificates();
    const port = freePort();
    const [first, second] = [made.make(), made.make({ names: "DNS:renewed.example" })];
    const [certFile, keyFile] = [
      made.write("cert.pem", first.cert),
      made.write("key.pem", first.key),
    ];
    const flags = shows({ ...first, certFile, keyFile });
    await using server = await startServer(port, ...flags, "--workers", "2");
    const trusts = ["--tls", "--tls-ca", made.authority.certFile];
    await using client = startClient(port, ...trusts);
    await client.event("data_confirmed");
    made.write("cert.pem", second.cert);
    made.write("key.pem", second.key);
    await server.stderrText("has changed; taken up");
    await using renewed = startClient(
      port,
      ...trusts,
      "--tls-server-name",
      "renewed.example",
      "--count",
      "1",
    );
    assertEquals(await renewed.ended(), 0);
    const { length } = client.events;
    await client.event("data_confirmed", (event) => client.events.indexOf(event) > length);
    assert(!client.events.some(({ event }) => event === "disconnected"));
  },
);

/** Starts `openssl s_server` on a port; it listens when this resolves. */
async function startOpenssl(port: number, { certFile, keyFile }: TestPair, ...more: string[]) {
  const args = ["-accept", `127.0.0.1:${port}`, "-cert", certFile, "-key", keyFile, ...more];
  const child = new Deno.Command("openssl", {
    args: ["s_server", "-naccept", "1", ...args],
    // Its end would end it.
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; !text.includes("ACCEPT");) {
    const { done, value } = await reader.read();
    if (done) throw new Error(text);
    text += value;
  }
  const drained = (async () => {
    while (!(await reader.read()).done);
  })();
  return {
    async [Symbol.asyncDispose]() {
      killIfRunning(child);
      await Promise.all([child.status, drained, child.stdin.close().catch(() => {})]);
    },
  };
}

testUnless(NO_CERTIFICATES, "a client says what the servers of others want", async () => {
  using made = new Certificates();
  const own = made.make();
  const trusts = ["--tls", "--tls-ca", made.authority.certFile];
  const cases: [options: string[], status: number, said: string][] = [
    [["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], 4, "both sides have no version of TLS in common"],
    [["-tls1_3", "-Verify", "1"], 4, "it asks for a client certificate, and none was sent"],
  ];
  for (const [options, status, said] of cases) {
    const port = freePort();
    await using _server = await startOpenssl(port, own, ...options);
    const [ended, text] = await failing(port, ...trusts);
    assertStringIncludes(text, said);
    assertEquals(ended, status);
  }
});

testUnless(NO_CERTIFICATES, "openssl s_client opens a session by hand", async () => {
  using made = new Certificates();
  const port = freePort();
  await using server = await startServer(port, ...shows(made.make()));
  for (const version of ["-tls1_2", "-tls1_3"]) {
    const child = new Deno.Command("openssl", {
      args: [
        "s_client",
        "-connect",
        `127.0.0.1:${port}`,
        "-quiet",
        version,
        "-CAfile",
        made.authority.certFile,
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const input = child.stdin.getWriter();
    await input.write(
      new TextEncoder().encode("HELLO 1 by-hand {}\nDATA 1 2\nhi\nTERMINATE done\n"),
    );
    const { stdout } = await child.output();
    await input.close().catch(() => {});
    assertMatch(new TextDecoder().decode(stdout), /^WELCOME 1 by-hand .*\nCONFIRM 1\n$/);
  }
  const { tls } = await server.event("connected");
  assert(tls);
});
