/**
 * The way between two threads: what is said in one turn goes over together, in order.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Port, ThreadLink } from "../../lib/platform/thread_link.ts";
import { settle } from "../support/virtual_clock.ts";

/** A port that keeps what is posted, and gives it back when it is told to. */
class KeptPort implements Port {
  onmessage: ((event: MessageEvent) => void) | null = null;
  readonly posted: unknown[] = [];

  postMessage(message: unknown): void {
    this.posted.push(structuredClone(message));
  }

  deliver(data: unknown): void {
    this.onmessage!(new MessageEvent("message", { data }));
  }
}

Deno.test("ThreadLink.say() posts all that is said in one turn together, in order", async () => {
  const port = new KeptPort();
  const link = new ThreadLink<number, never>(port, () => {});
  for (const n of [1, 2, 3]) link.say(n);
  assertEquals(port.posted, []);
  await settle();
  assertEquals(port.posted, [[1, 2, 3]]);
  link.say(4);
  await settle();
  assertEquals(port.posted, [[1, 2, 3], [4]]);
});

Deno.test("ThreadLink.say() posts what is said while it posts, later", async () => {
  const port = new KeptPort();
  const link = new ThreadLink<number, never>(port, () => {});
  const post = port.postMessage.bind(port);
  port.postMessage = (messages) => {
    post(messages);
    if (port.posted.length === 1) link.say(2);
  };
  link.say(1);
  await settle();
  assertEquals(port.posted, [[1], [2]]);
});

Deno.test("ThreadLink hears each message that comes, in order", () => {
  const port = new KeptPort();
  const heard: string[] = [];
  new ThreadLink<never, string>(port, (message) => heard.push(message));
  port.deliver(["a", "b"]);
  port.deliver(["c"]);
  assertEquals(heard, ["a", "b", "c"]);
});

Deno.test("ThreadLink sends what is said over a real channel between threads, as a copy", async () => {
  const { port1, port2 } = new MessageChannel();
  const heard = Promise.withResolvers<{ bytes: Uint8Array }>();
  const link = new ThreadLink<{ bytes: Uint8Array }, never>(port1, () => {});
  new ThreadLink<never, { bytes: Uint8Array }>(port2, heard.resolve);
  const bytes = new Uint8Array([1, 2, 3]);
  link.say({ bytes });
  const { bytes: there } = await heard.promise;
  bytes.fill(0);
  assertEquals(there, new Uint8Array([1, 2, 3]));
  for (const port of [port1, port2]) port.close();
});
