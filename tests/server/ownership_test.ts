/**
 * A session belongs to whoever opened it: who may return to it, and who may not.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hashOf, isSecret, systemRandom } from "../../lib/platform/secrets.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import type { StoredSession } from "../../lib/store/store.ts";
import { data, heardAfter, refusalOf, type Resuming, welcomeOf } from "../support/callers.ts";
import { HeldStore } from "../support/held_delivery.ts";
import { stageRawServer } from "../support/raw_server.ts";

const OWNER = { reconnect: true, knows: ["token"] };

const RETURN = { ...OWNER, confirmed: 0, sent: 0 };

const OTHERS = "A".repeat(43);

const NOT_YOURS = "session s belongs to whoever opened it, and this HELLO does not show its token";

function stage(options: Partial<ServerOptions> = {}) {
  return stageRawServer({ resumeWithoutToken: false, random: systemRandom, ...options });
}

/** A server with session `s`, of which a data message has come after its `WELCOME`. */
async function owned(options: Partial<ServerOptions> = {}) {
  const staged = stage(options);
  const first = await staged.hello("s", OWNER);
  const token = String(welcomeOf(first)["token"]);
  await first.peer.say(data(1));
  return { ...staged, first, token };
}

Deno.test("a session that is kept gets a token, different each time; no other does", async () => {
  const { hello } = stage();
  const tokens = [];
  for (const id of ["a", "b"]) {
    const { session_lifetime, token } = welcomeOf(await hello(id, OWNER));
    assertEquals(session_lifetime, 3_600);
    assert(isSecret(token));
    tokens.push(token);
  }
  assert(tokens[0] !== tokens[1]);
  const { session_lifetime, token } = welcomeOf(await hello("c", { knows: ["token"] }));
  assertEquals([session_lifetime, token], [undefined, undefined]);
});

Deno.test("a return that shows the token is resumed, and is not told it again", async () => {
  const { first, resume, token } = await owned();
  first.path.reset();
  const second = await resume("s", { ...RETURN, sent: 1, token });
  assertEquals(welcomeOf(second)["received"], 1);
  assertEquals(welcomeOf(second)["token"], undefined);
  const third = await resume("s", { ...RETURN, sent: 1, token });
  assertEquals(welcomeOf(third)["received"], 1);
});

for (
  const [what, said] of [
    ["no token", {}],
    ["another token", { token: OTHERS }],
    ["what is no token", { token: "x" }],
    ["no knowledge of tokens", { knows: [] }],
  ] as const
) {
  Deno.test(`a return that shows ${what} is refused, and the session goes on untouched`, async () => {
    const { clock, first, hello, recorder, token } = await owned();
    const thief = await hello("s", { ...RETURN, sent: 1, ...said as Resuming });
    assertEquals(refusalOf(thief), NOT_YOURS);
    await first.peer.say(data(2));
    assertEquals(heardAfter(first).at(-1), "CONFIRM 2");
    first.path.reset();
    await clock.advance(1_000);
    assertEquals(
      refusalOf(await hello("s", { ...RETURN, sent: 1, ...said as Resuming })),
      NOT_YOURS,
    );
    assertEquals(welcomeOf(await hello("s", { ...RETURN, sent: 2, token }))["received"], 2);
    assertEquals(recorder.all("disconnected").length, 1);
  });
}

Deno.test("with the store, the refused return writes nothing to it", async () => {
  const store = new HeldStore({ held: false });
  const { hello } = await owned({ store });
  const before = store.calls.length;
  assertEquals(refusalOf(await hello("s", { ...RETURN, sent: 1 })), NOT_YOURS);
  assertEquals(store.calls.length, before);
});

Deno.test("a session whose WELCOME may have been lost opens without a token, and gets a new one", async () => {
  const { clock, hello } = stage();
  const first = await hello("s", OWNER);
  const lost = welcomeOf(first)["token"];
  first.path.reset();
  await clock.advance(1_000);
  const second = await hello("s", OWNER);
  const { received, token } = welcomeOf(second);
  assertEquals(received, 0);
  assert(isSecret(token) && token !== lost);
  await second.peer.say("HEARTBEAT 1\n");
  assertEquals(refusalOf(await hello("s", { ...OWNER, token: String(lost) })), NOT_YOURS);
  assertEquals(welcomeOf(await hello("s", { ...OWNER, token }))["received"], 0);
});

Deno.test("of an unclaimed session the token that its client shows counts, not one that was sent in vain", async () => {
  const { clock, hello, resume } = stage();
  const token = String(welcomeOf(await hello("s", OWNER))["token"]);
  // An earlier HELLO of the same client, which had waited in vain.
  const late = await hello("s", OWNER);
  assert(welcomeOf(late)["token"] !== token);
  late.path.reset();
  await clock.advance(1_000);
  for (let returns = 0; returns < 2; returns++) {
    const returned = await resume("s", { ...RETURN, token });
    assertEquals(welcomeOf(returned)["received"], 0);
    await returned.peer.say("HEARTBEAT 1\n");
  }
  assertEquals(refusalOf(await hello("s", RETURN)), NOT_YOURS);
});

Deno.test("a client that ends its wait for WELCOME has not shown that it has the token", async () => {
  const { clock, hello } = stage();
  const first = await hello("s", OWNER);
  await first.peer.say("TERMINATE silent no WELCOME within 5 s\n");
  await clock.advance(1_000);
  assert(isSecret(welcomeOf(await hello("s", OWNER))["token"]));
});

Deno.test("an unclaimed session is open to no client that knows no tokens", async () => {
  const { hello } = stage();
  await hello("s", OWNER);
  assertEquals(refusalOf(await hello("s", { reconnect: true })), NOT_YOURS);
});

Deno.test("the store has the hash of the token once a frame shows that the client has it", async () => {
  const store = new HeldStore({ held: false });
  const { hello } = stage({ store });
  const first = await hello("s", OWNER);
  const token = String(welcomeOf(first)["token"]);
  assertEquals(store.told.flat(), ["opened"]);
  await first.peer.say(data(1));
  assertEquals(store.told, [["opened"], ["message 1", "claimed"]]);
  const entry = store.calls.flat().find((each) => each.kind === "claimed");
  assertEquals(entry?.token_hash, hashOf(token));
  assert(!JSON.stringify(store.calls).includes(token));
  await first.peer.say(data(2));
  assertEquals(store.told.flat().filter((kind) => kind === "claimed").length, 1);
});

/** A server on a store that has session `s`, with one data message. */
function restored(more: Partial<StoredSession>) {
  const session = { id: "s", received: 1, seen_at: Date.parse("2026-11-22T05:00:00Z"), ...more };
  const store = new HeldStore({ held: false, sessions: [session] });
  return { store, ...stage({ store, sessionLifetime_ms: 1e12 }) };
}

Deno.test("a restarted server asks for the token whose hash its store has", async () => {
  const { hello } = restored({ token_hash: hashOf(OTHERS) });
  assertEquals(refusalOf(await hello("s", { ...RETURN, sent: 1 })), NOT_YOURS);
  const back = welcomeOf(await hello("s", { ...RETURN, sent: 1, token: OTHERS }));
  assertEquals([back["received"], back["token"]], [1, undefined]);
});

for (
  const [whose, said] of [
    ["that does not reconnect", { knows: ["token"] }],
    ["that knows no tokens", { reconnect: true }],
  ] as const
) {
  Deno.test(`nobody returns after a crash to the session of a client ${whose}`, async () => {
    const store = new HeldStore({ held: false });
    const first = await stage({ store }).hello("s", said as Resuming);
    await first.peer.say(data(1));
    const claimed = store.calls.flat().find((each) => each.kind === "claimed");
    const { hello } = restored({ token_hash: claimed?.token_hash });
    for (const token of [undefined, "", OTHERS]) {
      assertEquals(refusalOf(await hello("s", { ...RETURN, sent: 1, token })), NOT_YOURS);
    }
  });
}

Deno.test("a session of an older store opens without a token, gets one, and needs it from then on", async () => {
  const { hello, store } = restored({});
  const first = await hello("s", { ...RETURN, sent: 1 });
  const { received, token } = welcomeOf(first);
  assertEquals(received, 1);
  assert(isSecret(token));
  await first.peer.say(data(2));
  assertEquals(store.told.flat(), ["resumed", "message 2", "claimed"]);
  assertEquals(refusalOf(await hello("s", { ...RETURN, sent: 2 })), NOT_YOURS);
  assertEquals(welcomeOf(await hello("s", { ...RETURN, sent: 2, token }))["received"], 2);
});

Deno.test("a session of an older store whose client knows no tokens is resumed, and kept no longer", async () => {
  const { hello } = restored({});
  const first = await hello("s", { reconnect: true, confirmed: 0, sent: 1 });
  const { received, session_lifetime, token } = welcomeOf(first);
  assertEquals([received, session_lifetime, token], [1, undefined, undefined]);
  first.path.reset();
  const again = await hello("s", { reconnect: true, confirmed: 1, sent: 2 });
  assertStringIncludes(refusalOf(again), "it keeps none for a client that knows no tokens");
});

Deno.test("a settled session that is new to the server begins without a token, and gets one", async () => {
  const { hello } = stage();
  const said = { ...RETURN, confirmed: 7, sent: 9, settled: true };
  const first = await hello("s", said);
  const { received, token } = welcomeOf(first);
  assertEquals(received, 7);
  assert(isSecret(token));
  await first.peer.say(data(8));
  assertEquals(refusalOf(await hello("s", said)), NOT_YOURS);
});

Deno.test("a session that is new to the server keeps the token that its client has from another one", async () => {
  const store = new HeldStore({ held: false });
  const { hello } = stage({ store });
  const said = { ...RETURN, confirmed: 7, sent: 7, token: OTHERS };
  assertEquals(welcomeOf(await hello("s", said))["token"], undefined);
  assertEquals(store.told.flat(), ["opened", "claimed"]);
  assertEquals(refusalOf(await hello("s", RETURN)), NOT_YOURS);
  assertEquals(welcomeOf(await hello("s", said))["received"], 7);
});

Deno.test("a client that knows no tokens is not kept a session for", async () => {
  const { clock, hello, recorder } = stage();
  const first = await hello("s", { reconnect: true });
  const { session_lifetime, token } = welcomeOf(first);
  assertEquals([session_lifetime, token], [undefined, undefined]);
  await first.peer.say(data(1));
  first.path.reset();
  await clock.advance(0);
  assertEquals(recorder.all("terminated").map(({ session }) => session), ["s"]);
  const again = await hello("s", { reconnect: true, confirmed: 0, sent: 1 });
  assertStringIncludes(refusalOf(again), "it keeps none for a client that knows no tokens");
});

Deno.test("with resume_without_token it is, and whoever knows the id may resume it", async () => {
  const { hello } = stage({ resumeWithoutToken: true });
  const first = await hello("s", { reconnect: true });
  const { session_lifetime, token } = welcomeOf(first);
  assertEquals([session_lifetime, token], [3_600, undefined]);
  await first.peer.say(data(1));
  const back = welcomeOf(await hello("s", { reconnect: true, confirmed: 0, sent: 1 }));
  assertEquals([back["received"], back["session_lifetime"]], [1, 3_600]);
});

Deno.test("resume_without_token opens no session that has a token", async () => {
  const { hello } = await owned({ resumeWithoutToken: true });
  assertEquals(refusalOf(await hello("s", { reconnect: true, confirmed: 0, sent: 1 })), NOT_YOURS);
});
