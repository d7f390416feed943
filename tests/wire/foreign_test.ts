/**
 * Other protocols, by the first bytes of a connection: of clients that call a server, and of servers that
 * answer a client.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  describeSent,
  explainForeign,
  type ForeignProtocol,
  foreignProtocol,
} from "../../lib/wire/foreign.ts";

function bytes(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (character) => character.charCodeAt(0));
}

const FOREIGN: readonly [what: string, first: string, ForeignProtocol | undefined][] = [
  ["a PROXY header of version 1", "PROXY TCP4 192.0.2.1 192.0.2.2 5 4000\r\n", "proxy_v1"],
  ["one without addresses", "PROXY UNKNOWN\r\nHELLO 1 s {}\n", "proxy_v1"],
  ["a PROXY header of version 2", "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", "proxy_v2"],
  ["an HTTP request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "http"],
  ["a health check of haproxy", "OPTIONS / HTTP/1.0\r\n\r\n", "http"],
  ["an HTTP answer", "HTTP/1.1 400 Bad Request\r\n", "http"],
  ["an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http2"],
  ["the settings of an HTTP/2 server", "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80", "http2"],
  ["a TLS hello", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "tls"],
  ["a TLS alert", "\x15\x03\x03\0\x02\x02\x46", "tls"],
  ["an SSH banner", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "ssh"],
  ["nothing", "", undefined],
  ["a HELLO", "HELLO 1 s {}\n", undefined],
  ["a WELCOME", "WELCOME 1 s {}\n", undefined],
  ["a method alone", "GET", undefined],
  ["a word that begins like a method", "GETTING 1\n", undefined],
  ["zeros", "\0\0\0\0\0\0\0\0\0", undefined],
  ["a record of a version that never was", "\x16\x03\x09\0\0", undefined],
  ["a version of HTTP that has no text", "HTTP/2", undefined],
];

for (const [what, first, expected] of FOREIGN) {
  Deno.test(`foreignProtocol() of ${what} is ${expected ?? "not known"}`, () => {
    assertEquals(foreignProtocol(bytes(first)), expected);
    for (const receiver of ["client", "server"] as const) {
      const text = explainForeign(bytes(first), receiver);
      assertEquals(text?.startsWith("it sent a"), expected && true);
    }
  });
}

Deno.test("foreignProtocol() takes no beginning of one for another, byte by byte", () => {
  for (const [what, first, expected] of FOREIGN) {
    const found = Array.from(first, (_, at) => foreignProtocol(bytes(first.slice(0, at))));
    const others = found.filter((each) => each !== undefined && each !== expected);
    assertEquals(others, [], what);
  }
});

Deno.test("describeSent() names what is known, and quotes the first line of anything else", () => {
  const quotes: readonly [first: string, sent: string][] = [
    ["", "nothing"],
    ["GET / HTTP/1.1\r\n", "http"],
    ["hello?\nis anybody there\n", '"hello?"'],
    ["\x1b[2J", '"\\u001b[2J"'],
    ["x".repeat(64), `"${"x".repeat(40)}…"`],
    ["\n", '""'],
  ];
  for (const [first, sent] of quotes) assertEquals(describeSent(bytes(first)), sent);
});
