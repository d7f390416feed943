/**
 * A client with a key proves it, and takes no server that does not; with a real server, both in any mixture.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Client, type ClientOptions } from "../../lib/client/client.ts";
import { Server } from "../../lib/server/server.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import { type Key, proofOf } from "../../lib/wire/proof.ts";
import { clientOptions } from "../support/client_options.ts";
import { countingRandom, MILL, PUMP, ringOf } from "../support/keys.ts";
import { MemoryNetwork } from "../support/memory_network.ts";
import { serverOptions } from "../support/server_options.ts";
import { Recorder, stageUnopenedClient } from "../support/stage.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

/** Runs a client that sends one data message to a server, and then a minute. */
async function run(
  { key, ...options }: Omit<Partial<ClientOptions>, "key"> & { key?: Key },
  server: Partial<ServerOptions>,
) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock);
  const [ours, theirs] = [new Recorder(clock), new Recorder(clock)];
  const random = countingRandom();
  const common = { clock, transport: network, random };
  const listening = Server.listen(
    serverOptions({ ...common, original: false, sink: theirs, ...server }),
  );
  const status = listening.run();
  const client = new Client(
    clientOptions({ ...common, count: 1, sink: ours, ...key && { key: () => key }, ...options }),
  );
  const ended = client.run();
  await clock.advance(60_000);
  listening.stop("shutdown");
  await clock.advance(2_000);
  assertEquals([await status, clock.pending], [0, 0]);
  const text = JSON.stringify([ours.events, theirs.events]);
  for (const { secret } of [MILL, PUMP]) assert(!text.includes(secret));
  return { status: await ended, ours, theirs };
}

Deno.test("a client and a server with the same key open a session", async () => {
  const { ours, status, theirs } = await run({ key: MILL }, { keys: ringOf() });
  assertEquals(status, 0);
  for (const recorder of [ours, theirs]) {
    const events = recorder.events.filter(({ session }) => session !== null);
    assertEquals(new Set(events.map(({ who }) => who)), new Set(["mill"]));
  }
});

const UNKNOWN = "this server does not know the key mill, or knows another secret of that name";

/** What each side has, and what the client's user is told. */
const MISMATCHES: [what: string, key: Key | undefined, keys: Key[], by: string, text: string][] = [
  ["another secret", { ...MILL, secret: PUMP.secret }, [MILL], "peer", UNKNOWN],
  ["an unknown name", MILL, [PUMP], "peer", UNKNOWN],
  [
    "no key, where one is needed",
    undefined,
    [MILL],
    "peer",
    "this server takes only clients with a key (key_file), and this one has named none",
  ],
  [
    "a key, where the server has none",
    MILL,
    [],
    "self",
    "it opens sessions without keys, and so does not know the key mill",
  ],
];

for (const [what, key, keys, by, text] of MISMATCHES) {
  for (const reconnect of [undefined, { limit: 0 }]) {
    const how = reconnect ? ", for good even with --reconnect" : "";
    Deno.test(`a client with ${what} ends with status 4${how}`, async () => {
      const server = keys.length > 0 ? { keys: ringOf(...keys) } : {};
      const { ours, status, theirs } = await run({ key, reconnect }, server);
      assertEquals(status, 4);
      const end = ours.one("terminated");
      assertEquals([end.by, end.text], [by, text]);
      assertEquals([ours.all("connected"), ours.all("reconnecting")], [[], []]);
      if (keys.length === 0) {
        const { by, reason } = theirs.one("terminated");
        assertEquals([by, reason], ["peer", "refused"]);
      } else assertEquals(theirs.one("strangers").count, 1);
    });
  }
}

const SERVER_NONCE = "s".repeat(43);

/** Has a client with a key meet a server that welcomes it with this, once it has heard the client's proof. */
async function met(welcome: (said: { nonce: string; proof: string }) => object) {
  const staged = stageUnopenedClient({ key: MILL });
  const { clock, ended, peer } = staged;
  await settle();
  const nonce = /"nonce":"(.{43})"/.exec(peer.heard[0]!)![1]!;
  await peer.say(`CHALLENGE ${SERVER_NONCE}\n`);
  const proof = peer.heard[1]!.split(" ")[2]!;
  await peer.say(`WELCOME 1 s ${JSON.stringify(welcome({ nonce, proof }))}\n`);
  await clock.advance(0);
  return { ...staged, exchange: { nonce, proof }, ended };
}

Deno.test("a client names its key and a new nonce, and proves the key", async () => {
  const exchange = { session: "s", key: "mill", serverNonce: SERVER_NONCE };
  const { exchange: { nonce, proof }, peer, session } = await met(({ nonce }) => ({
    proof: proofOf("server", MILL.secret, { ...exchange, clientNonce: nonce }),
  }));
  assertStringIncludes(peer.heard[0]!, '"key":"mill"');
  assertEquals(proof, proofOf("client", MILL.secret, { ...exchange, clientNonce: nonce }));
  assert(session.isOpen);
});

for (
  const [what, welcome] of [
    ["no proof", () => ({})],
    ["what is no proof", () => ({ proof: 7 })],
    ["the client's own proof", ({ proof }: { proof: string }) => ({ proof })],
    ["the proof of another key", ({ nonce: clientNonce }: { nonce: string }) => ({
      proof: proofOf("server", PUMP.secret, {
        session: "s",
        key: "mill",
        clientNonce,
        serverNonce: SERVER_NONCE,
      }),
    })],
  ] as const
) {
  Deno.test(`a client takes no server that shows ${what}, nor its token`, async () => {
    const { clock, ended, identity, peer, session } = await met((said) => ({
      ...welcome(said),
      token: "t".repeat(43),
    }));
    assert(!session.isOpen);
    await clock.advance(1_000);
    const text = "its proof shows that it does not know the key mill";
    assertEquals(await ended, { by: "self", reason: "unproven", text });
    assertEquals(peer.heard.at(-1), `0 TERMINATE refused ${text}`);
    assertEquals(identity.token, undefined);
  });
}

for (
  const [key, said, why] of [
    [undefined, `CHALLENGE ${SERVER_NONCE}\n`, "CHALLENGE in answer to HELLO without a key"],
    [MILL, `CHALLENGE ${SERVER_NONCE}\nCHALLENGE ${SERVER_NONCE}\n`, "a second CHALLENGE"],
    [MILL, "CHALLENGE x\n", 'bad word "x" in CHALLENGE; expected 43 letters, digits, "-" or "_"'],
    [MILL, "CHALLENGE x y\n", 'too many words in "CHALLENGE x y"'],
  ] as const
) {
  Deno.test(`a client takes for a protocol error: ${why}`, async () => {
    const { clock, ended, peer } = stageUnopenedClient({ key });
    await peer.say(said);
    await clock.advance(1_000);
    assertEquals(await ended, { by: "self", reason: "protocol", text: why });
  });
}
