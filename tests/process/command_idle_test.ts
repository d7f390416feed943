/**
 * A search for idle timeouts by real processes, over a path without any: its end, its interruption and its
 * continuation; on a terminal; a server that refuses.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { withFolder } from "../support/folder.ts";
import { freePort } from "../support/ports.ts";
import { commandWords, startCommand, startServer } from "../support/process.ts";
import { testUnless } from "../support/skip.ts";
import { AtTerminal, whyNoTerminal } from "../support/terminal.ts";

const SEARCH = ["--find-idle-timeout", "--precision=0.5"];
const SHORT = "--up-to=1s";

function searchOf(port: number, ...args: string[]) {
  return startCommand("client", ["127.0.0.1", String(port), ...SEARCH, ...args]);
}

for (const workers of [1, 2]) {
  Deno.test(`a search over a path without a timeout, of a server with ${workers} workers`, async () => {
    const port = freePort();
    await using server = await startServer(port, `--workers=${workers}`);
    await using client = searchOf(port, SHORT);
    const { client_first, complete, contradictions, server_first } = await client.event(
      "idle_timeout",
    );
    for (const { forgotten_by_s, how, survives_s } of [client_first, server_first]) {
      assertEquals([forgotten_by_s, how], [null, null]);
      // Measured from the answer of the exchange, which takes a moment.
      assert(survives_s > 0.9 && survives_s <= 1.1, `${survives_s}`);
    }
    assertEquals([complete, contradictions], [true, []]);
    assertEquals(await client.ended(), 0);
    server.kill("SIGTERM");
    assertEquals(await server.ended(), 0);
    assertEquals(server.events.filter(({ session }) => session !== null), []);
    assertStringIncludes(server.stderr, "sessions served: 0, of them lost: 0");
  });
}

Deno.test("a search that is stopped says what it knows, and another one goes on from its recording", () =>
  withFolder(async (folder) => {
    const port = freePort();
    await using _server = await startServer(port);
    const record = `${folder}/search.jsonl`;
    await using stopped = searchOf(port, "--up-to=1h", `--record=${record}`);
    await stopped.event("idle_probe");
    stopped.kill("SIGTERM");
    assertEquals((await stopped.event("idle_timeout")).complete, false);
    assertEquals(await stopped.ended(), 0);
    assertStringIncludes(stopped.stderr, `--from-record ${record}`);
    await using next = searchOf(port, SHORT, `--from-record=${record}`);
    assert((await next.event("idle_timeout")).complete);
    assertEquals(await next.ended(), 0);
  }));

Deno.test("a server that lets no session be idle for so long ends a search with 4", async () => {
  const port = freePort();
  await using _server = await startServer(port, "--max-idle=0.5");
  await using client = searchOf(port, SHORT);
  assertEquals(await client.ended(), 4);
  assertMatch(client.stderr, /lets a session be idle for at most 0\.5 s \(max_idle\)/);
});

testUnless(whyNoTerminal(), "on a terminal a search shows in place what it knows", async () => {
  const port = freePort();
  await using _server = await startServer(port);
  const words = [...commandWords("client"), "127.0.0.1", String(port), ...SEARCH, SHORT];
  await using client = new AtTerminal(words);
  await client.shows("sessions idle");
  await client.shows("no timeout up to 1 s");
  assertEquals(await client.ended(), 0, client.shown);
});
