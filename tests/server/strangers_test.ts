/**
 * Connections that open no session: counted, and reported together, once a minute at most.
 *
 * @module
 */
import { assertEquals, assertLessOrEqual } from "@std/assert";
import { MAX_NAMED, Strangers } from "../../lib/server/strangers.ts";
import { EventSource } from "../../lib/session/events.ts";
import { stagePool } from "../support/pool_stage.ts";
import { cameTo } from "../support/scripted_network.ts";
import { Recorder, stageUnopenedServer } from "../support/stage.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

function stage() {
  const clock = new VirtualClock();
  const recorder = new Recorder(clock);
  const strangers = new Strangers({ clock, events: new EventSource(recorder, clock) });
  const come = (peer: string, sent = "nothing") => strangers.onStranger({ peer, sent });
  return { clock, recorder, strangers, come };
}

Deno.test("the first stranger is reported at once, those after it once a minute at most", async () => {
  const { clock, come, recorder } = stage();
  for (let second = 0; second < 600; second += 2) {
    come(`192.0.2.${second % 4}:50000`);
    await clock.advance(2_000);
  }
  const times = recorder.all("strangers").map(({ at_ms }) => at_ms);
  assertEquals(times, [
    0,
    60_000,
    120_000,
    180_000,
    240_000,
    300_000,
    360_000,
    420_000,
    480_000,
    540_000,
    600_000,
  ]);
  assertEquals(recorder.all("strangers").reduce((sum, { count }) => sum + count, 0), 300);
  assertEquals(recorder.story("strangers").slice(0, 2), [
    "0 strangers 1 192.0.2.0 nothing true",
    "60000 strangers 29 192.0.2.2,192.0.2.0 nothing",
  ]);
});

Deno.test("a stranger after a quiet minute is reported at once, and nothing is left behind", async () => {
  const { clock, come, recorder } = stage();
  come("192.0.2.1:1");
  await clock.advance(61_000);
  assertEquals(clock.pending, 0);
  come("192.0.2.1:2");
  assertEquals(recorder.all("strangers").map(({ at_ms }) => at_ms), [0, 61_000]);
  assertEquals(clock.pending, 0);
});

Deno.test("a report names ten addresses and ten things that were sent at most, and counts all", async () => {
  const { clock, come, recorder } = stage();
  come("[2001:db8::1]:50000");
  for (let n = 0; n < 1_000; n++) come(`192.0.2.${n % 250}:50000`, `"${n}"`);
  await clock.advance(60_000);
  const [first, digest] = recorder.all("strangers");
  assertEquals(first!.addresses, ["[2001:db8::1]"]);
  assertEquals(digest!.count, 1_000);
  assertEquals([digest!.addresses.length, digest!.sent.length], [MAX_NAMED, MAX_NAMED]);
  assertLessOrEqual(JSON.stringify(digest).length, 600);
});

Deno.test("each known protocol is new once, and so is everything else together", async () => {
  const { clock, come, recorder } = stage();
  for (const sent of ["http", "http", '"a"', '"b"', "tls", "nothing", "http"]) {
    come("192.0.2.1:1", sent);
    await clock.advance(60_000);
  }
  const news = recorder.all("strangers").map((event) => event.new ?? false);
  assertEquals(news, [true, false, true, false, true, true, false]);
});

Deno.test("at the end what was counted is reported, if anything was", () => {
  const { clock, come, recorder, strangers } = stage();
  strangers.flush();
  assertEquals(recorder.events, []);
  come("192.0.2.1:1");
  come("192.0.2.1:2");
  strangers.flush();
  assertEquals(recorder.all("strangers").map(({ count }) => count), [1, 1]);
  assertEquals(clock.pending, 0);
});

/** What a peer does before any HELLO, and what is said of it. */
const STRANGE: Readonly<Record<string, [said: string, hangsUp: boolean, sent: string]>> = {
  "connects and closes": ["", true, "nothing"],
  "connects and says nothing": ["", false, "nothing"],
  "calls in HTTP": ["GET / HTTP/1.1\r\n\r\n", false, "http"],
  "begins with a PROXY header": ["PROXY TCP4 192.0.2.1 192.0.2.2 5 4000\r\n", false, "proxy_v1"],
  "begins with a binary PROXY header": ["\r\n\r\n\0\r\nQUIT\n\x21\x11", false, "proxy_v2"],
  "begins with TLS": ["\x16\x03\x01\x02\0\x01\0\x01", false, "tls"],
  "says a word that is no frame": ["who is there?\n", false, '"who is there?"'],
  "stops in the middle of HELLO": ["HELLO 1 ", false, '"HELLO 1 "'],
  "ends before it began": ["TERMINATE done\n", false, '"TERMINATE done"'],
};

for (const [what, [said, hangsUp, sent]] of Object.entries(STRANGE)) {
  Deno.test(`a peer that ${what} is a stranger, and has no other event`, async () => {
    const { clock, peer, recorder } = stageUnopenedServer();
    if (said !== "") await peer.say(said);
    if (hangsUp) await peer.hangUp();
    await clock.advance(6_000);
    assertEquals(recorder.events.map(({ event }) => event), ["strangers"]);
    assertEquals(recorder.one("strangers").sent, [sent]);
  });
}

Deno.test("a known protocol is told so at once, in words", async () => {
  const { peer } = stageUnopenedServer();
  await peer.say("\x16\x03\x01\x02\0\x01\0\x01");
  assertEquals(peer.heard, [
    "0 TERMINATE protocol it sent a TLS hello, as a client or a load balancer does that is to use TLS",
  ]);
});

Deno.test("a client whose HELLO is refused is no stranger", async () => {
  for (const [hello, refusal] of [["HELLO 2 s {}\n"], ["HELLO 1 s {}\n", "enough"]] as const) {
    const { clock, peer, recorder } = stageUnopenedServer({ refusal });
    await peer.say(hello);
    await clock.advance(1_000);
    assertEquals(recorder.all("strangers"), []);
    assertEquals(recorder.one("terminated").reason, "refused");
  }
});

Deno.test("a client whose HELLO is wrong is no stranger: whoever writes it has to know why", async () => {
  const { clock, peer, recorder } = stageUnopenedServer();
  await peer.say("HELLO 1 a.b {}\n");
  await clock.advance(1_000);
  assertEquals(recorder.events.map(({ event }) => event), ["terminated"]);
  assertEquals(recorder.one("terminated").text.startsWith('bad session id "a.b"'), true);
});

Deno.test("several workers report their strangers together", async () => {
  const { clock, connect, recorder, server, status } = await stagePool(3);
  for (let n = 0; n < 7; n++) await (await connect()).peer.hangUp();
  await clock.advance(59_999);
  assertEquals(recorder.all("strangers").map(({ count }) => count), [1]);
  await clock.advance(1);
  assertEquals(recorder.all("strangers").map(({ count }) => count), [1, 6]);
  await (await connect()).peer.hangUp();
  server.stop("shutdown");
  await cameTo(status, clock, 2_000);
  assertEquals(recorder.all("strangers").map(({ count }) => count), [1, 6, 1]);
});
