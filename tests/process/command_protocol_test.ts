/**
 * A server whose clients break the protocol, in every way there is, while a healthy session goes on.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { seconds } from "../../lib/output/phrases.ts";
import { HealthySession } from "../support/healthy_session.ts";
import { RawClient } from "../support/raw_client.ts";
import { eachOf } from "../support/run.ts";

const NOT_UTF_8 = Uint8Array.of(0x48, 0xff, 0xfe, 0x0a);

/** What a connection begins with instead of `HELLO`, and what the server says is wrong with it. */
const WRONG_BEGINNINGS: readonly [says: string | Uint8Array, why: string][] = [
  ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "it sent an HTTP request"],
  ["\n", 'unknown frame ""'],
  ["hello 1 s {}\n", 'unknown frame "hello 1 s {}"'],
  [" HELLO 1 s {}\n", 'unknown frame " HELLO 1 s {}"'],
  ["x".repeat(1024), "a line of more than 1024 bytes"],
  [NOT_UTF_8, "a line that is not UTF-8"],
  ["HELLO 1\ts {}\n", "a control character"],
  ["DATA 1 1\nx\n", "DATA from the client as the first frame"],
  ["HEARTBEAT 1\n", "HEARTBEAT from the client as the first frame"],
  ["WELCOME 1 s {}\n", "WELCOME from the client as the first frame"],
  ["HELLO x s {}\n", 'bad number "x"'],
  ["HELLO 0 s {}\n", 'bad number "0"'],
  ["HELLO 1 a.b {}\n", 'bad session id "a.b"'],
  ["HELLO 1\n", 'bad session id ""'],
  [`HELLO 1 ${"x".repeat(65)} {}\n`, "bad session id"],
  ["HELLO 1 s\n", "is not a JSON object"],
  ["HELLO 1 s [1]\n", "is not a JSON object"],
  ["HELLO 1 s {\n", "is not a JSON object"],
];

Deno.test("a server turns away who does not begin with HELLO: says, logs and closes", async () => {
  await using healthy = await HealthySession.start();
  const logged: string[] = [];
  let strangers = 0;
  await eachOf(WRONG_BEGINNINGS, async ([says, why]) => {
    using client = await RawClient.connect(healthy.port);
    await client.say(says);
    const said = await client.lastLine();
    assert(said.startsWith("TERMINATE protocol ") && said.includes(why), `${says}: ${said}`);
    if (typeof says !== "string" || !says.startsWith("HELLO ")) return void strangers++;
    const { by, reason, session, text } = await healthy.endOf(client);
    assertEquals([by, reason, session], ["self", "protocol", null]);
    assertStringIncludes(text, why);
    logged.push(`WARNING || ${client.address} does not speak PW/1: ${text}`);
  });
  const log = await healthy.endUndisturbed();
  for (const line of logged) assertStringIncludes(log, line);
  // Whoever does not even begin with HELLO is counted, and told of once a minute.
  const digests = healthy.server.events.flatMap((each) => each.event === "strangers" ? each : []);
  assertEquals(digests.reduce((sum, { count }) => sum + count, 0), strangers);
  assertLessOrEqual(digests.length, logged.length);
  assertEquals(log.match(/opened no session/g)?.length, digests.length);
});

const GREATEST = Number.MAX_SAFE_INTEGER;

/** What breaks an open session, and what the server says is wrong with it. */
const BREACHES: readonly [what: string, says: string | Uint8Array, why: string][] = [
  ["unknown", "PING 1\n", 'unknown frame "PING 1"'],
  ["hello", "HELLO 1 s {}\n", "HELLO from the client in an open session"],
  ["welcome", "WELCOME 1 s {}\n", "WELCOME from the client in an open session"],
  ["confirm", "CONFIRM 1\n", "CONFIRM from the client in an open session"],
  ["gap", "DATA 2 1\nx\n", "DATA 2 "],
  ["repetition", "DATA 1 1\nx\nDATA 1 1\nx\n", "DATA 1 "],
  ["zero", "DATA 0 1\nx\n", 'bad number "0"'],
  ["negative", "DATA 1 -1\n", 'bad number "-1"'],
  ["fraction", "DATA 1 1.5\n", 'bad number "1.5"'],
  ["zeros", "DATA 01 1\nx\n", 'bad number "01"'],
  ["unsafe", `HEARTBEAT ${GREATEST + 1}\n`, `bad number "${GREATEST + 1}"`],
  ["no-length", "DATA 1\n", 'bad number ""'],
  ["gibibyte", "DATA 1 1073741824\n", "DATA 1 announces 1073741824 bytes; at most 1048576"],
  ["one-over", "DATA 1 1048577\n", "DATA 1 announces 1048577 bytes; at most 1048576"],
  ["longer", "DATA 1 1\nxy\n", "DATA 1: no line end after its 1 bytes"],
  ["words", "DATA 1 1 1\nx\n", 'too many words in "DATA 1 1 1"'],
  ["no-number", "HEARTBEAT\n", 'bad number ""'],
  ["heartbeat-0", "HEARTBEAT 0\n", 'bad number "0"'],
  ["two-blanks", "HEARTBEAT  1\n", "too many words"],
  ["trailing", "HEARTBEAT 1 \n", "too many words"],
  ["reason", "TERMINATE because\n", 'unknown reason "because"'],
  ["endless", "x".repeat(1024), "a line of more than 1024 bytes"],
  ["utf-8", NOT_UTF_8, "a line that is not UTF-8"],
  ["control", "HEARTBEAT\u00001\n", "a control character"],
];

Deno.test("a server ends a session that breaks the protocol: says, logs and closes", async () => {
  await using healthy = await HealthySession.start();
  const logged: string[] = [];
  await eachOf(BREACHES, async ([id, says, why]) => {
    using client = await RawClient.open(healthy.port, id);
    await client.say(says);
    const said = await client.lastLine();
    assert(said.startsWith("TERMINATE protocol ") && said.includes(why), `${id}: ${said}`);
    const { age_ms, by, idle_ms, reason, session, text } = await healthy.endOf(client);
    assertEquals([by, reason, session], ["self", "protocol", id]);
    assertStringIncludes(text, why);
    const used = `the connection was ${seconds(age_ms!)} old, idle for ${seconds(idle_ms!)}`;
    logged.push(`ERROR || the client broke the protocol: ${text}; ${used} || ${id}`);
  });
  const log = await healthy.endUndisturbed();
  for (const line of logged) assertStringIncludes(log, line);
});

Deno.test("a server refuses another version, and a session that is already connected", async () => {
  await using healthy = await HealthySession.start();
  const logged: RegExp[] = [];
  using _first = await RawClient.open(healthy.port, "twice");
  for (const [hello, why] of [["2 s", "not PW/2"], ["1 twice", "already connected"]] as const) {
    using client = await RawClient.connect(healthy.port);
    await client.say(`HELLO ${hello} {}\n`);
    assertMatch(await client.lastLine(), new RegExp(`^TERMINATE refused .*${why}`));
    const { by, reason } = await healthy.endOf(client);
    assertEquals([by, reason], ["self", "refused"]);
    logged.push(new RegExp(`WARNING \\|\\| refused ${client.address}: .*${why}`));
  }
  const log = await healthy.endUndisturbed();
  for (const line of logged) assertMatch(log, line);
});

Deno.test("a server hears nothing that comes after TERMINATE", async () => {
  await using healthy = await HealthySession.start();
  using client = await RawClient.open(healthy.port, "after");
  await client.say("DATA 1 1\nx\nTERMINATE done bye\nDATA 2 1\nx\nnonsense\n" + "x".repeat(5_000));
  const said = await client.lastLine();
  assert(!said.startsWith("TERMINATE"), said);
  const { by, reason, text } = await healthy.endOf(client);
  assertEquals([by, reason, text], ["peer", "done", "bye"]);
  const { data_received } = await healthy.server.event(
    "summary",
    ({ session }) => session === "after",
  );
  assertEquals(data_received, 1);
  await healthy.endUndisturbed();
});

Deno.test("a server ends the session of a client that floods it and never reads", async () => {
  await using healthy = await HealthySession.start();
  using client = await RawClient.open(healthy.port, "flood");
  const flooding = client.flood(new TextEncoder().encode("HEARTBEAT 1\n".repeat(5_000)));
  // Heard of where it is awaited.
  flooding.catch(() => {});
  const { by, reason, text } = await healthy.endOf(client);
  assertEquals([by, reason], ["self", "protocol"]);
  assertStringIncludes(text, "unread");
  // Its end waits for nothing that the client would have to do.
  await healthy.server.event("summary", ({ session }) => session === "flood");
  await healthy.endUndisturbed();
  await flooding;
});
