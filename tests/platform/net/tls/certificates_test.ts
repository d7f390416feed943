/**
 * Files of certificates and keys that cannot be used, and chains that lead to no authority.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { UsageError } from "../../../../lib/platform/errors.ts";
import {
  certificatesOf,
  checkAuthorities,
  checkPair,
  isVersion3,
  leadsTo,
  type PemFile,
  subjectOf,
  validityFault,
} from "../../../../lib/platform/net/tls/certificates.ts";
import { hasNodeTls } from "../../../../lib/platform/net/tls/runtime.ts";
import { Certificates, NO_CERTIFICATES, type TestPair } from "../../../support/certificates.ts";
import { testUnless } from "../../../support/skip.ts";

const file = (text: string, setting = "tls_cert"): PemFile => ({ setting, path: "x.pem", text });

function refused(check: () => void): string {
  return assertThrows(check, UsageError).message;
}

Deno.test("hasNodeTls() is true from Deno 2.8.0 on", () => {
  const has = (...versions: string[]) => versions.map((version) => hasNodeTls(version));
  assertEquals(has("2.6.10", "2.7.14", "1.46.3"), [false, false, false]);
  assertEquals(has("2.8.0", "2.8.0-rc.1", "2.9.6", "3.0.0", "2.10.0"), [
    true,
    true,
    true,
    true,
    true,
  ]);
});

testUnless(
  NO_CERTIFICATES,
  "checkPair() takes a certificate with its own key, and nothing else",
  () => {
    using made = new Certificates();
    const [one, other] = [made.make(), made.make({ by: "self" })];
    for (const { cert, key } of [one, other]) checkPair(file(cert), file(key, "tls_key"));
    const wrong = (cert: string, key: string) =>
      refused(() => checkPair(file(cert), file(key, "tls_key")));
    assertEquals(
      wrong(one.cert, other.key),
      "tls_key x.pem: its private key does not fit the first certificate of x.pem",
    );
    assertEquals(
      wrong("hello", one.key),
      "tls_cert x.pem: there is no certificate in it (-----BEGIN CERTIFICATE-----)",
    );
    assertEquals(
      wrong(one.key, one.key),
      "tls_cert x.pem: there is no certificate in it (-----BEGIN CERTIFICATE-----)",
    );
    assertEquals(
      wrong(one.cert, one.cert),
      "tls_key x.pem: there is no private key in it (-----BEGIN PRIVATE KEY-----)",
    );
    const damaged = one.cert.replace(/\n[^\n]{20}/, "\nAAAAAAAAAAAAAAAAAAAA");
    assertEquals(wrong(damaged, one.key), "tls_cert x.pem: certificate 1 in it is damaged");
    const key = one.key.replace(/\n[^\n]{20}/, "\nAAAAAAAAAAAAAAAAAAAA");
    assertEquals(
      wrong(one.cert, key),
      "tls_key x.pem: its private key is damaged, or of an unknown kind",
    );
    assertStringIncludes(
      wrong(one.cert, one.key.replaceAll("PRIVATE", "ENCRYPTED PRIVATE")),
      "tls_key x.pem: its key is encrypted; write it without a passphrase",
    );
    const old = made.make({ isOld: true });
    assertStringIncludes(wrong(old.cert, old.key), "its certificate is of version 1");
  },
);

testUnless(
  NO_CERTIFICATES,
  "checkAuthorities() refuses those whose holders would not be verified",
  () => {
    using made = new Certificates();
    checkAuthorities(file(made.authority.cert));
    const old = made.make({ isOld: true, name: "old" });
    assertEquals(
      refused(() => checkAuthorities(file(made.authority.cert + old.cert, "tls_client_ca"))),
      "tls_client_ca x.pem: the certificate of CN=old is of version 1; TLS takes version 3",
    );
  },
);

testUnless(NO_CERTIFICATES, "validityFault() says since when or until when", () => {
  using made = new Certificates();
  const of = (...valid: [string, string]) =>
    validityFault(file(made.make({ valid }).cert), Date.parse("2026-11-01T00:00:00Z"));
  assertEquals(of("20250101000000Z", "20270101000000Z"), undefined);
  assertEquals(
    of("20250101000000Z", "20260101000000Z"),
    "the certificate is not valid now: it was valid until 2026-01-01T00:00:00Z",
  );
  assertEquals(
    of("20270101000000Z", "20280101000000Z"),
    "the certificate is not valid now: it is valid from 2027-01-01T00:00:00Z",
  );
});

testUnless(NO_CERTIFICATES, "leadsTo() follows signatures, not names", () => {
  using made = new Certificates();
  const x509 = ({ cert }: TestPair) => new X509Certificate(cert);
  const authorities = [x509(made.makeAuthority("another")), x509(made.authority)];
  // Not the time before they were made, from which they are not valid yet.
  const leads = (...chain: TestPair[]) => leadsTo(authorities, chain.map(x509), Date.now());
  const good = made.make();
  assert(leads(good));
  assert(!leads());
  assert(!leads(made.make({ by: "self" })));
  // Of an authority with the same name, also if it shows that one, or the right one, behind.
  const impostor = made.makeAuthority("Test authority");
  const forged = made.make({ by: impostor });
  for (const chain of [[forged], [forged, impostor], [forged, made.authority]]) {
    assert(!leads(...chain));
  }
  // Signed by the holder of a certificate that is no authority.
  const deep = made.make({ by: good, name: "deep" });
  assert(!leads(deep, good));
  assert(!leads(made.make({ isOld: true })));
  assert(!leads(made.make({ valid: ["20200101000000Z", "20210101000000Z"] })));
  assert(!leads(made.make({ valid: ["20400101000000Z", "20410101000000Z"] })));
  assertEquals(isVersion3(x509(good)), true);
  assertEquals(subjectOf(x509(good)), "CN=localhost");
  assertEquals(certificatesOf(file(good.cert + made.authority.cert)).length, 2);
});
