/**
 * The files of TLS are read and checked, and used again when they have changed.
 *
 * @module
 */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { watchClientTls, watchServerTls } from "../../../lib/cli/files/tls_files.ts";
import { defaultSettings } from "../../../lib/cli/settings.ts";
import { UserError } from "../../../lib/platform/errors.ts";
import { hasNodeTls } from "../../../lib/platform/net/tls/runtime.ts";
import type { ServerPem } from "../../../lib/platform/net/tls/server.ts";
import type { ClientPem } from "../../../lib/platform/net/tls/tls.ts";
import { Certificates, NO_CERTIFICATES } from "../../support/certificates.ts";
import { testUnless } from "../../support/skip.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const LACKS = NO_CERTIFICATES ??
  (hasNodeTls() ? undefined : "certificates are changed while it runs from Deno 2.8 on");

testUnless(
  LACKS,
  "watchServerTls() uses a changed pair, and not one that does not fit",
  async () => {
    using made = new Certificates();
    const valid = ["20200101000000Z", "20500101000000Z"] as const;
    const [first, second] = [made.make({ valid }), made.make({ valid })];
    const [cert, key] = [made.write("cert", first.cert), made.write("key", first.key)];
    const settings = { ...defaultSettings("server"), tls_cert: cert, tls_key: key };
    const [used, reports]: [ServerPem[], string[]] = [[], []];
    const clock = new VirtualClock();
    using files = watchServerTls({
      settings: { ...settings, tls_client_ca: made.authority.certFile },
      clock,
      use: (pem) => used.push(pem),
      report: (_, text) => reports.push(text),
    });
    assertEquals(used, [{ cert: first.cert, key: first.key, clientCa: made.authority.cert }]);
    made.write("cert", second.cert);
    await files.look();
    assertEquals(used.length, 1);
    assertStringIncludes(reports[0]!, "does not fit the first certificate");
    made.write("key", second.key);
    await files.look();
    assertEquals(used[1]?.cert, second.cert);
  },
);

testUnless(LACKS, "watchServerTls() warns of a certificate that clients will not accept", () => {
  using made = new Certificates();
  const old = made.make({ valid: ["20200101000000Z", "20210101000000Z"] });
  const settings = { ...defaultSettings("server"), tls_cert: old.certFile, tls_key: old.keyFile };
  const reports: string[] = [];
  const clock = new VirtualClock();
  const report = (level: string, text: string) => reports.push(`${level} ${text}`);
  using _files = watchServerTls({ settings, clock, use: () => {}, report });
  assertEquals(reports, [
    `warning tls_cert ${old.certFile}: the certificate is not valid now: it was valid until ` +
    "2021-01-01T00:00:00Z; clients will not accept it",
  ]);
});

testUnless(LACKS, "watchClientTls() reads what is set, in any combination", async () => {
  using made = new Certificates();
  const own = made.make({ name: "me" });
  const ca = made.write("ca", made.authority.cert);
  const used: ClientPem[] = [];
  const clock = new VirtualClock();
  const watch = (set: Record<string, string>) =>
    watchClientTls({
      settings: { ...defaultSettings("client"), ...set },
      clock,
      use: (pem) => used.push(pem),
      report: () => {},
    });
  using _none = watch({});
  using files = watch({ tls_ca: ca, tls_server_name: "x.example" });
  using _all = watch({ tls_ca: ca, tls_cert: own.certFile, tls_key: own.keyFile });
  assertEquals(used.map(({ ca, cert, serverName }) => [ca, cert, serverName]), [
    [undefined, undefined, undefined],
    [made.authority.cert, undefined, "x.example"],
    [made.authority.cert, own.cert, undefined],
  ]);
  made.write("ca", own.cert + made.authority.cert);
  await files.look();
  assertEquals(used.at(-1)?.ca, own.cert + made.authority.cert);
  const { message } = assertThrows(() => watch({ tls_ca: own.keyFile }), UserError);
  assertStringIncludes(message, "tls_ca");
  assertStringIncludes(message, "there is no certificate in it");
});
