/**
 * The original's messages: decoded whole, concatenated or cut at every place, and detected by a prefix.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import {
  beginsOriginal,
  ORIGINAL_TEXT,
  originalBytes,
  OriginalDecoder,
  type OriginalMessage,
  purposeOf,
} from "../../lib/original/wire.ts";
import { ProtocolError } from "../../lib/wire/protocol.ts";
import { forEachSeed } from "../support/random.ts";

const MESSAGES = Object.keys(ORIGINAL_TEXT) as OriginalMessage[];
const encoder = new TextEncoder();

/** All messages that the decoder has by now. */
function drain(decoder: OriginalDecoder): OriginalMessage[] {
  const messages: OriginalMessage[] = [];
  for (let each = decoder.next(); each !== undefined; each = decoder.next()) messages.push(each);
  return messages;
}

function decode(...chunks: (string | Uint8Array)[]): OriginalMessage[] {
  const decoder = new OriginalDecoder();
  return chunks.flatMap((chunk) => {
    decoder.push(typeof chunk === "string" ? encoder.encode(chunk) : chunk);
    return drain(decoder);
  });
}

Deno.test("originalBytes() gives what the original program sends", () => {
  const said = MESSAGES.map((message) => new TextDecoder().decode(originalBytes(message)));
  assertEquals(said, ["CLIENT_DATA_MESSAGE", "SERVER_DATA_REPLY", "MSG_HEARTBEAT", "TERMINATE"]);
});

Deno.test("OriginalDecoder.next() gives each message once, and then nothing", () => {
  for (const message of MESSAGES) assertEquals(decode(ORIGINAL_TEXT[message]), [message]);
  assertEquals(decode(""), []);
});

Deno.test("OriginalDecoder.next() gives glued messages one by one", () => {
  const all = MESSAGES.map((message) => ORIGINAL_TEXT[message]).join("");
  assertEquals(decode(all + all), [...MESSAGES, ...MESSAGES]);
});

Deno.test("OriginalDecoder.next() gives a message that is cut, at every place, at its end", () => {
  for (const message of MESSAGES) {
    const text = ORIGINAL_TEXT[message];
    for (let at = 1; at < text.length; at++) {
      const decoder = new OriginalDecoder();
      decoder.push(encoder.encode(text.slice(0, at)));
      assertEquals([drain(decoder), decoder.midFrame], [[], true], `${message} cut at ${at}`);
      decoder.push(encoder.encode(text.slice(at)));
      assertEquals([drain(decoder), decoder.midFrame], [[message], false], `${message} at ${at}`);
    }
  }
});

Deno.test("OriginalDecoder.next() gives the same messages however they are glued and cut", async () => {
  await forEachSeed(200, (random) => {
    const messages = Array.from({ length: random.between(1, 40) }, () => random.pick(MESSAGES));
    const bytes = encoder.encode(messages.map((message) => ORIGINAL_TEXT[message]).join(""));
    assertEquals(decode(...random.chunks(bytes)), messages);
  });
});

Deno.test("OriginalDecoder.next() throws at bytes that are no message, and quotes them", () => {
  const longer = ["CLIENT_DATA_MESSAGE!", "MSG_HEARTBEAT\n"];
  for (const text of [...longer, "X", "CLIENT_DATA_REPLY", "terminate", "\0"]) {
    assertThrows(() => decode(text), ProtocolError, "is no message of the original program");
  }
  assertThrows(() => decode("CLIENT_", "HELLO"), ProtocolError, '"CLIENT_HELLO" is no message');
  const control = new Uint8Array([0xff, 0x1b]);
  assertThrows(() => decode(control), ProtocolError, '"ÿ\\u001b" is no message');
});

Deno.test("OriginalDecoder.next() gives the messages before the wrong bytes", () => {
  const decoder = new OriginalDecoder();
  decoder.push(encoder.encode("MSG_HEARTBEATnonsense"));
  assertEquals(decoder.next(), "heartbeat");
  assertThrows(() => decoder.next(), ProtocolError, '"nonsense"');
});

Deno.test("beginsOriginal() detects a message from its first byte on", () => {
  for (const message of MESSAGES) {
    const text = ORIGINAL_TEXT[message];
    for (let length = 1; length <= text.length; length++) {
      const begins = beginsOriginal(encoder.encode(text.slice(0, length)));
      assertEquals(begins, message, text.slice(0, length));
    }
    assertEquals(beginsOriginal(encoder.encode(text.repeat(50))), message);
  }
});

Deno.test("beginsOriginal() detects other input, PW/1 above all", () => {
  const pulsewire = ["HELLO 1 s {}\n", "H", "DATA 1 1\nx\n"];
  const others = ["", "GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "CONNECT host:443", "\0", "\xff"];
  const similar = ["CLIENT_HELLO", "SERVER: x", "MSG_HELLO", "TERMINAL", "client_data_message"];
  for (const text of [...pulsewire, ...others, ...similar]) {
    assertEquals(beginsOriginal(encoder.encode(text)), undefined, text);
  }
});

Deno.test("purposeOf() tells what a connection of an original client is for", () => {
  assertEquals(purposeOf(encoder.encode(ORIGINAL_TEXT.data)), "data");
  assertEquals(purposeOf(encoder.encode(ORIGINAL_TEXT.heartbeat.repeat(2))), "heartbeat");
  const { data, heartbeat, reply, terminate } = ORIGINAL_TEXT;
  const fragments = [data.slice(0, 1), data.slice(0, -1), heartbeat.slice(0, -1)];
  for (const text of ["", reply, terminate, "HELLO 1 s {}\n", "CLIENT_HEARTBEAT", ...fragments]) {
    assertEquals(purposeOf(encoder.encode(text)), undefined, text);
  }
});
