/**
 * What first bytes tell, and how many of them it takes.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  identifiesProtocol,
  identifiesSession,
  parseHello,
  purposeOf,
} from "../../lib/server/first_bytes.ts";
import { ORIGINAL_TEXT as TEXT } from "../../lib/wire/original.ts";
import { bytes } from "../support/bytes.ts";

/** After how many bytes of a text this is so; `undefined` if it never is. */
function from(text: string, isSo: (first: Uint8Array) => boolean): number | undefined {
  for (let count = 1; count <= text.length; count++) {
    if (isSo(bytes(text.slice(0, count)))) return count;
  }
}

const HELLO = 'HELLO 1 s {"reconnect":true,"confirmed":3,"sent":5}';

/** What is said; after how many bytes its wire, and the session or that it names none, is told. */
const SAID: [string, number | undefined, number | undefined][] = [
  [`${HELLO}\nDATA 1 1\nx\n`, 1, HELLO.length + 1],
  [`${HELLO}\r\n`, 1, HELLO.length + 2],
  [HELLO, 1, undefined],
  [`HEARTBEAT 1\n`, 1, 12],
  [TEXT.data, TEXT.data.length, TEXT.data.length],
  [TEXT.data + TEXT.data, TEXT.data.length, TEXT.data.length],
  [TEXT.heartbeat, TEXT.heartbeat.length, TEXT.heartbeat.length],
  // A client says these to end a session, or never.
  [TEXT.terminate, TEXT.terminate.length, undefined],
  ["TERMINATE done\n", TEXT.terminate.length, 15],
  ["CLIENT_DATA\n", 12, 12],
  ["GET / HTTP/1.1\r\n", 1, 16],
  ["\n", 1, 1],
];

for (const [text, wire, session] of SAID) {
  Deno.test(`identifiesProtocol() and identifiesSession() on ${JSON.stringify(text.slice(0, 24))}`, () => {
    assertEquals([from(text, identifiesProtocol), from(text, identifiesSession)], [wire, session]);
    // More bytes change nothing.
    for (let count = session ?? Infinity; count <= text.length; count++) {
      assertEquals(identifiesSession(bytes(text.slice(0, count))), true);
    }
  });
}

Deno.test("purposeOf() tells what a connection of an original client is for", () => {
  assertEquals(purposeOf(bytes(TEXT.data)), "data");
  assertEquals(purposeOf(bytes(`${TEXT.heartbeat}${TEXT.heartbeat}`)), "heartbeat");
  for (const text of ["", TEXT.reply, TEXT.terminate, `${HELLO}\n`, "CLIENT_HEARTBEAT"]) {
    assertEquals(purposeOf(bytes(text)), undefined, text);
  }
});

Deno.test("parseHello() gives the HELLO, whatever comes behind it", () => {
  const hello = { id: "s", reconnects: true, confirmed: 3, sent: 5, settled: false };
  for (const rest of ["", "DATA 1 1\nx\n", "DATA 1", "nonsense\n"]) {
    assertEquals(parseHello(bytes(`${HELLO}\n${rest}`)), hello, rest);
  }
});

Deno.test("parseHello() gives nothing where there is no HELLO, or none yet", () => {
  const none = ["", HELLO, "HEARTBEAT 1\n", "nonsense\n", "HELLO 1\n", "HELLO 1 s {\n", TEXT.data];
  for (const text of [...none, `DATA 1 1\nx\n${HELLO}\n`, "x".repeat(2_000)]) {
    assertEquals(parseHello(bytes(text)), undefined, text);
  }
});
