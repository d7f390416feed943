/**
 * A server with keys opens no session without the proof of one, and tells no stranger anything of them.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { hashOf, isSecret } from "../../lib/platform/secrets.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import { proofOf } from "../../lib/wire/proof.ts";
import { data, heardAfter, refusalOf, welcomeOf } from "../support/callers.ts";
import { HeldStore } from "../support/held_delivery.ts";
import {
  challengeOf,
  CLIENT_NONCE,
  countingRandom,
  MILL,
  naming,
  openKeyed,
  proofFor,
  PUMP,
  ringOf,
} from "../support/keys.ts";
import { stagePool } from "../support/pool_stage.ts";
import { stageRawServer } from "../support/raw_server.ts";

const OWNER = { reconnect: true, knows: ["token"] };

const WRONG = "PROOF " + "w".repeat(43) + "\n";

function stage(options: Partial<ServerOptions> = {}) {
  const random = countingRandom();
  return stageRawServer({ keys: ringOf(), original: false, random, ...options });
}

Deno.test("a client that proves its key is welcomed with the server's proof, and named in every event", async () => {
  const { clock, hello, recorder } = stage();
  const caller = await hello("s", naming());
  const serverNonce = challengeOf(caller);
  assertEquals(recorder.all("connected"), []);
  const proof = proofFor(caller, "s");
  caller.peer.heard.shift();
  await caller.peer.say(proof);
  const exchange = { session: "s", key: "mill", clientNonce: CLIENT_NONCE, serverNonce };
  assertEquals(welcomeOf(caller)["proof"], proofOf("server", MILL.secret, exchange));
  await caller.peer.say(data(1));
  assertEquals(heardAfter(caller), ["CONFIRM 1"]);
  await caller.peer.say("TERMINATE done\n");
  await clock.advance(0);
  const ofSession = recorder.events.filter(({ session }) => session === "s");
  assert(ofSession.length >= 5);
  for (const { event, who } of ofSession) assertEquals(who, "mill", event);
  assert(!JSON.stringify(recorder.events).includes(MILL.secret));
});

Deno.test("a proof may come in any pieces, with CRLF, and just before the limit", async () => {
  const { clock, connect } = stage();
  const caller = await connect();
  for (const byte of `HELLO 1 s ${JSON.stringify(naming())}\r\n`) await caller.peer.say(byte);
  await clock.advance(4_999);
  const proof = proofFor(caller, "s").replace("\n", "\r\n");
  caller.peer.heard.shift();
  for (const byte of proof) await caller.peer.say(byte);
  welcomeOf(caller);
  await caller.peer.say(data(1));
  assertEquals(heardAfter(caller), ["CONFIRM 1"]);
});

Deno.test("a HELLO that fills its line can be proved", async () => {
  const { hello } = stage();
  const greeting = { ...naming(), padding: "" };
  const line = `HELLO 1 s ${JSON.stringify(greeting)}\n`;
  welcomeOf(await openKeyed(hello, "s", { padding: "x".repeat(1_024 - line.length) } as object));
});

Deno.test("a server with keys refuses a client that names none, and has none prove an empty one", async () => {
  const { clock, hello, recorder } = stage();
  for (
    const said of [{}, { key: "mill" }, { key: "", nonce: CLIENT_NONCE }, {
      key: "a b",
      nonce: CLIENT_NONCE,
    }]
  ) {
    const text =
      "this server takes only clients with a key (key_file), and this one has named none";
    assertEquals(refusalOf(await hello("s", said)), text);
  }
  await clock.advance(60_000);
  const strangers = recorder.all("strangers");
  assertEquals(strangers.map(({ count, sent }) => [count, sent]), [
    [1, ["HELLO without a key"]],
    [3, ["HELLO without a key"]],
  ]);
  assertEquals([recorder.all("connected"), recorder.all("terminated")], [[], []]);
});

Deno.test("an unknown name and a wrong proof are answered alike, at the same time; the log tells them apart", async () => {
  const { clock, hello, recorder } = stage();
  const heard = [];
  for (const name of ["mill", "nobody"]) {
    const caller = await hello("s", naming({ name }));
    await clock.advance(100);
    await caller.peer.say(WRONG);
    const [challenge, refusal, ...more] = caller.peer.heard.map((line) =>
      line.replace(/^\d+ /, "")
    );
    assert(isSecret(challenge!.slice("CHALLENGE ".length)));
    assertEquals(more, []);
    heard.push(refusal!.replace(name, "NAME"));
  }
  assertEquals(
    heard,
    Array(2).fill(
      "TERMINATE refused this server does not know the key NAME, or knows another secret of that name",
    ),
  );
  await clock.advance(60_000);
  assertEquals(recorder.all("strangers").flatMap(({ sent }) => sent), [
    'HELLO with a wrong proof of the key "mill"',
    'HELLO with the unknown key "nobody"',
  ]);
  assertEquals(recorder.all("terminated"), []);
});

Deno.test("a proof of another key, session, role or nonce is wrong", async () => {
  const exchange = { session: "s", key: "mill", clientNonce: CLIENT_NONCE };
  const wrong: [string, (serverNonce: string) => string][] = [
    ["key", (serverNonce) => proofOf("client", PUMP.secret, { ...exchange, serverNonce })],
    [
      "name",
      (serverNonce) => proofOf("client", MILL.secret, { ...exchange, serverNonce, key: "pump" }),
    ],
    [
      "session",
      (serverNonce) => proofOf("client", MILL.secret, { ...exchange, serverNonce, session: "t" }),
    ],
    ["role", (serverNonce) => proofOf("server", MILL.secret, { ...exchange, serverNonce })],
    [
      "client nonce",
      (serverNonce) =>
        proofOf("client", MILL.secret, { ...exchange, serverNonce, clientNonce: "d".repeat(43) }),
    ],
    [
      "server nonce",
      () => proofOf("client", MILL.secret, { ...exchange, serverNonce: "d".repeat(43) }),
    ],
  ];
  for (const [what, proof] of wrong) {
    const { hello } = stage();
    const caller = await hello("s", naming());
    await caller.peer.say(`PROOF ${proof(challengeOf(caller))}\n`);
    assertStringIncludes(heardAfter(caller)[0]!, "TERMINATE refused ", what);
  }
});

Deno.test("a recorded opening is of no use a second time", async () => {
  const { hello, recorder } = stage();
  const first = await hello("s", { ...OWNER, ...naming() });
  const proof = proofFor(first, "s");
  await first.peer.say(proof);
  first.path.reset();
  const second = await hello("s", { ...OWNER, ...naming() });
  assertNotEquals(challengeOf(second), challengeOf(first));
  await second.peer.say(proof);
  assertStringIncludes(heardAfter(second)[0]!, "TERMINATE refused ");
  assertEquals(recorder.all("connected").length, 1);
});

Deno.test("a client that does not answer the challenge has 5 s from its connection on", async () => {
  const { clock, connect, recorder } = stage();
  const caller = await connect();
  await clock.advance(2_000);
  await caller.peer.say(`HELLO 1 s ${JSON.stringify(naming())}\n`);
  await clock.advance(2_999);
  assertEquals(caller.peer.heard.length, 1);
  await clock.advance(1);
  assertEquals(heardAfter(caller), ["TERMINATE silent no PROOF within 5 s"]);
  await clock.advance(1_000);
  assert(caller.path.server.closed);
  assertEquals(recorder.one("strangers").sent, ['HELLO without a proof of the key "mill"']);
  assertEquals(clock.pending, 0);
});

for (const [what, end] of [["closes", "finish"], ["resets", "reset"]] as const) {
  Deno.test(`a client that ${what} the connection instead of a proof is a stranger`, async () => {
    const { clock, hello, recorder } = stage();
    const caller = await hello("s", naming());
    if (end === "reset") caller.path.reset();
    else caller.path.client.finish();
    await clock.advance(1_000);
    assert(caller.path.server.closed);
    assertEquals(recorder.one("strangers").sent, ['HELLO without a proof of the key "mill"']);
    assertEquals(clock.pending, 0);
  });
}

Deno.test("what comes instead of a proof is a protocol error, or a TERMINATE", async () => {
  for (
    const [sent, heard] of [
      ["DATA 1 1\nx\n", [
        "TERMINATE protocol DATA from the client as the first frame; expected HELLO or TERMINATE",
      ]],
      ["PROOF x\n", [
        'TERMINATE protocol bad word "x" in PROOF; expected 43 letters, digits, "-" or "_"',
      ]],
      ["HELLO 1 s {}\n", ["TERMINATE protocol a second HELLO"]],
      ["TERMINATE shutdown\n", []],
      ["z".repeat(3_000), [
        'TERMINATE protocol a line of more than 1024 bytes: "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz…"',
      ]],
    ] as const
  ) {
    const { clock, hello, recorder } = stage();
    const caller = await hello("s", naming());
    await caller.peer.say(sent);
    await clock.advance(1_000);
    assertEquals(heardAfter(caller), [...heard], sent);
    assertEquals([recorder.all("connected"), recorder.all("terminated")], [[], []]);
    assertEquals(recorder.all("strangers").length, 1);
  }
});

Deno.test("what is not HELLO is answered as ever", async () => {
  const { connect } = stage();
  for (
    const [sent, heard] of [
      ["PING\n", 'TERMINATE protocol unknown frame "PING"'],
      ["HELLO 2 s {}\n", "TERMINATE refused this server speaks PW/1, not PW/2"],
      [
        WRONG,
        "TERMINATE protocol PROOF from the client as the first frame; expected HELLO or TERMINATE",
      ],
    ]
  ) {
    const caller = await connect();
    await caller.peer.say(sent!);
    assertEquals(heardAfter(caller, 0), [heard!]);
  }
});

Deno.test("a HELLO that comes too late to be proved opens no session", async () => {
  const { clock, connect, recorder } = stage();
  const caller = await connect();
  await clock.advance(5_000);
  await caller.peer.say("HELLO 1 s {}\n");
  await clock.advance(1_000);
  assertEquals(heardAfter(caller, 0), ["TERMINATE silent no HELLO within 5 s"]);
  assertEquals(recorder.all("connected"), []);
});

Deno.test("a server that stops ends a connection that has not proved its key", async () => {
  const { clock, hello, server, status } = stage();
  const caller = await hello("s", naming());
  server.stop("shutdown");
  await clock.advance(2_000);
  assertEquals(await status, 0);
  assertEquals(heardAfter(caller), ["TERMINATE shutdown"]);
  assertEquals(clock.pending, 0);
});

Deno.test("a session that was opened under a key is resumed under that one only", async () => {
  const { clock, hello, recorder } = stage();
  const first = await openKeyed(hello, "s", OWNER);
  const token = String(welcomeOf(first)["token"]);
  await first.peer.say(data(1));
  const back = { ...OWNER, confirmed: 0, sent: 1, token };
  const other = await openKeyed(hello, "s", { ...back, key: PUMP });
  assertEquals(refusalOf(other), "session s was opened with another key");
  await first.peer.say(data(2));
  assertEquals(heardAfter(first).at(-1), "CONFIRM 2");
  first.path.reset();
  await clock.advance(1_000);
  assertEquals(refusalOf(await openKeyed(hello, "s", { ...back, key: PUMP })), refusalOf(other));
  const thief = await openKeyed(hello, "s", { ...OWNER, confirmed: 0, sent: 1 });
  assertStringIncludes(refusalOf(thief), "does not show its token");
  assertEquals(welcomeOf(await openKeyed(hello, "s", back))["received"], 2);
  assertEquals(recorder.one("resumed").who, "mill");
});

Deno.test("an unclaimed session, too, is open to its key only", async () => {
  const { hello } = stage();
  await openKeyed(hello, "s", OWNER);
  const other = await openKeyed(hello, "s", { ...OWNER, key: PUMP });
  assertEquals(refusalOf(other), "session s was opened with another key");
  assertEquals(welcomeOf(await openKeyed(hello, "s", OWNER))["received"], 0);
});

Deno.test("the store keeps the name of the key; a session of before gets the one that resumes it", async () => {
  const sessions = [["a", "mill"], ["b", undefined]].map(([id, who]) => ({
    id: id!,
    who,
    received: 1,
    seen_at: Date.parse("2026-11-22T05:43:00Z"),
    token_hash: hashOf("A".repeat(43)),
  }));
  const store = new HeldStore({ held: false, sessions });
  const { hello } = stage({ store, sessionLifetime_ms: 1e12 });
  const back = { ...OWNER, confirmed: 0, sent: 1, token: "A".repeat(43) };
  const refused = refusalOf(await openKeyed(hello, "a", { ...back, key: PUMP }));
  assertEquals(refused, "session a was opened with another key");
  welcomeOf(await openKeyed(hello, "a", back));
  welcomeOf(await openKeyed(hello, "b", { ...back, key: PUMP }));
  assertEquals(
    refusalOf(await openKeyed(hello, "b", back)),
    "session b was opened with another key",
  );
  await openKeyed(hello, "c", OWNER);
  const owners = store.calls.flat().map((
    each,
  ) => [each.kind, each.session, "who" in each && each.who]);
  assertEquals(owners, [["resumed", "a", false], ["resumed", "b", "pump"], [
    "opened",
    "c",
    "mill",
  ]]);
});

Deno.test("a session that was opened under a key is not resumed at a server without keys", async () => {
  const seen_at = Date.parse("2026-11-22T05:43:00Z");
  const sessions = [{ id: "s", who: "mill", received: 1, seen_at }];
  const store = new HeldStore({ held: false, sessions });
  const { hello } = stageRawServer({ store, sessionLifetime_ms: 1e12 });
  const back = await hello("s", { ...OWNER, confirmed: 0, sent: 1, ...naming() });
  assertEquals(refusalOf(back), "session s was opened with another key");
});

Deno.test("what is not proved touches no session, though it names its id and its token", async () => {
  const { clock, hello, recorder } = stage();
  const first = await openKeyed(hello, "s", OWNER);
  const token = String(welcomeOf(first)["token"]);
  await first.peer.say(data(1));
  const greeting = { ...OWNER, confirmed: 0, sent: 1, token };
  const silent = await hello("s", { ...greeting, ...naming() });
  challengeOf(silent);
  await (await hello("s", { ...greeting, ...naming() })).peer.say(WRONG);
  await hello("s", greeting);
  await first.peer.say(data(2));
  assertEquals(heardAfter(first).at(-1), "CONFIRM 2");
  await clock.advance(6_000);
  assertEquals([recorder.all("disconnected"), recorder.all("connected").length], [[], 1]);
});

Deno.test("with --once, a stranger does not take the one session", async () => {
  const { clock, hello, recorder, status } = stage({ once: true });
  await (await hello("a", naming())).peer.say(WRONG);
  await hello("b");
  await hello("c", naming());
  const caller = await openKeyed(hello, "s");
  welcomeOf(caller);
  await caller.peer.say("TERMINATE done\n");
  await clock.advance(10_000);
  assertEquals(await status, 0);
  assertEquals(recorder.one("connected").session, "s");
});

Deno.test("strangers take no room: max_sessions counts those that have proved their keys", async () => {
  const { hello } = stage({ maxSessions: 1 });
  for (let n = 0; n < 5; n++) challengeOf(await hello(`stranger-${n}`, naming()));
  welcomeOf(await openKeyed(hello, "s"));
  assertStringIncludes(refusalOf(await openKeyed(hello, "t")), "max_sessions 1");
});

Deno.test("other keys hold for new openings; sessions, and proofs under way, go on", async () => {
  const keys = ringOf(MILL);
  const { hello } = stage({ keys });
  const open = await openKeyed(hello, "open");
  const underWay = await hello("under-way", naming());
  const unknown = await hello("unknown", naming(PUMP));
  keys.replace([PUMP]);
  await underWay.peer.say(proofFor(underWay, "under-way"));
  assertStringIncludes(heardAfter(underWay)[0]!, "WELCOME ");
  await unknown.peer.say(proofFor(unknown, "unknown", PUMP));
  assertStringIncludes(heardAfter(unknown)[0]!, "TERMINATE refused ");
  await open.peer.say(data(1));
  assertEquals(heardAfter(open), ["CONFIRM 1"]);
  welcomeOf(await openKeyed(hello, "new", { key: PUMP }));
  const old = await hello("old", naming());
  await old.peer.say(proofFor(old, "old"));
  assertStringIncludes(heardAfter(old)[0]!, "TERMINATE refused ");
});

Deno.test("a connection that has not proved its key is unopened, and may have to give way", async () => {
  const { clock, hello, recorder } = stage({ maxUnopened: 2 });
  welcomeOf(await openKeyed(hello, "s"));
  const callers = [];
  for (const id of ["a", "b", "c"]) callers.push(await hello(id, naming()));
  await clock.advance(0);
  assertEquals(callers.map(({ peer }) => peer.sawEnd), [true, false, false]);
  assertEquals(recorder.one("strangers").limits, { max_unopened: 1 });
});

const WORKERS = 3;

Deno.test("with workers, a session that is accepted elsewhere is proved there, once, and resumed", async () => {
  const keys = ringOf();
  const { clock, hello, lent, recorder } = await stagePool(WORKERS, { keys, original: false });
  const first = await openKeyed(hello, "s", OWNER);
  const token = String(welcomeOf(first)["token"]);
  await first.peer.say(data(1));
  first.path.reset();
  await clock.advance(100);
  const second = await openKeyed(hello, "s", { ...OWNER, confirmed: 0, sent: 1, token });
  assertEquals(welcomeOf(second)["received"], 1);
  assert(isSecret(welcomeOf(second)["proof"]));
  await second.peer.say(data(2));
  assertEquals(heardAfter(second), ["CONFIRM 2"]);
  assertEquals([lent(), recorder.one("resumed").who], [1, "mill"]);
  const other = await openKeyed(hello, "s", { ...OWNER, confirmed: 0, sent: 1, token, key: PUMP });
  assertEquals(refusalOf(other), "session s was opened with another key");
});

Deno.test("with workers, what is not proved is placed nowhere, and displaces and reserves nothing", async () => {
  const keys = ringOf();
  const options = { keys, original: false, maxSessions: 2 };
  const { clock, hello, lent, recorder } = await stagePool(WORKERS, options);
  const away = await openKeyed(hello, "away", OWNER);
  away.path.reset();
  const first = await openKeyed(hello, "s", OWNER);
  await clock.advance(100);
  // Full now: another session would take the place of the one that is away.
  for (const id of ["away", "s", "new-1", "new-2", "new-3"]) {
    for (const greeting of [OWNER, { ...OWNER, ...naming() }]) await hello(id, greeting);
    const caller = await hello(id, { ...OWNER, ...naming() });
    await caller.peer.say(WRONG);
    assertStringIncludes(heardAfter(caller)[0]!, "TERMINATE refused ");
  }
  await clock.advance(6_000);
  assertEquals([lent(), recorder.all("terminated")], [0, []]);
  await first.peer.say(data(1));
  assertEquals(heardAfter(first), ["CONFIRM 1"]);
  welcomeOf(await openKeyed(hello, "away", OWNER));
});

Deno.test("with workers, other keys hold at each of them", async () => {
  const keys = ringOf(MILL);
  const { clock, hello } = await stagePool(WORKERS, { keys, original: false });
  keys.replace([PUMP]);
  await clock.advance(0);
  for (let n = 0; n < WORKERS; n++) {
    welcomeOf(await openKeyed(hello, `pump-${n}`, { key: PUMP }));
    const old = await hello(`mill-${n}`, naming());
    await old.peer.say(proofFor(old, `mill-${n}`));
    assertStringIncludes(heardAfter(old)[0]!, "TERMINATE refused ");
  }
});
