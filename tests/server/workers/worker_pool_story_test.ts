/**
 * A server of several workers sends its clients the same, and emits the same events, as a server without
 * workers, whichever worker accepts a connection.
 *
 * @module
 */
import { assertEquals, assertGreater } from "@std/assert";
import type { ServerOptions } from "../../../lib/server/options.ts";
import { ORIGINAL_TEXT as TEXT } from "../../../lib/original/wire.ts";
import { BACK, data } from "../../support/callers.ts";
import { type PoolStage, stagePool } from "../../support/pool_stage.ts";
import { cameTo } from "../../support/scripted_network.ts";

const BOTH = ["to_client", "to_server"] as const;

interface Scenario {
  /** What happens. */
  act: (stage: PoolStage) => Promise<void>;
  /** How many of its connections are forwarded. */
  lent?: number;
  options?: Partial<ServerOptions>;
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "sessions that send data, and one that falls silent and dies": {
    async act({ clock, hello }) {
      const first = await hello("a");
      await first.peer.say(data(1, 3));
      const second = await hello("b");
      const third = await hello("c");
      third.peer.answer = (line) => line.replace(/^HEARTBEAT (\d+)$/, "HEARTBEAT_REPLY $1\n");
      await clock.advance(10_000);
      await second.peer.say(data(1) + "HEARTBEAT 7\n" + "TERMINATE done all is said\n");
      await clock.advance(90_000);
    },
  },
  "a session that resumes repeatedly": {
    lent: 2,
    async act({ clock, hello, resume }) {
      let last = await hello("a", BACK);
      for (let seq = 1; seq <= 3; seq++) {
        await last.peer.say(data(2 * seq - 1, 2 * seq));
        await clock.advance(1_000);
        last.path.reset();
        await clock.advance(1_000);
        last = await resume("a", { confirmed: 2 * seq - 1, sent: 2 * seq });
      }
      await last.peer.say(data(7) + "TERMINATE done\n");
      await clock.advance(0);
    },
  },
  "a session that is taken over while its connection seems to be alive": {
    lent: 1,
    async act({ clock, hello, resume }) {
      const first = await hello("a", BACK);
      await first.peer.say(data(1, 2));
      first.path.silence(...BOTH);
      await clock.advance(5_000);
      const second = await resume("a", { confirmed: 2, sent: 3 });
      await second.peer.say(data(3));
      first.path.heal();
      await clock.advance(5_000);
      await second.peer.say("TERMINATE shutdown\n");
      await clock.advance(0);
    },
  },
  "a forwarded connection that falls silent, and recovers": {
    lent: 1,
    async act({ clock, hello, resume }) {
      const first = await hello("a", BACK);
      first.path.reset();
      await clock.advance(10);
      const second = await resume("a");
      await second.peer.say(data(1));
      second.path.silence(...BOTH);
      await clock.advance(35_000);
      second.path.heal();
      await second.peer.say(data(2));
      await clock.advance(100_000);
    },
  },
  "a session that does not resume in time": {
    lent: 1,
    options: { sessionLifetime_ms: 10_000 },
    async act({ clock, hello, resume }) {
      const first = await hello("a", BACK);
      await first.peer.say(data(1));
      first.path.reset();
      await clock.advance(1_000);
      const second = await resume("a", { confirmed: 1, sent: 1 });
      await second.peer.hangUp();
      await clock.advance(10_000);
      await resume("a", { confirmed: 1, sent: 1 });
    },
  },
  "whoever is refused": {
    lent: 2,
    async act({ clock, hello, resume }) {
      await hello("a", BACK);
      await hello("b");
      await resume("unknown", { confirmed: 3, sent: 3 });
      await resume("a", { confirmed: 9, sent: 9 });
      await hello("b");
      await hello("a");
      await resume("b");
      await clock.advance(1_000);
    },
  },
  "whoever opens no session": {
    async act({ clock, connect }) {
      await connect();
      const says = ["HELLO 1 a {}", "GET / HTTP/1.1\r\n\r\n", "HELLO 2 a {}\n", data(1)];
      for (const text of [...says, "x".repeat(3_000)]) await (await connect()).peer.say(text);
      await (await connect()).peer.hangUp();
      await clock.advance(6_000);
    },
  },
  "a HELLO that comes in pieces": {
    lent: 1,
    async act({ clock, connect, hello }) {
      await hello("a", BACK);
      const { peer } = await connect();
      for (const piece of ["HEL", "LO 1 a", ' {"reconnect":true,"confirmed":0}', "\nDATA 1 1"]) {
        await peer.say(piece);
        await clock.advance(1_000);
      }
      await peer.say("\nx\n");
      await clock.advance(1_000);
    },
  },
  "a session whose frames are wrong": {
    async act({ clock, hello }) {
      for (const [id, says] of [["a", "DATA 5 1\nx\n"], ["b", "WHAT\n"], ["c", "DATA 1 9999\n"]]) {
        await (await hello(id!)).peer.say(says!);
      }
      await clock.advance(1_000);
    },
  },
  "an original client, whose heartbeats are on a connection of their own": {
    lent: 2,
    async act({ clock, connect, hello }) {
      await hello("a");
      const first = await connect();
      await first.peer.say(TEXT.data);
      await clock.advance(21_000);
      const beats = await connect();
      await beats.peer.say(TEXT.heartbeat);
      await clock.advance(1_000);
      await first.peer.say(TEXT.data);
      await clock.advance(100_000);
    },
  },
  "original clients of a server that takes none": {
    lent: 2,
    options: { original: false },
    async act({ clock, connect }) {
      for (let n = 0; n < 3; n++) await (await connect()).peer.say(TEXT.data);
      await clock.advance(1_000);
    },
  },
};

/** The events of each session, and the text that each client receives, of a server of so many workers. */
async function outcome(workers: number, { act, options }: Scenario) {
  const stage = await stagePool(workers, options);
  const { clock, connections, recorder, server, status } = stage;
  await act(stage);
  server.stop("shutdown");
  assertEquals<unknown>(await cameTo(status, clock, 2_000), 0);
  assertEquals(clock.pending, 0);
  // Events of different sessions at the same time come in any order.
  const events = Object.groupBy(
    recorder.events.filter(({ event }) => event !== "listening"),
    ({ session, at_ms }) => session ?? `nobody at ${at_ms}`,
  );
  const heard = connections.map(({ peer, text }) => [text, ...peer.heard, peer.sawEnd]);
  return { told: { events: { ...events }, heard }, lent: stage.lent() };
}

for (const [what, scenario] of Object.entries(SCENARIOS)) {
  Deno.test(`WorkerPool behaves as Server does: ${what}`, async () => {
    const server = await outcome(1, scenario);
    const pool = await outcome(3, scenario);
    assertEquals(pool.told, server.told);
    assertEquals(pool.lent, scenario.lent ?? 0);
    assertGreater(Object.keys(server.told.events).length, 1);
    assertGreater(server.told.heard.flat().join("").length, 30);
  });
}
