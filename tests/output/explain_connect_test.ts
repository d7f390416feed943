/**
 * Why a server cannot listen, and who connects to it for no session, in words.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { explainListen, explainStrangers } from "../../lib/output/explain_connect.ts";
import {
  type Address,
  TransportError,
  type TransportErrorKind,
} from "../../lib/platform/net/transport.ts";

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
      "as port checks do; a PROXY header (version 1): switch off send-proxy in the load balancer; " +
      '"who is there?"',
  );
  for (const sent of ["proxy_v2", "http", "http2", "tls", "ssh"]) {
    const text = explainStrangers({ ...one, sent: [sent] });
    assert(/ sent an? .+: .{20,}$/.test(text), text);
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
