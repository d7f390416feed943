/**
 * What a server takes from whom: the limits on addresses, on connections that have opened no session, and on
 * sessions; with one worker and with several.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { AddressList, parseBlock } from "../../lib/server/access/address_list.ts";
import {
  LONGEST_WAIT_MS,
  ServerAccess,
  type ServerAccessOptions,
} from "../../lib/server/access/server_access.ts";
import { ACCEPTS_PER_TURN } from "../../lib/server/acceptor.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import { OPEN_LIMIT_MS } from "../../lib/session/timers.ts";
import { BACK, data, type IncomingConnection, welcomeOf } from "../support/callers.ts";
import { type PoolStage, stagePool } from "../support/pool_stage.ts";
import { settle } from "../support/virtual_clock.ts";

const KNOWING = { ...BACK, knows: ["full"] };

const STRANGER = "203.0.113.9";
const HONEST = "192.0.2.1";

interface Staged extends PoolStage {
  access: ServerAccess;
  /** Opens a connection from a host. */
  from: (host: string) => Promise<IncomingConnection>;
}

/** A server with limits; what the network carries is done when a call is over. */
async function stage(
  workers: number,
  limits: Partial<ServerAccessOptions>,
  options: Partial<ServerOptions> = {},
): Promise<Staged> {
  const access = new ServerAccess({
    clock: { now: () => staged.clock.now() } as PoolStage["clock"],
    maxSessionsPerAddress: 5_000,
    maxNewPerSecond: 0,
    hasAllow: false,
    hasDeny: false,
    ...limits,
  });
  const staged = await stagePool(workers, { ...options, access });
  const from = async (host: string) => {
    staged.network.from = host;
    const connection = await staged.connect();
    await staged.clock.advance(0);
    return connection;
  };
  return { ...staged, access, from };
}

/** Says `HELLO` on a connection. */
async function greet({ clock }: Staged, { peer }: IncomingConnection, id: string, greeting = {}) {
  await peer.say(`HELLO 1 ${id} ${JSON.stringify(greeting)}\n`);
  await clock.advance(0);
}

/** The first words that a connection has heard, without the time. */
function heard({ peer }: IncomingConnection, words = 2): string | undefined {
  return peer.heard[0]?.split(" ").slice(1, 1 + words).join(" ");
}

/** How many connections a server has counted as strangers, and for which limits. */
async function strangersOf({ clock, recorder, server, status }: Staged) {
  server.stop("done");
  await clock.advance(3_000);
  await status;
  const digests = recorder.all("strangers");
  const limits: Record<string, number> = {};
  for (const [limit, count] of digests.flatMap((each) => Object.entries(each.limits ?? {}))) {
    limits[limit] = (limits[limit] ?? 0) + count!;
  }
  return { count: digests.reduce((sum, { count }) => sum + count, 0), limits };
}

for (const workers of [1, 3]) {
  const by = workers === 1 ? "one worker" : `${workers} workers`;

  Deno.test(`whoever is denied is closed before a byte is read, and told nothing (${by})`, async () => {
    const staged = await stage(workers, { hasAllow: true, hasDeny: true });
    staged.access.setLists({
      allow: new AddressList([parseBlock("192.0.2.0/24")]),
      deny: new AddressList([parseBlock("192.0.2.9")]),
    });
    for (const host of [STRANGER, "192.0.2.9"]) {
      const denied = await staged.from(host);
      assertEquals([denied.path.server.closed, denied.text], [true, ""], host);
    }
    const honest = await staged.from(HONEST);
    await greet(staged, honest, "s");
    assertEquals(heard(honest), "WELCOME 1");
    // A session that is open stays, whatever becomes of the lists.
    staged.access.setLists({ allow: new AddressList([]), deny: new AddressList([]) });
    await honest.peer.say(data(1));
    await staged.clock.advance(0);
    assertEquals(honest.peer.heard.at(-1)!.split(" ").slice(1), ["CONFIRM", "1"]);
    assertEquals((await staged.from(HONEST)).path.server.closed, true);
    assertEquals(await strangersOf(staged), { count: 3, limits: { denied: 3 } });
  });

  Deno.test(`connections over the rate of their address wait, those of others do not (${by})`, async () => {
    const staged = await stage(workers, { maxNewPerSecond: 1 });
    const { clock } = staged;
    const strangers: IncomingConnection[] = [];
    for (let n = 0; n < 9; n++) strangers.push(await staged.from(STRANGER));
    for (const [n, each] of strangers.entries()) await greet(staged, each, `s${n}`);
    const served = () => strangers.map((each) => heard(each) === "WELCOME 1" ? 1 : 0).join("");
    assertEquals(served(), "100000000");
    const honest = await staged.from(HONEST);
    await greet(staged, honest, "h");
    assertEquals(heard(honest), "WELCOME 1");
    await clock.advance(999);
    assertEquals(served(), "100000000");
    await clock.advance(1);
    assertEquals(served(), "110000000");
    await clock.advance(LONGEST_WAIT_MS);
    assertEquals(served(), "111110000");
    assertEquals(strangers.map(({ path }) => path.server.closed ? 1 : 0).join(""), "000001111");
    assertEquals(await strangersOf(staged), { count: 4, limits: { max_new_per_second: 4 } });
  });

  Deno.test(`the oldest connection without a session gives way, and no session does (${by})`, async () => {
    const staged = await stage(workers, {}, { maxUnopened: 2 * workers });
    const sessions = [];
    for (let n = 0; n < 9; n++) {
      const session = await staged.from(HONEST);
      await greet(staged, session, `s${n}`);
      sessions.push(session);
    }
    const strangers = [];
    for (let n = 0; n < 5 * workers; n++) strangers.push(await staged.from(STRANGER));
    // One that has begun its HELLO is no better than one that is silent.
    const partial = await staged.from(STRANGER);
    await partial.peer.say("HELLO 1 x");
    const late = [];
    for (let n = 0; n < 3 * workers; n++) {
      const honest = await staged.from(HONEST);
      await greet(staged, honest, `late${n}`);
      late.push(heard(honest));
      for (let each = 0; each < 3; each++) await staged.from(STRANGER);
    }
    await staged.clock.advance(0);
    assertEquals(new Set(late), new Set(["WELCOME 1"]));
    assertEquals(strangers.filter(({ path }) => !path.server.closed).length, 0);
    assertEquals(partial.path.server.closed, true);
    assertEquals(sessions.filter(({ path }) => path.server.closed).length, 0);
    const open = staged.network.paths.filter(({ server }) => !server.closed).length;
    assertEquals(open, 9 + 3 * workers + 2 * workers);
    const { limits } = await strangersOf(staged);
    assertEquals(limits, { max_unopened: 5 * workers + 1 + 9 * workers - 2 * workers });
  });

  Deno.test(`whoever has said HELLO does not give way to a burst (${by})`, async () => {
    const staged = await stage(workers, {}, { maxUnopened: workers });
    const { network } = staged;
    const signal = new AbortController().signal;
    network.from = HONEST;
    await network.connect({ host: "server", port: 4000 }, { signal });
    const honest = network.paths.at(-1)!;
    await honest.client.write(new TextEncoder().encode("HELLO 1 h {}\n"));
    network.from = STRANGER;
    for (let n = 0; n < 3 * ACCEPTS_PER_TURN; n++) {
      await network.connect({ host: "server", port: 4000 }, { signal });
    }
    await staged.clock.advance(1);
    assertEquals(staged.recorder.one("connected").peer, `${HONEST}:50000`);
    assertEquals(honest.server.closed, false);
    const { limits } = await strangersOf(staged);
    assertEquals(limits, { max_unopened: 3 * ACCEPTS_PER_TURN - workers });
  });

  Deno.test(`a connection without a session is closed after its time (${by})`, async () => {
    const staged = await stage(workers, {});
    const stranger = await staged.from(STRANGER);
    await staged.clock.advance(OPEN_LIMIT_MS + 1_000);
    assertEquals(stranger.path.server.closed, true);
    assertEquals(await strangersOf(staged), { count: 1, limits: {} });
  });

  Deno.test(`a stall of this process is not told of each stranger, who has the full time again (${by})`, async () => {
    const staged = await stage(workers, {});
    const strangers: IncomingConnection[] = [];
    for (let n = 0; n < 9; n++) {
      const stranger = await staged.from(STRANGER);
      await stranger.peer.say("HELLO");
      strangers.push(stranger);
    }
    staged.clock.stall(OPEN_LIMIT_MS + 1_000);
    await staged.clock.advance(OPEN_LIMIT_MS - 1);
    const closed = () => strangers.filter(({ path }) => path.server.closed).length;
    assertEquals(closed(), 0);
    await staged.clock.advance(1_000);
    assertEquals(closed(), 9);
    assertEquals(staged.recorder.all("local_stall"), []);
    assertEquals(await strangersOf(staged), { count: 9, limits: {} });
  });

  Deno.test(`an address has as many sessions as it may have, then there is room for others only (${by})`, async () => {
    const staged = await stage(workers, { maxSessionsPerAddress: 2 });
    const { clock } = staged;
    const open = async (host: string, id: string, greeting: object = KNOWING) => {
      const connection = await staged.from(host);
      await greet(staged, connection, id, greeting);
      return connection;
    };
    const first = await open(STRANGER, "a");
    welcomeOf(first);
    welcomeOf(await open(STRANGER, "b"));
    const full = await open(STRANGER, "c");
    assertEquals(
      full.peer.heard[0],
      "0 TERMINATE full no room for session c: its address has as many sessions as it may have " +
        "(max_sessions_per_address 2)",
    );
    // A client that does not know that takes it for final.
    assertEquals(heard(await open(STRANGER, "c", BACK)), "TERMINATE refused");
    welcomeOf(await open(HONEST, "h"));
    // A session that comes back takes no room, wherever it comes from, with a connection or without.
    welcomeOf(await open(STRANGER, "a", { ...KNOWING, confirmed: 0 }));
    welcomeOf(await open(HONEST, "b", { ...KNOWING, confirmed: 0 }));
    assertEquals(heard(await open(STRANGER, "c")), "TERMINATE full");
    // One that ends makes room.
    const { peer } = await open(STRANGER, "a", { ...KNOWING, confirmed: 0 });
    await peer.say("TERMINATE done\n");
    await peer.hangUp();
    await clock.advance(1_000);
    welcomeOf(await open(STRANGER, "c"));
    assertEquals(heard(await open(STRANGER, "d")), "TERMINATE full");
    // Nobody is told of those but in the digest.
    assertEquals(staged.recorder.all("terminated").map(({ session }) => session), ["a"]);
    const { limits } = await strangersOf(staged);
    assertEquals(limits, { max_sessions_per_address: 4 });
  });

  Deno.test(`max_sessions is full for a client that knows that, and refused for others (${by})`, async () => {
    const staged = await stage(workers, {}, { maxSessions: 1 });
    const open = async (id: string, greeting: object) => {
      const connection = await staged.from(HONEST);
      await greet(staged, connection, id, greeting);
      return heard(connection);
    };
    assertEquals(await open("a", KNOWING), "WELCOME 1");
    assertEquals(await open("b", KNOWING), "TERMINATE full");
    assertEquals(await open("c", BACK), "TERMINATE refused");
    assertEquals(await strangersOf(staged), { count: 2, limits: { max_sessions: 2 } });
  });

  Deno.test(`sessions of original clients count for their address, too (${by})`, async () => {
    const staged = await stage(workers, { maxSessionsPerAddress: 1 });
    const call = async (host: string) => {
      const connection = await staged.from(host);
      await connection.peer.say("CLIENT_DATA_MESSAGE");
      await staged.clock.advance(0);
      return connection;
    };
    const first = await call(STRANGER);
    await call(STRANGER);
    await call(HONEST);
    assertEquals(staged.recorder.all("connected").map(({ peer }) => peer), [
      `${STRANGER}:50000`,
      `${HONEST}:50000`,
    ]);
    first.path.reset();
    await staged.clock.advance(100_000);
    await call(STRANGER);
    assertEquals(staged.recorder.all("connected").length, 3);
    const { limits } = await strangersOf(staged);
    assertEquals(limits, { max_sessions_per_address: 1 });
  });

  Deno.test(`thousands of strangers are one line a minute (${by})`, async () => {
    const staged = await stage(workers, {}, { maxUnopened: 30 });
    for (let n = 0; n < 1_000; n++) {
      staged.network.from = `203.0.113.${n % 250}`;
      await staged.connect();
      if (n % 10 === 0) await staged.clock.advance(100);
    }
    await staged.clock.advance(60_000);
    await settle();
    const digests = staged.recorder.all("strangers");
    assertEquals(digests.map(({ count }) => count).reduce((sum, each) => sum + each), 1_000);
    assertEquals(digests.length, 2);
    assertEquals(digests[1]!.addresses.length, 10);
    const others = ["listening", "strangers"];
    assertEquals(staged.recorder.events.filter(({ event }) => !others.includes(event)), []);
  });
}
