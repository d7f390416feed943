/**
 * A server with hundreds of connections that open no session or stop in the middle of one, while a
 * healthy session goes on.
 *
 * @module
 */
import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { OPEN_LIMIT_MS } from "../../lib/session/timers.ts";
import { HealthySession } from "../support/healthy_session.ts";
import { RawClient } from "../support/raw_client.ts";

const CROWD = 300;
const TIMERS = [
  "--data-threshold=2",
  "--heartbeat-threshold=0.5",
  "--heartbeat-additional-tries=1",
];
/** Death predicted after 2 s + 2 × 0.5 s. */
const PREDICTED_MS = 3_000;
/** How late a busy machine may be; that it is never early is the point. */
const LATE_MS = 5_000;

const NO_HELLO = "TERMINATE silent no HELLO within 5 s";

/** Has a client do something and waits for the server to close; checks what it says, and when. */
async function assertShutOut(
  port: number,
  act: (client: RawClient) => Promise<void>,
): Promise<string> {
  const connected_ms = performance.now();
  using client = await RawClient.connect(port);
  const [line] = await Promise.all([client.lastLine(), act(client)]);
  const took_ms = performance.now() - connected_ms;
  assertEquals(line, NO_HELLO);
  assertGreaterOrEqual(took_ms, OPEN_LIMIT_MS);
  assertLess(took_ms, OPEN_LIMIT_MS + LATE_MS);
  return client.address;
}

/** Opens a session, stops in the middle of a frame, and waits until the server takes it for dead. */
async function assertGivenUp(healthy: HealthySession, id: string, says: string): Promise<void> {
  using client = await RawClient.open(healthy.port, id);
  await client.say(says);
  assertEquals(await client.lastLine(), "TERMINATE silent");
  const end = await healthy.endOf(client);
  assertEquals([end.by, end.reason, end.session], ["self", "silent", id]);
  assertEquals(end.predicted_ms, PREDICTED_MS);
  assertGreaterOrEqual(end.detected_after_ms!, PREDICTED_MS);
  assertLess(end.detected_after_ms!, PREDICTED_MS + LATE_MS);
}

Deno.test("a server shuts out who opens no session, and serves the healthy all the while", async () => {
  await using healthy = await HealthySession.start(TIMERS);
  const { port } = healthy;
  const shutOut = await Promise.all([
    ...Array.from({ length: CROWD }, () => assertShutOut(port, () => Promise.resolve())),
    assertShutOut(port, (client) => client.say("HELLO 1 unfinished {}")),
    assertShutOut(port, (client) => client.drip(`HELLO 1 ${"x".repeat(60)}`, 150)),
    // Stops where data is due: its length has been announced, and only part of it comes.
    assertGivenUp(healthy, "part-of-data", "DATA 1 100\nxxxxxxxxxx").then(() => undefined),
    assertGivenUp(healthy, "no-line-end", "DATA 1 1\nx").then(() => undefined),
    assertGivenUp(healthy, "part-of-a-line", "DATA 1").then(() => undefined),
  ]);
  const log = await healthy.endUndisturbed();
  const digests = [...log.matchAll(/ (\d+) connections? from 127\.0\.0\.1 opened no session/g)];
  const counted = digests.reduce((sum, [, count]) => sum + Number(count), 0);
  assertEquals(counted, shutOut.filter((each) => each !== undefined).length);
});
