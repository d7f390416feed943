/**
 * What the texts of Deno's own TLS, and the codes of `node:tls`, mean.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { meaningOf } from "../../../../lib/platform/net/error_text.ts";
import { TransportError } from "../../../../lib/platform/net/transport.ts";
import {
  nodeTlsError,
  refusalOf,
  rustlsError,
  type TlsCode,
} from "../../../../lib/platform/net/tls/errors.ts";
import { closeReasonOf, exitStatus, isRetryable } from "../../../../lib/session/close_reason.ts";

/** Each text as Deno 2.6.8 to 2.9.6 give it, its code, and what is said. */
const TEXTS: readonly [text: string, code: TlsCode, said: string][] = [
  [
    "invalid peer certificate: certificate expired: verification time 1795763335 (UNIX), but certificate " +
    "is not valid after 1609459200 (186304135 seconds ago)",
    "TLS_EXPIRED",
    "its certificate has expired: it was valid until 2021-01-01T00:00:00Z (TLS_EXPIRED)",
  ],
  [
    "invalid peer certificate: certificate not valid yet: verification time 1795763336 (UNIX), but " +
    "certificate is not valid before 2208988800 (413225464 seconds in future)",
    "TLS_NOT_YET_VALID",
    "its certificate is not yet valid: it is valid from 2040-01-01T00:00:00Z (TLS_NOT_YET_VALID)",
  ],
  [
    'invalid peer certificate: certificate not valid for name "wrong.example"; certificate is only valid ' +
    'for DnsName("localhost") or IpAddress(127.0.0.1)',
    "TLS_WRONG_NAME",
    "its certificate is for another name: it is for localhost, 127.0.0.1, not for wrong.example " +
    "(TLS_WRONG_NAME)",
  ],
  [
    'invalid peer certificate: certificate not valid for name "localhost"; certificate is not valid for any ' +
    "names (according to its subjectAltName extension)",
    "TLS_WRONG_NAME",
    "its certificate is for another name: it is for no name (subjectAltName), not for localhost " +
    "(TLS_WRONG_NAME)",
  ],
  [
    "invalid peer certificate: UnknownIssuer",
    "TLS_UNKNOWN_AUTHORITY",
    "its certificate is of an authority that is not known here (TLS_UNKNOWN_AUTHORITY)",
  ],
  [
    "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
    "TLS_IS_AUTHORITY",
    "its certificate is that of an authority, not one of a server (TLS_IS_AUTHORITY)",
  ],
  [
    "invalid peer certificate: Other(OtherError(UnsupportedCertVersion))",
    "TLS_BAD_CERTIFICATE",
    "its certificate cannot be used: Other(OtherError(UnsupportedCertVersion)) (TLS_BAD_CERTIFICATE)",
  ],
  [
    "received fatal alert: CertificateRequired",
    "TLS_NO_CERTIFICATE",
    "it asks for a client certificate, and none was sent (TLS_NO_CERTIFICATE)",
  ],
  [
    "received fatal alert: UnknownCA",
    "TLS_DISTRUSTED",
    "it does not accept the certificate of this side: alert UnknownCA (TLS_DISTRUSTED)",
  ],
  [
    "received fatal alert: BadCertificate",
    "TLS_DISTRUSTED",
    "it does not accept the certificate of this side: alert BadCertificate (TLS_DISTRUSTED)",
  ],
  [
    "received fatal alert: ProtocolVersion",
    "TLS_VERSION",
    "both sides have no version of TLS in common; here 1.2 and 1.3 are spoken (TLS_VERSION)",
  ],
  [
    "received fatal alert: HandshakeFailure",
    "TLS_NO_CIPHER",
    "it ended the TLS handshake: no cipher or signature in common, or a client certificate is missing " +
    "(TLS_NO_CIPHER)",
  ],
  [
    "received corrupt message of type InvalidContentType",
    "TLS_NONE",
    "what it sends is no TLS: that port does not speak it (TLS_NONE)",
  ],
  [
    "received corrupt message of type MessageTooLarge",
    "TLS_BROKEN",
    "TLS failed: received corrupt message of type MessageTooLarge (TLS_BROKEN)",
  ],
];

for (const [text, code, said] of TEXTS) {
  Deno.test(`rustlsError() of "${text.slice(0, 60)}" says ${code}`, () => {
    const error = rustlsError(new Deno.errors.InvalidData(text));
    assertInstanceOf(error, TransportError);
    assertEquals([error.code, error.message], [code, said]);
    assert(meaningOf("connect", code)!.next.length > 0);
  });
}

Deno.test("rustlsError() leaves errors of the connection as they are", () => {
  const reset = new Deno.errors.ConnectionReset("reset");
  assertStrictEquals(rustlsError(reset), reset);
});

Deno.test("nodeTlsError() goes by the code, and where that says less, by the text", () => {
  const of = (code: string, text = "") =>
    nodeTlsError(Object.assign(new Error(text), { code })).code;
  assertEquals(of("CERT_HAS_EXPIRED"), "TLS_EXPIRED");
  assertEquals(of("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "TLS_UNKNOWN_AUTHORITY");
  assertEquals(
    of("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "received fatal alert: UnknownCA"),
    "TLS_DISTRUSTED",
  );
  assertEquals(of("ERR_SSL_WHAT", "something new"), "TLS_BROKEN");
});

Deno.test("what a setting of this side is to change is final; what time or a renewal changes is not", () => {
  const end = (code: TlsCode) => {
    const text = TEXTS.find(([, each]) => each === code)![0];
    return closeReasonOf(rustlsError(new Deno.errors.InvalidData(text)));
  };
  const ends = (code: TlsCode) => {
    const { by, reason } = end(code);
    return [by, reason, isRetryable(end(code)), exitStatus(end(code), "client", false)];
  };
  assertEquals(ends("TLS_EXPIRED"), ["self", "refused", true, 3]);
  assertEquals(ends("TLS_NOT_YET_VALID"), ["self", "refused", true, 3]);
  assertEquals(ends("TLS_WRONG_NAME"), ["self", "refused", false, 3]);
  assertEquals(ends("TLS_UNKNOWN_AUTHORITY"), ["self", "refused", false, 3]);
  assertEquals(ends("TLS_NONE"), ["self", "protocol", false, 3]);
  assertEquals(ends("TLS_NO_CERTIFICATE"), ["peer", "refused", false, 4]);
  assertEquals(ends("TLS_DISTRUSTED"), ["peer", "refused", false, 4]);
  assertEquals(ends("TLS_VERSION"), ["peer", "refused", false, 4]);
});

Deno.test("refusalOf() has a sentence for each reason, and one for all others", () => {
  assertEquals(
    refusalOf("TLS_NO_CERTIFICATE").text,
    "this server asks for a client certificate, and none was sent (tls_cert)",
  );
  assertEquals(refusalOf("TLS_EXPIRED").text, "the client's certificate has expired");
  assertEquals(refusalOf("TLS_BAD_CERTIFICATE").text, "the client's certificate cannot be used");
});
