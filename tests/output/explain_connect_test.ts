/**
 * Why a server cannot listen, why a name is not found, and who connects to it for no session, in words.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { explainEnd } from "../../lib/output/explain.ts";
import { explainListen, explainStrangers } from "../../lib/output/explain_connect.ts";
import { networkErrorText } from "../../lib/platform/net/error_text.ts";
import {
  type Address,
  TransportError,
  type TransportErrorKind,
} from "../../lib/platform/net/transport.ts";
import { terminatedOf } from "../support/events.ts";
import { DEFAULT_TIMERS } from "../support/stage.ts";

const LISTEN: readonly [kind: TransportErrorKind, address: Address, ...parts: string[]][] = [
  ["address_in_use", { host: "0.0.0.0", port: 80 }, "0.0.0.0:80", "taken", "ss -ltnp"],
  ["not_permitted", { host: "::", port: 80 }, "[::]:80", "not permitted", "--port"],
  ["address_not_here", { host: "192.0.2.1", port: 80 }, "192.0.2.1:80", "no interface"],
  ["name_not_found", { host: "db.example", port: 80 }, "db.example:80", "no address"],
  ["other", { host: "::1", port: 80 }, "[::1]:80", "os error 5"],
];

for (const [kind, address, ...parts] of LISTEN) {
  Deno.test(`explainListen() tells why a server cannot listen: ${kind}`, () => {
    const text = explainListen(new TransportError(kind, "os error 5"), address);
    for (const part of ["cannot listen on ", ...parts]) assertStringIncludes(text, part);
  });
}

/** What systems say of a failed look-up: no code tells a wrong name from a name server that is silent. */
const LOOKUPS: readonly [where: string, report: string, quoted: string][] = [
  ["glibc, no such name", "Name or service not known", "Name or service not known"],
  [
    "glibc, no answer",
    "Temporary failure in name resolution",
    "Temporary failure in name resolution",
  ],
  [
    "glibc, no address",
    "No address associated with hostname",
    "No address associated with hostname",
  ],
  ["musl, no such name", "Name does not resolve", "Name does not resolve"],
  ["musl, no answer", "Try again", "Try again"],
  [
    "macOS, no such name",
    "nodename nor servname provided, or not known",
    "nodename nor servname provided, or not known",
  ],
  [
    "Windows, WSAHOST_NOT_FOUND",
    "No such host is known. (os error 11001)",
    "No such host is known",
  ],
  [
    "Windows, WSATRY_AGAIN",
    "This is usually a temporary error during hostname resolution and means that the local server " +
    "did not receive a response from an authoritative server. (os error 11002)",
    "This is usually a temporary error during hostname resolution and means that the local server " +
    "did not receive a response from an authoritative server",
  ],
  ["a system not known here", "Le nom : inconnu (DNS: 3)", "Le nom : inconnu (DNS: 3)"],
];

for (const [where, report, quoted] of LOOKUPS) {
  Deno.test(`a failed look-up has one sentence, with the system's words: ${where}`, () => {
    const text = `failed to lookup address information: ${report}`;
    const unused = { idle_ms: null, age_ms: null, predicted_ms: null };
    const end = terminatedOf({ by: "network", reason: "name_not_found", text, ...unused });
    const said = `no address is known for that name (${quoted}). Look next: its spelling, and ` +
      "whether the name server of this host answers";
    assertEquals(
      explainEnd(end, "client", DEFAULT_TIMERS),
      `cannot connect to 192.0.2.1:4000: ${said}`,
    );
    assertEquals(
      explainListen(new TransportError("name_not_found", text), { host: "db.example", port: 80 }),
      `cannot listen on db.example:80: ${said}; 0.0.0.0 listens on every address`,
    );
  });
}

Deno.test("a failed look-up that the system has no words for has the same sentence without any", () => {
  const error = new TransportError("name_not_found", "failed to lookup address information: ");
  assertEquals(
    explainListen(error, { host: "db.example", port: 80 }),
    "cannot listen on db.example:80: no address is known for that name. Look next: its spelling, " +
      "and whether the name server of this host answers; 0.0.0.0 listens on every address",
  );
});

Deno.test("explainStrangers() tells how many came from where, what they sent, and what to change", () => {
  const one = { count: 1, addresses: ["192.0.2.1"], sent: ["nothing"] };
  assertEquals(
    explainStrangers(one),
    "1 connection from 192.0.2.1 opened no session and sent nothing, as port checks do",
  );
  const several = {
    count: 31,
    addresses: ["192.0.2.1", "192.0.2.2", "[2001:db8::1]"],
    sent: ["nothing", "proxy_v1", '"who is there?"'],
  };
  assertEquals(
    explainStrangers(several),
    "31 connections from 192.0.2.1, 192.0.2.2 and [2001:db8::1] opened no session and sent nothing, " +
      "as port checks do, or a PROXY header of version 1 (switch off send-proxy in the load balancer), " +
      'or "who is there?"',
  );
  const limits = { denied: 2, max_sessions_per_address: 3 };
  const limited = { count: 5, addresses: ["192.0.2.1"], sent: [], limits };
  const which = "2 not let in (allow, deny), 3 refused for want of room for one address " +
    "(max_sessions_per_address)";
  assertEquals(
    explainStrangers(limited),
    `5 connections from 192.0.2.1 opened no session: ${which}`,
  );
  assertEquals(
    explainStrangers({ ...limited, count: 6, sent: ["nothing"] }),
    `6 connections from 192.0.2.1 opened no session: ${which}; the others sent nothing, as port checks do`,
  );
  for (const sent of ["proxy_v2", "http", "http2", "tls", "ssh"]) {
    const text = explainStrangers({ ...one, sent: [sent] });
    assert(/ sent an? .+ \(.{20,}\)$/.test(text), text);
  }
});

Deno.test("explainListen() says whole what is known of an error with its code", () => {
  const error = new TransportError("other", "", { code: "EINVAL", text: "not there (EINVAL)" });
  assertEquals(
    explainListen(error, { host: "fe80::1", port: 80 }),
    "cannot listen on [fe80::1]:80: not there (EINVAL). Look next: an address such as fe80::1 is " +
      "written fe80::1%eth0; 0.0.0.0 listens on every address",
  );
});

Deno.test("a client says of its own refusals and of alerts what they mean, and what to look at next", () => {
  const said = (code: string, by: "self" | "peer", reason: "refused" | "protocol") => {
    const text = networkErrorText("connect", code, "");
    const end = terminatedOf({ by, reason, text, code, peer: "db:4000", predicted_ms: null });
    return explainEnd(end, "client", DEFAULT_TIMERS);
  };
  assertEquals(
    said("TLS_WRONG_NAME", "self", "refused"),
    "this side does not trust db:4000: its certificate is for another name (TLS_WRONG_NAME). Look next: " +
      "give the name in the certificate with tls_server_name, or a certificate with this name",
  );
  assertEquals(
    said("TLS_NONE", "self", "protocol"),
    "this side cannot connect to db:4000: what it sends is no TLS: that port does not speak it " +
      "(TLS_NONE). Look next: switch tls off here, or give the server tls_cert and tls_key; is this the " +
      "right port?",
  );
  assertEquals(
    said("TLS_NO_CERTIFICATE", "peer", "refused"),
    "db:4000: the server refused the session: it asks for a client certificate, and none was sent " +
      "(TLS_NO_CERTIFICATE). Look next: tls_cert and tls_key, with a certificate of an authority that it " +
      "knows",
  );
});

Deno.test("explainStrangers() says what strangers of a port for TLS sent", () => {
  const said = (sent: string) =>
    explainStrangers({ count: 1, addresses: ["192.0.2.1"], sent: [sent] });
  const none = "1 connection from 192.0.2.1 opened no session and sent ";
  assertEquals(said("no_tls"), `${none}a HELLO without TLS (switch tls on at that client)`);
  assertEquals(said("tls_no_certificate"), `${none}no client certificate (see tls_cert there)`);
  assertStringIncludes(said("tls_distrust"), "that it does not trust this server's certificate");
});
