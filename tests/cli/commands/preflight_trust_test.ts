/**
 * `--check` of certificates and private keys.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Finding } from "../../../lib/cli/commands/findings.ts";
import { tlsFindings } from "../../../lib/cli/commands/preflight_trust.ts";
import { useKeys } from "../../../lib/cli/files/key_file.ts";
import { watchClientTls, watchServerTls } from "../../../lib/cli/files/tls_files.ts";
import { defaultSettings, type Settings } from "../../../lib/cli/settings.ts";
import { hasNodeTls } from "../../../lib/platform/net/tls/runtime.ts";
import { Certificates, NO_CERTIFICATES, type TestPair } from "../../support/certificates.ts";
import { testUnless } from "../../support/skip.ts";

const why = NO_CERTIFICATES ??
  (hasNodeTls() ? undefined : "certificates are looked at from Deno 2.8 on");

/** So many days from now, as openssl takes a time. */
function day(days: number): string {
  const time = new Date(Date.now() + days * 86_400_000).toISOString();
  return time.replace(/[-:T]/g, "").replace(/\..*/, "Z");
}

function checkServer(settings: Partial<Settings>): Finding[] {
  return tlsFindings("server", { ...defaultSettings("server"), ...settings }, {
    keys: useKeys,
    tls: watchServerTls,
  });
}

function ofPair({ certFile, keyFile }: TestPair): Pick<Settings, "tls_cert" | "tls_key"> {
  return { tls_cert: certFile, tls_key: keyFile };
}

function levels(findings: readonly Finding[]): string[] {
  return findings.map(({ about, level }) => `${level} ${about}`);
}

const VALIDITIES: readonly [
  what: string,
  valid: [from: number, to: number],
  level: string,
  text: RegExp,
][] = [
  ["for a year", [-1, 365], "ok", /CN=localhost, valid until \d{4}-\d\d-\d\d$/],
  ["for 31 days", [-1, 31], "ok", /valid until/],
  ["for 29 days", [-1, 29], "warning", /expires in 28 days, on .*: renew it$/],
  ["until yesterday", [-10, -1], "error", /, which expired on/],
  ["from tomorrow on", [1, 90], "error", /is not valid before/],
];

for (const [what, [from, to], level, text] of VALIDITIES) {
  testUnless(why, `--check of a certificate that is valid ${what}: ${level}`, () => {
    using certificates = new Certificates();
    const findings = checkServer(ofPair(certificates.make({ valid: [day(from), day(to)] })));
    assertEquals(levels(findings), [`${level} tls_cert`, "ok tls_key"]);
    assertMatch(findings[0]!.text, text);
  });
}

testUnless(why, "--check of a private key that others can read, or that does not fit", () => {
  using certificates = new Certificates();
  const valid = [day(-1), day(365)] as const;
  const [own, other] = [certificates.make({ valid }), certificates.make({ valid })];
  Deno.chmodSync(own.keyFile, 0o640);
  assertEquals(levels(checkServer(ofPair(own))), ["ok tls_cert", "warning tls_key"]);
  const [unfit] = checkServer({ tls_cert: own.certFile, tls_key: other.keyFile });
  assertEquals(unfit!.level, "error");
  assertStringIncludes(unfit!.text, "does not fit");
});

testUnless(why, "--check of authorities: one that expires soon is doubtful, at both sides", () => {
  using certificates = new Certificates();
  const pair = ofPair(certificates.make({ valid: [day(-1), day(365)] }));
  // The authority of tests is valid for a day.
  const { certFile } = certificates.authority;
  const server = checkServer({ ...pair, tls_client_ca: certFile });
  assertEquals(levels(server), ["ok tls_cert", "ok tls_key", "warning tls_client_ca"]);
  const settings = { ...defaultSettings("client"), tls: true, tls_ca: certFile };
  const client = tlsFindings("client", settings, { keys: useKeys, tls: watchClientTls });
  assertEquals(levels(client), ["warning tls_ca"]);
});

Deno.test("--check without TLS looks at no certificate", () => {
  assertEquals(checkServer({}), []);
});
