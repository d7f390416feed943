/**
 * Both ends of a forwarded connection: the operations of one worker are performed by the one that accepted it.
 *
 * @module
 */
import type { Clock } from "../../../lib/platform/clock.ts";
import { assertEquals, assertRejects } from "@std/assert";
import {
  type Connection,
  TransportError,
  type TransportErrorKind,
} from "../../../lib/platform/net/transport.ts";
import {
  ForwardedConnection,
  ForwardingEnd,
} from "../../../lib/server/workers/forwarded_connection.ts";
import type { IoRequest, IoResult } from "../../../lib/server/workers/messages.ts";
import { bytes, text } from "../../support/bytes.ts";
import { Path, type PathOptions } from "../../support/memory_network.ts";
import { cameTo } from "../../support/scripted_network.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

const ADDRESSES = { peer: "client:50000", local: "server:4000" };

/** Both ends of a forwarded connection, connected to each other, and the client's end of it. */
function stage(options: PathOptions = {}, accepted?: Connection) {
  const clock = new VirtualClock();
  const path = new Path(clock, options);
  const requests: IoRequest[] = [];
  const later = (act: () => void) => queueMicrotask(act);
  const forwarded: ForwardedConnection = new ForwardedConnection(ADDRESSES, (request) => {
    requests.push(request);
    const copy = structuredClone(request);
    later(() => end.onRequest(copy));
  });
  const onResult = (result: IoResult) => {
    const copy = structuredClone(result);
    later(() => forwarded.onResult(copy));
  };
  const end: ForwardingEnd = new ForwardingEnd(
    accepted ?? path.server,
    onResult,
    clock,
  );
  return { clock, path, far: path.client, forwarded, end, requests };
}

/** What one read of so many bytes gives; `null` at the end. */
async function readText(connection: Connection, length = 512): Promise<string | null> {
  const buffer = new Uint8Array(length);
  const count = await connection.read(buffer);
  return count === null ? null : text(buffer.subarray(0, count));
}

/** Whatever can be done with a connection, and may fail. */
function usesOf(connection: Connection): (() => Promise<unknown>)[] {
  const write = () => connection.write(bytes("x"));
  return [() => readText(connection), write, () => connection.closeWrite()];
}

/** The kind of error that something rejects with. */
async function kindOf(use: () => Promise<unknown>): Promise<TransportErrorKind> {
  return (await assertRejects(use, TransportError)).kind;
}

Deno.test("ForwardedConnection.read() gives what comes, no more than is asked for, then the end", async () => {
  const { far, forwarded } = stage();
  assertEquals(forwarded.peer, "client:50000");
  const reading = readText(forwarded, 5);
  await settle();
  await far.write(bytes("Hello there"));
  const texts = [await reading, await readText(forwarded, 5), await readText(forwarded)];
  assertEquals(texts, ["Hello", " ther", "e"]);
  far.finish();
  assertEquals([await readText(forwarded), await readText(forwarded)], [null, null]);
});

Deno.test("ForwardedConnection.read() touches no more of the buffer than it gives", async () => {
  const { far, forwarded } = stage();
  await far.write(bytes("abc"));
  const buffer = new Uint8Array(6).fill(46);
  assertEquals([await forwarded.read(buffer), text(buffer)], [3, "abc..."]);
});

Deno.test("ForwardedConnection.write() writes as much as the network takes, and says how much", async () => {
  const { far, forwarded } = stage({ capacity: 4 });
  assertEquals(await forwarded.write(bytes("abcdef")), 4);
  const rest = forwarded.write(bytes("ef"));
  assertEquals(await readText(far), "abcd");
  assertEquals([await rest, await readText(far)], [2, "ef"]);
});

Deno.test("ForwardedConnection.write() takes the bytes as they are, and sends no more than them", async () => {
  const { far, forwarded, requests } = stage();
  const all = bytes("before-this-after");
  const writing = forwarded.write(all.subarray(7, 11));
  all.fill(0);
  assertEquals([await writing, await readText(far)], [4, "this"]);
  // Not the buffer that they are a part of.
  const sizes = requests.map((each) =>
    each.use === "write" ? each.bytes.buffer.byteLength : undefined
  );
  assertEquals(sizes, [4]);
});

Deno.test("ForwardedConnection.closeWrite() closes its side; reading goes on", async () => {
  const { far, forwarded } = stage();
  await forwarded.write(bytes("bye"));
  await forwarded.closeWrite();
  assertEquals([await readText(far), await readText(far)], ["bye", null]);
  await far.write(bytes("still heard"));
  assertEquals(await readText(forwarded), "still heard");
});

Deno.test("ForwardedConnection reads and writes at the same time", async () => {
  const { far, forwarded } = stage();
  const reading = readText(forwarded);
  assertEquals(await forwarded.write(bytes("question")), 8);
  assertEquals(await readText(far), "question");
  await far.write(bytes("answer"));
  assertEquals(await reading, "answer");
});

for (const kind of ["reset", "unanswered", "closed", "other"] as const) {
  Deno.test(`ForwardedConnection rejects every use with ${kind} when the connection does`, async () => {
    const fail = () => Promise.reject(new TransportError(kind, `it is ${kind}`, { code: "EX" }));
    const failing = {
      peer: "",
      local: "",
      read: fail,
      write: fail,
      closeWrite: fail,
      close: () => {},
    };
    const { forwarded } = stage({}, failing);
    for (const use of usesOf(forwarded)) {
      const error = await assertRejects(use, TransportError, `it is ${kind}`);
      assertEquals([error.kind, error.code], [kind, "EX"]);
    }
  });
}

Deno.test("ForwardedConnection rejects what is pending when the connection is reset", async () => {
  const { clock, forwarded, path } = stage({ capacity: 1 });
  await forwarded.write(bytes("x"));
  const kinds = Promise.all([
    kindOf(() => readText(forwarded)),
    kindOf(() => forwarded.write(bytes("y"))),
  ]);
  await settle();
  path.reset();
  assertEquals<unknown>(await cameTo(kinds, clock, 0), ["reset", "reset"]);
});

Deno.test("ForwardedConnection.close() rejects what is pending, at once, and whatever comes later", async () => {
  const forwarded = new ForwardedConnection(ADDRESSES, () => {});
  // Nobody answers.
  const kinds = Promise.all(usesOf(forwarded).map(kindOf));
  forwarded.close();
  assertEquals(await kinds, ["closed", "closed", "closed"]);
  for (const use of usesOf(forwarded)) assertEquals(await kindOf(use), "closed");
});

Deno.test("ForwardedConnection.linkFault() is what the other end finds, by its own clock", async () => {
  const looks_ms: number[] = [];
  const found: (string | undefined)[] = ["no link on eth0 (down)", undefined];
  const path = new Path(new VirtualClock());
  const accepted = Object.assign(path.server, {
    linkFault: (clock: Clock) => {
      looks_ms.push(clock.now());
      return Promise.resolve(found.shift());
    },
  });
  const { clock, forwarded } = stage({}, accepted);
  await clock.advance(700);
  const together = [forwarded.linkFault(), forwarded.linkFault()];
  assertEquals(await Promise.all(together), ["no link on eth0 (down)", "no link on eth0 (down)"]);
  await clock.advance(100);
  assertEquals(await forwarded.linkFault(), undefined);
  assertEquals(looks_ms, [700, 800]);
});

Deno.test("ForwardedConnection.linkFault() finds nothing once it is closed, or where nobody looks", async () => {
  const { forwarded } = stage();
  assertEquals(await forwarded.linkFault(), undefined);
  const unanswered = new ForwardedConnection(ADDRESSES, () => {});
  const looking = unanswered.linkFault();
  unanswered.close();
  assertEquals([await looking, await unanswered.linkFault()], [undefined, undefined]);
});

Deno.test("ForwardedConnection.close() closes the connection, once", async () => {
  const { clock, far, forwarded, end, path, requests } = stage();
  const reading = kindOf(() => readText(forwarded));
  assertEquals<unknown>(await cameTo(end.closed, clock, 0), "pending");
  forwarded.close();
  forwarded.close();
  assertEquals(await kindOf(() => forwarded.write(bytes("x"))), "closed");
  assertEquals(requests.map(({ use }) => use), ["read", "close"]);
  assertEquals(await reading, "closed");
  await end.closed;
  assertEquals([path.server.closed, await readText(far)], [true, null]);
});

Deno.test("ForwardedConnection ignores results that it does not wait for", async () => {
  const forwarded = new ForwardedConnection(ADDRESSES, () => {});
  forwarded.onResult({ use: "read", bytes: bytes("nobody asked") });
  const reading = readText(forwarded);
  forwarded.onResult({ use: "write", count: 3 });
  forwarded.onResult({ use: "read", bytes: bytes("asked for") });
  assertEquals(await reading, "asked for");
  forwarded.close();
  forwarded.onResult({ use: "read", bytes: null });
  assertEquals(await kindOf(() => readText(forwarded)), "closed");
});

Deno.test("ForwardingEnd.onRequest() does not catch an error that is no failure of the connection", async () => {
  const defect = () => {
    throw new TypeError("a defect");
  };
  const broken = {
    peer: "",
    local: "",
    read: defect,
    write: defect,
    closeWrite: defect,
    close: defect,
  };
  const { end } = stage({}, broken);
  const seen = Promise.withResolvers<unknown>();
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    seen.resolve(event.reason);
  };
  addEventListener("unhandledrejection", onRejection, { once: true });
  end.onRequest({ use: "read", size: 1 });
  assertEquals((await seen.promise as Error).message, "a defect");
});
