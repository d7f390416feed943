/**
 * Accepting connections when this process has no file descriptor left.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  type Connection,
  type Listener,
  TransportError,
} from "../../lib/platform/net/transport.ts";
import {
  ACCEPT_BACKOFF_MS,
  acceptAll,
  ACCEPTS_PER_TURN,
  REFUSAL_LIMIT_MS,
} from "../../lib/server/acceptor.ts";
import { Path } from "../support/memory_network.ts";
import { ScriptedPeer } from "../support/stage.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const FULL = new TransportError("too_many_open_files", "EMFILE");

/** A listener that is told what its next calls give; what is not told is waited for. */
class ScriptedListener implements Listener {
  readonly host = "server";
  readonly port = 4000;
  readonly script: (Connection | TransportError | { spare: Connection; hasRoom: boolean })[] = [];

  async accept(): Promise<Connection> {
    const next = this.script.shift() ?? await new Promise<never>(() => {});
    if (next instanceof TransportError) throw next;
    return next as Connection;
  }

  acceptSpare(): Promise<{ connection: Connection; hasRoom: boolean }> {
    const next = this.script.shift();
    if (next === undefined || !("spare" in next)) return Promise.reject(FULL);
    return Promise.resolve({ connection: next.spare, hasRoom: next.hasRoom });
  }

  close(): void {}
}

/** Accepts what a script says. */
function stage(...script: ScriptedListener["script"]) {
  const clock = new VirtualClock();
  const listener = new ScriptedListener();
  listener.script.push(...script);
  const told: string[] = [];
  const mayGiveWay: boolean[] = [];
  const room: Promise<void>[] = [];
  acceptAll({
    listener,
    clock,
    stopping: new AbortController().signal,
    accepted: ({ peer }) => told.push(`${clock.now()} accepted ${peer}`),
    makeRoom: () => room.shift(),
    giveWay: () => mayGiveWay.shift() ?? false,
    refused: ({ peer }) => told.push(`${clock.now()} refused ${peer}`),
    notice: (level) => told.push(`${clock.now()} ${level}`),
  });
  return { clock, listener, mayGiveWay, room, told };
}

/** A connection, and the client at its other end. */
function called() {
  const clock = new VirtualClock();
  const path = new Path(clock);
  return { connection: path.server, peer: new ScriptedPeer(path.client, clock), path };
}

Deno.test("acceptAll() refuses with the spare descriptor, and says why", async () => {
  const first = called();
  const second = called();
  const { told } = stage(FULL, { spare: first.connection, hasRoom: false }, second.connection);
  await first.peer.say("HELLO 1 s {}\n");
  const words = first.peer.heard.map((line) => line.split(" ", 3).join(" "));
  assertEquals(words, ["0 TERMINATE refused"]);
  assertEquals(told, ["0 error", "0 refused client:50000"]);
  // Who reads it and closes makes room for the next.
  await first.peer.hangUp();
  await settle();
  assertEquals(first.path.server.closed, true);
  assertEquals(told.slice(2), ["0 info", "0 accepted client:50000"]);
});

Deno.test("acceptAll() says that it is full to a client that knows that, also to one that comes back", async () => {
  for (const reconnect of [true, false]) {
    const first = called();
    stage(FULL, { spare: first.connection, hasRoom: false });
    await first.peer.say(`HELLO 1 s ${JSON.stringify({ reconnect, knows: ["full"] })}\n`);
    assertEquals(first.peer.heard.map((line) => line.split(" ", 3).join(" ")), [
      "0 TERMINATE full",
    ]);
  }
});

Deno.test("acceptAll() serves a connection to which another one gives way", async () => {
  const next = called();
  const after = called();
  const staged = stage(FULL, { spare: next.connection, hasRoom: false }, after.connection);
  staged.mayGiveWay.push(true);
  await settle();
  assertEquals(staged.told, ["0 error", "0 info", "0 accepted client:50000"]);
  // The descriptor of the other one is free when what was under way on it has ended.
  await staged.clock.advance(0);
  assertEquals(staged.told.slice(3), ["0 accepted client:50000"]);
});

Deno.test("acceptAll() accepts no more while room is made", async () => {
  const [first, second, third] = [called(), called(), called()].map(({ connection }) => connection);
  const { room, told } = stage(first!, second!, third!);
  const made = Promise.withResolvers<void>();
  room.push(made.promise);
  await settle();
  assertEquals(told, ["0 accepted client:50000"]);
  made.resolve();
  await settle();
  assertEquals(told.length, 3);
});

Deno.test("acceptAll() sends whoever comes back away without a word, if it does not know `full`", async () => {
  const first = called();
  const next = called();
  const { told } = stage(FULL, { spare: first.connection, hasRoom: false }, next.connection);
  await first.peer.say('HELLO 1 s {"reconnect":true,"confirmed":3,"sent":4}\n');
  assertEquals([first.peer.heard, first.path.server.closed], [[], true]);
  assertEquals(told.at(-1), "0 accepted client:50000");
});

for (const said of ["HELLO 1 s", "nonsense\n", "HEARTBEAT 1\n"]) {
  Deno.test(`acceptAll() closes without a word on who says ${JSON.stringify(said)}`, async () => {
    const first = called();
    stage(FULL, { spare: first.connection, hasRoom: false });
    await first.peer.say(said);
    assertEquals([first.peer.heard, first.path.server.closed], [[], true]);
  });
}

Deno.test("acceptAll() waits REFUSAL_LIMIT_MS for one that does not close, and no longer", async () => {
  const mute = called();
  const next = called();
  const { clock, told } = stage(FULL, { spare: mute.connection, hasRoom: false }, next.connection);
  await clock.advance(REFUSAL_LIMIT_MS - 1);
  assertEquals([mute.path.server.closed, told], [false, ["0 error", "0 refused client:50000"]]);
  await clock.advance(1);
  assertEquals(mute.path.server.closed, true);
  assertEquals(told.at(-1), `${REFUSAL_LIMIT_MS} accepted client:50000`);
});

Deno.test("acceptAll() serves a connection for which there is room by then", async () => {
  const late = called();
  const { told } = stage(FULL, { spare: late.connection, hasRoom: true });
  await settle();
  assertEquals(told, ["0 error", "0 info", "0 accepted client:50000"]);
  assertEquals(late.path.server.closed, false);
});

Deno.test("acceptAll() tries again after ACCEPT_BACKOFF_MS when there is not even a spare", async () => {
  const next = called();
  const { clock, told } = stage(FULL, FULL, FULL, FULL, next.connection);
  await clock.advance(2 * ACCEPT_BACKOFF_MS - 1);
  assertEquals(told, ["0 error"]);
  await clock.advance(1);
  const at = 2 * ACCEPT_BACKOFF_MS;
  assertEquals(told.slice(1), [`${at} info`, `${at} accepted client:50000`]);
});

Deno.test("acceptAll() does not wait for one that has gone before it was accepted", async () => {
  const gone = new TransportError("reset", "ENOTCONN");
  const next = called();
  const { told } = stage(gone, gone, gone, next.connection);
  await settle();
  assertEquals(told, ["0 accepted client:50000"]);
});

Deno.test("acceptAll() gives everything else its turn, also between those that have gone before", async () => {
  const gone = new TransportError("reset", "ENOTCONN");
  const [first, second] = [called(), called()].map(({ connection }) => connection);
  const script = [first!, ...Array.from({ length: ACCEPTS_PER_TURN - 1 }, () => gone), second!];
  const { clock, told } = stage(...script);
  await settle();
  assertEquals(told.length, 1);
  await clock.advance(0);
  assertEquals(told.length, 2);
});
