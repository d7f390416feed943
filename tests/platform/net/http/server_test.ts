/**
 * The HTTP server on a virtual clock: what it serves, what it refuses, and its bounds.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import {
  HEAD_LIMIT_MS,
  IDLE_LIMIT_MS,
  WRITE_LIMIT_MS,
} from "../../../../lib/platform/net/http/connection.ts";
import {
  type HttpHandler,
  type HttpStream,
  textResponse,
} from "../../../../lib/platform/net/http/http.ts";
import { HttpServer, MAX_CONNECTIONS } from "../../../../lib/platform/net/http/server.ts";
import { HttpExchange, requestText } from "../../../support/http_client.ts";
import { MemoryNetwork, type PathOptions } from "../../../support/memory_network.ts";
import { settle, VirtualClock } from "../../../support/virtual_clock.ts";

/** A server in memory that echoes the path, and who asks it. */
class HttpStage implements Disposable {
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly defects: unknown[] = [];
  readonly server: HttpServer;

  constructor(handle?: HttpHandler, path: PathOptions = {}) {
    this.network = new MemoryNetwork(this.clock, path);
    this.server = new HttpServer({
      address: { host: "127.0.0.1", port: 8080 },
      transport: this.network,
      clock: this.clock,
      handle: handle ?? (({ path }) => textResponse(200, path)),
      onDefect: (error) => this.defects.push(error),
    });
  }

  async connect(): Promise<HttpExchange> {
    return (await HttpExchange.connect(this.network)).read();
  }

  /** What comes of a text that a client sends. */
  async ask(text: string): Promise<HttpExchange> {
    const client = await this.connect();
    await client.say(text);
    await this.clock.advance(1);
    return client;
  }

  [Symbol.dispose](): void {
    this.server.close();
  }
}

Deno.test("an HTTP server answers requests on one connection, one after the other", async () => {
  using stage = new HttpStage();
  const client = await stage.ask(requestText("/a?b") + requestText("/c"));
  assertEquals(client.text.match(/^\/.$/gm), ["/a", "/c"]);
  assert(!client.isClosed);
  await client.say(requestText("/d", { fields: { connection: "close" } }));
  await stage.clock.advance(1);
  assertEquals(client.text.match(/^\/.$/gm), ["/a", "/c", "/d"]);
  assert(client.isClosed);
});

Deno.test("an HTTP server takes a head in pieces of any size", async () => {
  using stage = new HttpStage();
  const client = await stage.connect();
  for (const character of requestText("/abc")) await client.say(character);
  await stage.clock.advance(1);
  assertEquals(client.body, "/abc\n");
});

Deno.test("an HTTP server answers HEAD without a body", async () => {
  using stage = new HttpStage();
  const client = await stage.ask(requestText("/abc", { method: "HEAD" }));
  assertEquals([client.status, client.field("content-length"), client.body], [200, "5", ""]);
});

for (
  const [what, text, status] of [
    ["no request line", "FOO\r\n\r\n", 400],
    ["a version it does not know", "GET / HTTP/2.0\r\nhost: localhost\r\n\r\n", 400],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["a target with a host", requestText("http://localhost/"), 400],
    ["no host", requestText("/", { fields: { host: undefined } }), 400],
    ["two hosts", requestText("/", { fields: { Host: "localhost" } }), 400],
    ["two keys", requestText("/", { fields: { authorization: "a", Authorization: "b" } }), 400],
    ["a field over two lines", requestText("/", { fields: { a: "b\r\n c" } }), 400],
    ["a name with a blank before the colon", requestText("/", { fields: { "a ": "b" } }), 400],
    ["a zero byte", requestText("/", { fields: { a: "\0" } }), 400],
    ["a body", requestText("/", { fields: { "content-length": "5" } }) + "hello", 413],
    ["a body in chunks", requestText("/", { fields: { "transfer-encoding": "chunked" } }), 413],
    ["a head without end", requestText("/", { fields: { a: "x".repeat(9_000) } }), 431],
    ["too many fields", "GET / HTTP/1.1\r\n" + "a: b\r\n".repeat(65) + "\r\n", 431],
  ] as const
) {
  Deno.test(`an HTTP server refuses a request with ${what}, and closes`, async () => {
    using stage = new HttpStage();
    const client = await stage.ask(text);
    assertEquals([client.status, client.isClosed], [status, true]);
    assertEquals(stage.defects, []);
  });
}

Deno.test("an HTTP server closes a connection whose head does not come to its end", async () => {
  using stage = new HttpStage();
  const silent = await stage.connect();
  const slow = await stage.connect();
  await slow.say("GET / ");
  await stage.clock.advance(HEAD_LIMIT_MS - 1);
  await slow.say("HTTP/1.1");
  assertEquals([silent.isClosed, slow.isClosed], [false, false]);
  await stage.clock.advance(1);
  assertEquals([silent.isClosed, slow.isClosed], [true, true]);
});

Deno.test("an HTTP server closes a connection that asks nothing more", async () => {
  using stage = new HttpStage();
  const client = await stage.ask(requestText("/"));
  await stage.clock.advance(IDLE_LIMIT_MS - 2);
  assert(!client.isClosed);
  await stage.clock.advance(2);
  assert(client.isClosed);
});

for (const stuckWrites of [false, true]) {
  const as = stuckWrites ? " (writes pend as in Deno 2.6)" : "";
  Deno.test(`an HTTP server closes a connection that does not read its response${as}`, async () => {
    using stage = new HttpStage(() => textResponse(200, "x".repeat(1_000_000)), {
      capacity: 10_000,
      stuckWrites,
    });
    const client = await HttpExchange.connect(stage.network);
    await client.say(requestText("/"));
    await stage.clock.advance(WRITE_LIMIT_MS + 1);
    client.read();
    await stage.clock.advance(1);
    assert(client.isClosed && client.text.length < 100_000);
    assertEquals([stage.defects, stage.clock.pending], [[], 0]);
  });
}

Deno.test("an HTTP server says of a defect that it is one, and serves on", async () => {
  using stage = new HttpStage(({ path }) => {
    if (path === "/bad") throw new Error("secret");
    return textResponse(200, path);
  });
  const client = await stage.ask(requestText("/bad") + requestText("/good"));
  assertEquals(client.text.match(/^HTTP.*(?=\r$)/gm), [
    "HTTP/1.1 500 Internal Server Error",
    "HTTP/1.1 200 OK",
  ]);
  assert(!client.text.includes("secret"));
  assertEquals(stage.defects.length, 1);
});

Deno.test("an HTTP server has a bounded number of connections: idle ones give way, others do not", async () => {
  using stage = new HttpStage(({ path }) =>
    path === "/events" ? { status: 200, fields: {}, stream: () => {} } : textResponse(200, path)
  );
  const first = await stage.connect();
  const streams = [];
  for (let n = 1; n < MAX_CONNECTIONS; n++) {
    streams.push(await (await stage.connect()).say(requestText("/events")));
  }
  await stage.clock.advance(1);
  assert(!first.isClosed);
  const next = await stage.ask(requestText("/events"));
  assertEquals([next.status, first.isClosed], [200, true]);
  const beyond = await stage.connect();
  await stage.clock.advance(1);
  assertEquals([beyond.isClosed, beyond.text], [true, ""]);
  assert(streams.every(({ isClosed }) => !isClosed));
  streams[0]!.end.close();
  await stage.clock.advance(1);
  assertEquals((await stage.ask(requestText("/"))).status, 200);
});

Deno.test("a stream leaves out what its reader is too slow for, and ends with it", async () => {
  let stream: HttpStream | undefined;
  using stage = new HttpStage(
    () => ({ status: 200, fields: {}, stream: (given) => stream = given }),
    { capacity: 1_000 },
  );
  const client = await HttpExchange.connect(stage.network);
  await client.say(requestText("/events"));
  await stage.clock.advance(1);
  let isClosed = false;
  stream!.closed.then(() => isClosed = true);
  const event = (n: number) => new TextEncoder().encode(`${n}`.repeat(900));
  for (let n = 1; n <= 5; n++) {
    stream!.write(event(n));
    await stage.clock.advance(1_000);
  }
  assert(!stream!.isReady);
  client.read();
  await stage.clock.advance(1_000);
  assert(stream!.isReady);
  stream!.write(event(6));
  await stage.clock.advance(1_000);
  assertEquals(new Set(client.body), new Set("126"));
  await stage.clock.advance(10 * WRITE_LIMIT_MS);
  assert(!isClosed);
  client.end.close();
  await settle();
  await stage.clock.advance(1);
  assertEquals([isClosed, stage.clock.pending], [true, 0]);
});

Deno.test("a stream whose reader takes nothing is closed", async () => {
  let stream: HttpStream | undefined;
  using stage = new HttpStage(
    () => ({ status: 200, fields: {}, stream: (given) => stream = given }),
    { capacity: 1_000, stuckWrites: true },
  );
  await (await HttpExchange.connect(stage.network)).say(requestText("/events"));
  await stage.clock.advance(1);
  let isClosed = false;
  stream!.closed.then(() => isClosed = true);
  stream!.write(new Uint8Array(5_000));
  await stage.clock.advance(WRITE_LIMIT_MS - 1);
  assert(!isClosed);
  await stage.clock.advance(1);
  assertEquals([isClosed, stage.clock.pending], [true, 0]);
});

Deno.test("an HTTP server that is closed leaves nothing behind", async () => {
  const stage = new HttpStage(() => ({ status: 200, fields: {}, stream: () => {} }));
  const streaming = await stage.ask(requestText("/"));
  const idle = await stage.connect();
  stage.server.close();
  await stage.clock.advance(1);
  assertEquals([streaming.isClosed, idle.isClosed, stage.clock.pending], [true, true, 0]);
  assertEquals([stage.network.listening, stage.defects], [0, []]);
});
