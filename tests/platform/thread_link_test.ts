/**
 * The channel between two threads: messages of one turn are posted together, in order.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Port, ThreadLink } from "../../lib/platform/thread_link.ts";
import { settle } from "../support/virtual_clock.ts";

/** A port that records what is posted, and receives what the test sends. */
class FakePort implements Port {
  onmessage: ((event: MessageEvent) => void) | null = null;
  readonly posted: unknown[] = [];

  postMessage(message: unknown): void {
    this.posted.push(structuredClone(message));
  }

  deliver(data: unknown): void {
    this.onmessage!(new MessageEvent("message", { data }));
  }
}

Deno.test("ThreadLink.send() posts the messages of one turn together, in order", async () => {
  const port = new FakePort();
  const link = new ThreadLink<number, never>(port, () => {});
  for (const n of [1, 2, 3]) link.send(n);
  assertEquals(port.posted, []);
  await settle();
  assertEquals(port.posted, [[1, 2, 3]]);
  link.send(4);
  await settle();
  assertEquals(port.posted, [[1, 2, 3], [4]]);
});

Deno.test("ThreadLink.send() posts later what is sent while it posts", async () => {
  const port = new FakePort();
  const link = new ThreadLink<number, never>(port, () => {});
  const post = port.postMessage.bind(port);
  port.postMessage = (messages) => {
    post(messages);
    if (port.posted.length === 1) link.send(2);
  };
  link.send(1);
  await settle();
  assertEquals(port.posted, [[1], [2]]);
});

Deno.test("ThreadLink receives each message, in order", () => {
  const port = new FakePort();
  const received: string[] = [];
  new ThreadLink<never, string>(port, (message) => received.push(message));
  port.deliver(["a", "b"]);
  port.deliver(["c"]);
  assertEquals(received, ["a", "b", "c"]);
});

Deno.test("ThreadLink sends a copy over a real channel between threads", async () => {
  const { port1, port2 } = new MessageChannel();
  const received = Promise.withResolvers<{ bytes: Uint8Array }>();
  const link = new ThreadLink<{ bytes: Uint8Array }, never>(port1, () => {});
  new ThreadLink<never, { bytes: Uint8Array }>(port2, received.resolve);
  const bytes = new Uint8Array([1, 2, 3]);
  link.send({ bytes });
  const { bytes: there } = await received.promise;
  bytes.fill(0);
  assertEquals(there, new Uint8Array([1, 2, 3]));
  for (const port of [port1, port2]) port.close();
});
