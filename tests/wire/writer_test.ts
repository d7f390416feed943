/**
 * The write queue: order of frames, and number of writes.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Connection, TransportError } from "../../lib/platform/net/transport.ts";
import type { Frame } from "../../lib/wire/protocol.ts";
import { FrameWriter, MAX_WAITING_FRAMES } from "../../lib/wire/writer.ts";
import { settle } from "../support/virtual_clock.ts";

/** A connection whose writes the test completes. */
function stage(mostAtOnce = Infinity) {
  const begun: string[] = [];
  const written: string[] = [];
  const errors: unknown[] = [];
  let waiting: { take: () => void; fail: (error: unknown) => void } | undefined;
  const connection = {
    write: (bytes: Uint8Array) =>
      new Promise<number>((resolve, reject) => {
        const taken = bytes.subarray(0, mostAtOnce);
        waiting = {
          take: () => {
            written.push(new TextDecoder().decode(taken));
            resolve(taken.length);
          },
          fail: reject,
        };
      }),
  } as unknown as Connection;
  const writer = new FrameWriter(connection, {
    onFailure: (error) => errors.push(error),
    onWriting: ({ type }) => begun.push(type),
  });
  const act = async (what: "take" | "fail") => {
    await settle();
    const now = waiting!;
    waiting = undefined;
    if (what === "take") now.take();
    else now.fail(new TransportError("reset", "reset"));
    await settle();
  };
  return { writer, written, begun, errors, act, isWriting: () => waiting !== undefined };
}

const beat = (n: number): Frame => ({ type: "HEARTBEAT", n });
const data = (seq: number, text = "x"): Frame => ({
  type: "DATA",
  seq,
  payload: new TextEncoder().encode(text),
});

Deno.test("FrameWriter.writeNow() writes what is queued at once, and what follows after it", async () => {
  const { writer, written, act, isWriting } = stage(11);
  writer.writeNow();
  writer.send(beat(1));
  assertEquals(isWriting(), false);
  writer.writeNow();
  assertEquals(isWriting(), true);
  writer.send(beat(2));
  writer.writeNow();
  await act("take");
  assertEquals(written, ["HEARTBEAT 1"], "it is one write that the network took a part of");
  await act("take");
  await act("take");
  await act("take");
  assertEquals(written.join(""), "HEARTBEAT 1\nHEARTBEAT 2\n");
  assertEquals([isWriting(), writer.isIdle], [false, true]);
});

Deno.test("FrameWriter.writeNow() fails once", async () => {
  const errors: unknown[] = [];
  const defect = new Error("a defect");
  const connection = {
    write() {
      throw defect;
    },
  } as unknown as Connection;
  const writer = new FrameWriter(connection, { onFailure: (error) => errors.push(error) });
  writer.send(beat(1));
  writer.writeNow();
  await settle();
  assertEquals([errors, writer.isIdle], [[defect], true]);
});

Deno.test("FrameWriter writes all that is ready in one write", async () => {
  const { writer, written, act } = stage();
  writer.send(beat(1));
  writer.send(beat(2));
  await act("take");
  assertEquals(written, ["HEARTBEAT 1\nHEARTBEAT 2\n"]);
});

Deno.test("FrameWriter tells of each frame when the write begins that it is in, and not before", async () => {
  const { writer, begun, act } = stage();
  writer.send(data(1));
  writer.send(beat(1));
  assertEquals(begun, []);
  await settle();
  assertEquals(begun, ["HEARTBEAT", "DATA"]);
  writer.send({ type: "CONFIRM", seq: 1 });
  writer.send({ type: "CONFIRM", seq: 2 });
  await settle();
  assertEquals(begun.length, 2, "the peer does not read");
  await act("take");
  assertEquals(begun.slice(2), ["CONFIRM"]);
});

Deno.test("FrameWriter collects while a write is under way", async () => {
  const { writer, written, act, isWriting } = stage();
  writer.send(beat(1));
  await settle();
  writer.send(beat(2));
  writer.send(beat(3));
  await act("take");
  await act("take");
  assertEquals(written, ["HEARTBEAT 1\n", "HEARTBEAT 2\nHEARTBEAT 3\n"]);
  assertEquals(isWriting(), false);
});

Deno.test("FrameWriter continues where a partial write stopped", async () => {
  const { writer, written, act } = stage(5);
  writer.send(beat(1));
  await act("take");
  await act("take");
  await act("take");
  assertEquals(written.join(""), "HEARTBEAT 1\n");
});

Deno.test("FrameWriter puts heartbeats before data messages that wait", async () => {
  const { writer, written, act } = stage();
  writer.send(data(1));
  await settle();
  writer.send(data(2));
  writer.send(data(3));
  writer.send(beat(1));
  await act("take");
  await act("take");
  assertEquals(written[1], "HEARTBEAT 1\nDATA 2 1\nx\nDATA 3 1\nx\n");
});

Deno.test("FrameWriter delays a heartbeat by one batch at the most", async () => {
  const { writer, written, act } = stage();
  for (let seq = 1; seq <= 6; seq++) writer.send(data(seq, "x".repeat(30_000)));
  await settle();
  writer.send(beat(1));
  await act("take");
  await act("take");
  assertEquals(written[0]!.length < 100_000, true);
  assertEquals(written[1]!.startsWith("HEARTBEAT 1\n"), true);
});

Deno.test("FrameWriter sends the last of several confirmations in a row, in its place", async () => {
  const { writer, written, act } = stage();
  writer.send(beat(1));
  for (let seq = 1; seq <= 3; seq++) writer.send({ type: "CONFIRM", seq });
  writer.send(beat(2));
  writer.send({ type: "CONFIRM", seq: 4 });
  writer.send({ type: "TERMINATE", reason: "done", text: "" });
  await settle();
  assertEquals(writer.confirmedUpTo, 0);
  await act("take");
  assertEquals(written[0], "HEARTBEAT 1\nCONFIRM 3\nHEARTBEAT 2\nCONFIRM 4\nTERMINATE done\n");
  assertEquals(writer.confirmedUpTo, 4);
});

Deno.test("FrameWriter.isIdle is so again when all is written, or a write has failed", async () => {
  for (const outcome of ["take", "fail"] as const) {
    const { writer, act } = stage();
    assertEquals(writer.isIdle, true);
    writer.send(beat(1));
    assertEquals(writer.isIdle, false);
    await act(outcome);
    assertEquals(writer.isIdle, true);
  }
});

Deno.test("FrameWriter.flushed() resolves when all is written", async () => {
  const { writer, act } = stage();
  await writer.flushed();
  writer.send(beat(1));
  let flushed = false;
  writer.flushed().then(() => flushed = true);
  await settle();
  assertEquals(flushed, false);
  await act("take");
  assertEquals(flushed, true);
});

Deno.test("FrameWriter reports a failed write once, and writes no more", async () => {
  const { writer, errors, act, isWriting } = stage();
  writer.send({ type: "CONFIRM", seq: 1 });
  await act("fail");
  writer.send(beat(2));
  await settle();
  await writer.flushed();
  assertEquals(errors.length, 1);
  assertEquals(isWriting(), false);
  assertEquals(writer.confirmedUpTo, 0);
});

Deno.test("FrameWriter queues no heartbeat behind a full queue", async () => {
  const { writer, written, act } = stage();
  writer.send(data(1));
  await settle();
  for (let n = 1; n <= 2 * MAX_WAITING_FRAMES; n++) writer.send(beat(n));
  await act("take");
  await act("take");
  assertEquals(written[1]!.split("\n").length - 1, MAX_WAITING_FRAMES);
});

Deno.test("FrameWriter is full when MAX_WAITING_FRAMES wait", async () => {
  const { writer, act } = stage();
  writer.send(beat(0));
  await settle();
  for (let n = 1; n < MAX_WAITING_FRAMES; n++) writer.send(beat(n));
  assertEquals(writer.full, false);
  writer.send(beat(MAX_WAITING_FRAMES));
  assertEquals(writer.full, true);
  await act("take");
  assertEquals(writer.full, false);
  await act("take");
});

Deno.test("FrameWriters that write one after the other share a buffer, and no two have one at a time", async () => {
  const buffers: ArrayBufferLike[] = [];
  const texts: string[] = [];
  const taking: (() => void)[] = [];
  const newWriter = () => {
    const write = (bytes: Uint8Array) =>
      new Promise<number>((resolve) => {
        buffers.push(bytes.buffer);
        taking.push(() => {
          texts.push(new TextDecoder().decode(bytes));
          resolve(bytes.length);
        });
      });
    return new FrameWriter({ write } as unknown as Connection, { onFailure: () => {} });
  };
  const take = async () => {
    await settle();
    for (const each of taking.splice(0)) each();
    await settle();
  };
  const [first, second] = [newWriter(), newWriter()];
  first.send(beat(1));
  second.send(beat(2));
  await take();
  second.send(beat(3));
  newWriter().send(beat(4));
  await take();
  assertEquals(texts, ["HEARTBEAT 1\n", "HEARTBEAT 2\n", "HEARTBEAT 3\n", "HEARTBEAT 4\n"]);
  assertEquals(new Set(buffers.slice(0, 2)).size, 2);
  assertEquals(new Set(buffers), new Set(buffers.slice(0, 2)));
});
