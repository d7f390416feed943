/**
 * The reader of a connection: its listener's calls, and the size of its buffer.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Connection, TransportError } from "../../lib/platform/net/transport.ts";
import {
  MAX_DISCARDED_BYTES,
  MessageReader,
  type ReadAhead,
  SMALLEST_READ_BYTES,
} from "../../lib/wire/reader.ts";

const BREAKS = -1;

/** Reads so many bytes at a time; each read is one message, its length. */
async function read(
  reads: readonly number[],
  fail: (call: string) => void = () => {},
  first?: ReadAhead,
) {
  const sizes: number[] = [];
  const calls: string[] = [];
  const left = [...reads];
  const connection = {
    read(buffer: Uint8Array) {
      sizes.push(buffer.length);
      const count = left.shift();
      if (count === BREAKS) return Promise.reject(new TransportError("reset", "reset"));
      return Promise.resolve(count === undefined ? null : Math.min(count, buffer.length));
    },
  } as unknown as Connection;
  let message: number | undefined;
  const decoder = {
    midFrame: false,
    push: (_buffer: Uint8Array, length: number) => message = length,
    next() {
      const next = message;
      message = undefined;
      return next;
    },
  };
  const call = (text: string) => {
    calls.push(text);
    fail(text);
  };
  const reader = new MessageReader<number>(connection, decoder, {
    onMessage: (length) => call(`message ${length}`),
    onBatchEnd: () => call("end"),
    onError: (error) => calls.push(String(error)),
    onEnd: (failure) => calls.push(failure ? `${failure}` : "closed"),
  }, first);
  await reader.ended();
  return { sizes, calls };
}

Deno.test("MessageReader passes on the messages of each read, until the peer closes", async () => {
  const calls = ["message 5", "end", "message 7", "end", "closed"];
  assertEquals((await read([5, 7])).calls, calls);
});

Deno.test("MessageReader reports what ended the connection", async () => {
  assertEquals((await read([5, BREAKS])).calls, ["message 5", "end", "TransportError: reset"]);
});

Deno.test("MessageReader begins with what was read ahead, and reads on into its buffer", async () => {
  const first = { buffer: new Uint8Array(300), count: 9 };
  const { calls, sizes } = await read([5], undefined, first);
  assertEquals(calls, ["message 9", "end", "message 5", "end", "closed"]);
  assertEquals(sizes, [300, 300]);
});

Deno.test("MessageReader reports an error once, and discards what it reads after that", async () => {
  const fail = (call: string) => {
    if (call === "message 7") throw new Error("a defect");
  };
  const { calls, sizes } = await read([5, 7, 9], fail);
  assertEquals(calls, ["message 5", "end", "message 7", "Error: a defect", "closed"]);
  assertEquals(sizes.length, 4);
});

Deno.test("MessageReader discards a little after an error, and then reads no more until it is closed", async () => {
  let reads = 0;
  let isClosed = false;
  const connection = {
    read(buffer: Uint8Array) {
      reads++;
      if (isClosed) return Promise.reject(new TransportError("closed", "closed here"));
      return Promise.resolve(buffer.length);
    },
  } as unknown as Connection;
  const calls: string[] = [];
  const reader = new MessageReader<number>(connection, {
    push: () => {},
    next: () => {
      throw new Error("no message");
    },
  }, {
    onMessage: () => {},
    onBatchEnd: () => {},
    onError: (error) => calls.push(String(error)),
    onEnd: (failure) => calls.push(String(failure)),
  });
  let hasEnded = false;
  reader.ended().then(() => hasEnded = true);
  await new Promise((resolve) => setTimeout(resolve, 0));
  const enough = 1 + Math.ceil((MAX_DISCARDED_BYTES + 1) / (2 * SMALLEST_READ_BYTES));
  assertEquals([reads, hasEnded], [enough, false]);
  isClosed = true;
  await reader.closed();
  assertEquals([reads, hasEnded], [enough + 1, true]);
  assertEquals(calls, ["Error: no message", "TransportError: closed here"]);
});

Deno.test("MessageReader grows its buffer while reads fill it, and shrinks it after 16 small ones", async () => {
  const full = Array(10).fill(Infinity);
  const { sizes } = await read([...full, ...Array(16).fill(1)]);
  const grown = [256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536, 65_536];
  assertEquals(sizes, [...grown, ...Array(16).fill(65_536), 256]);
});
