/**
 * Both ends of a lent connection: what one worker does with it happens to the connection that another one
 * has accepted.
 *
 * @module
 */
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

/** A lent connection, both ends wired to each other, and the client's end of it. */
function stage(options: PathOptions = {}, accepted?: Connection) {
  const clock = new VirtualClock();
  const path = new Path(clock, options);
  const said: IoRequest[] = [];
  const later = (act: () => void) => queueMicrotask(act);
  const lent: ForwardedConnection = new ForwardedConnection("client:50000", (use) => {
    said.push(use);
    const copy = structuredClone(use);
    later(() => forwarding.hear(copy));
  });
  const forwarding: ForwardingEnd = new ForwardingEnd(accepted ?? path.server, (used: IoResult) => {
    const copy = structuredClone(used);
    later(() => lent.hear(copy));
  });
  return { clock, path, far: path.client, lent, forwarding, said };
}

/** What one read of so many bytes gives; `null` at the end. */
async function readText(connection: Connection, length = 512): Promise<string | null> {
  const buffer = new Uint8Array(length);
  const count = await connection.read(buffer);
  return count === null ? null : text(buffer.subarray(0, count));
}

/** The kind of error that something rejects with. */
async function kindOf(use: () => Promise<unknown>): Promise<TransportErrorKind> {
  return (await assertRejects(use, TransportError)).kind;
}

Deno.test("ForwardedConnection.read() gives what comes, no more than is asked for, then the end", async () => {
  const { far, lent } = stage();
  assertEquals(lent.peer, "client:50000");
  const reading = readText(lent, 5);
  await settle();
  await far.write(bytes("Hello there"));
  assertEquals([await reading, await readText(lent, 5), await readText(lent)], [
    "Hello",
    " ther",
    "e",
  ]);
  far.finish();
  assertEquals([await readText(lent), await readText(lent)], [null, null]);
});

Deno.test("ForwardedConnection.read() touches no more of the buffer than it gives", async () => {
  const { far, lent } = stage();
  await far.write(bytes("abc"));
  const buffer = new Uint8Array(6).fill(46);
  assertEquals([await lent.read(buffer), text(buffer)], [3, "abc..."]);
});

Deno.test("ForwardedConnection.write() writes as much as the network takes, and says how much", async () => {
  const { far, lent } = stage({ capacity: 4 });
  assertEquals(await lent.write(bytes("abcdef")), 4);
  const rest = lent.write(bytes("ef"));
  assertEquals(await readText(far), "abcd");
  assertEquals([await rest, await readText(far)], [2, "ef"]);
});

Deno.test("ForwardedConnection.write() takes the bytes as they are, and sends no more than them", async () => {
  const { far, lent, said } = stage();
  const all = bytes("before-this-after");
  const writing = lent.write(all.subarray(7, 11));
  all.fill(0);
  assertEquals([await writing, await readText(far)], [4, "this"]);
  // Not the buffer that they are a part of.
  const sizes = said.map((use) => use.use === "write" ? use.bytes.buffer.byteLength : undefined);
  assertEquals(sizes, [4]);
});

Deno.test("ForwardedConnection.closeWrite() closes its side; reading goes on", async () => {
  const { far, lent } = stage();
  await lent.write(bytes("bye"));
  await lent.closeWrite();
  assertEquals([await readText(far), await readText(far)], ["bye", null]);
  await far.write(bytes("still heard"));
  assertEquals(await readText(lent), "still heard");
});

Deno.test("ForwardedConnection reads and writes at the same time", async () => {
  const { far, lent } = stage();
  const reading = readText(lent);
  assertEquals(await lent.write(bytes("question")), 8);
  assertEquals(await readText(far), "question");
  await far.write(bytes("answer"));
  assertEquals(await reading, "answer");
});

for (const kind of ["reset", "unanswered", "closed", "other"] as const) {
  Deno.test(`ForwardedConnection rejects every use with ${kind} when the connection does`, async () => {
    const fail = () => Promise.reject(new TransportError(kind, `it is ${kind}`));
    const failing = { peer: "", read: fail, write: fail, closeWrite: fail, close: () => {} };
    const { lent } = stage({}, failing);
    const uses = [
      () => readText(lent),
      () => lent.write(bytes("x")),
      () => lent.closeWrite(),
    ];
    for (const use of uses) {
      const error = await assertRejects(use, TransportError, `it is ${kind}`);
      assertEquals(error.kind, kind);
    }
  });
}

Deno.test("ForwardedConnection rejects what is pending when the connection is reset", async () => {
  const { clock, lent, path } = stage({ capacity: 1 });
  await lent.write(bytes("x"));
  const kinds = Promise.all([
    kindOf(() => readText(lent)),
    kindOf(() => lent.write(bytes("y"))),
  ]);
  await settle();
  path.reset();
  assertEquals<unknown>(await cameTo(kinds, clock, 0), ["reset", "reset"]);
});

Deno.test("ForwardedConnection.close() rejects what is pending, at once, and whatever comes later", async () => {
  const lent = new ForwardedConnection("client:50000", () => {});
  // Nobody answers.
  const pending = [readText(lent), lent.write(bytes("x")), lent.closeWrite()];
  const kinds = Promise.all(pending.map((each) => kindOf(() => each)));
  lent.close();
  assertEquals(await kinds, ["closed", "closed", "closed"]);
  const later = [() => readText(lent), () => lent.write(bytes("x")), () => lent.closeWrite()];
  for (const use of later) assertEquals(await kindOf(use), "closed");
});

Deno.test("ForwardedConnection.close() closes the connection, once", async () => {
  const { clock, far, lent, forwarding, path, said } = stage();
  const reading = kindOf(() => readText(lent));
  assertEquals<unknown>(await cameTo(forwarding.over, clock, 0), "pending");
  lent.close();
  lent.close();
  assertEquals(await kindOf(() => lent.write(bytes("x"))), "closed");
  assertEquals(said.map(({ use }) => use), ["read", "close"]);
  assertEquals(await reading, "closed");
  await forwarding.over;
  assertEquals([path.server.closed, await readText(far)], [true, null]);
});

Deno.test("ForwardedConnection takes no notice of what it does not wait for", async () => {
  const lent = new ForwardedConnection("client:50000", () => {});
  lent.hear({ use: "read", bytes: bytes("nobody asked") });
  const reading = readText(lent);
  lent.hear({ use: "write", count: 3 });
  lent.hear({ use: "read", bytes: bytes("asked for") });
  assertEquals(await reading, "asked for");
  lent.close();
  lent.hear({ use: "read", bytes: null });
  assertEquals(await kindOf(() => readText(lent)), "closed");
});

Deno.test("ForwardingEnd.hear() lets what is no failure of the connection be seen as the defect it is", async () => {
  const defect = () => {
    throw new TypeError("a defect");
  };
  const broken = { peer: "", read: defect, write: defect, closeWrite: defect, close: defect };
  const { forwarding } = stage({}, broken);
  const seen = Promise.withResolvers<unknown>();
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    seen.resolve(event.reason);
  };
  addEventListener("unhandledrejection", onRejection, { once: true });
  forwarding.hear({ use: "read", size: 1 });
  assertEquals((await seen.promise as Error).message, "a defect");
});
