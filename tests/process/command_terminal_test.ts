/**
 * The commands at a terminal: they ask for the host and the port that nothing gives.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { freePort } from "../support/ports.ts";
import { commandWords, startServer } from "../support/process.ts";
import { runCommand } from "../support/run.ts";
import { testUnless } from "../support/skip.ts";
import { AtTerminal, whyNoTerminal } from "../support/terminal.ts";

const noTerminal = whyNoTerminal();
/** Ends a client that gets through to whoever listens on the default port. */
const SHORT = "--duration=0.2";

function test(name: string, run: () => Promise<void>): void {
  testUnless(noTerminal, name, run);
}

test("a client asks for host and port, again until the answer can be", async () => {
  const port = freePort();
  await using server = await startServer(port, "--once");
  await using client = new AtTerminal([...commandWords("client"), "--count=1"]);
  await client.shows("Host [127.0.0.1]: ");
  await client.answer("a b");
  await client.shows("host a b: expected an IPv4 address, an IPv6 address or a host name");
  await client.shows("Host");
  await client.answer("127.0.0.1");
  for (const wrong of ["-1", "65536", "http"]) {
    await client.shows("Port");
    await client.answer(wrong);
    await client.shows(`port ${wrong}: expected a whole number from 1 to 65535`);
  }
  await client.shows("Port");
  await client.answer(String(port));
  await client.shows(`session open with 127.0.0.1:${port}`);
  assertEquals(await client.ended(), 0, client.shown);
  assertEquals(await server.ended(), 0);
});

test("an empty answer takes the default", async () => {
  await using client = new AtTerminal([...commandWords("client"), SHORT]);
  await client.shows("Host");
  await client.enter();
  await client.shows("Port");
  await client.enter();
  await client.shows("127.0.0.1:4000");
});

test("an answer takes the place of the default, without clearing it first", async () => {
  // Nothing listens on port 5, nor on the port that the default and a 5 behind it would make.
  await using client = new AtTerminal([...commandWords("client"), "127.0.0.1"]);
  await client.shows("Port");
  await client.enter("5");
  await client.shows("cannot connect to 127.0.0.1:5: refused");
});

test("Ctrl-D for an answer ends the command with 2", async () => {
  await using server = new AtTerminal([...commandWords("server"), SHORT]);
  await server.shows("Host");
  await server.end();
  await server.shows("pulsewire-server: no host was given; see --help");
  assertEquals(await server.ended(), 2, server.shown);
});

test("only what nothing gives is asked for", async () => {
  const port = freePort();
  await using forHost = new AtTerminal([...commandWords("client"), "--port", String(port)]);
  await forHost.shows("Host");
  await forHost.answer("127.0.0.1");
  await forHost.shows(`cannot connect to 127.0.0.1:${port}: refused`);
  assertEquals(await forHost.ended(), 3);
  assert(!forHost.shown.includes("Port"), forHost.shown);

  await using forNothing = new AtTerminal([...commandWords("client"), "127.0.0.1", String(port)]);
  assertEquals(await forNothing.ended(), 3);
  assert(!/Host|Port/.test(forNothing.shown), forNothing.shown);
});

test("nothing is asked where stdout is no terminal: the default is taken", async () => {
  await using client = new AtTerminal([...commandWords("client"), SHORT], "| cat");
  await client.ended();
  assertStringIncludes(client.shown, "127.0.0.1:4000");
  assert(!/Host|Port/.test(client.shown), client.shown);
});

Deno.test("nothing is asked where there is no terminal: the default is taken", async () => {
  const { stderr, stdout } = await runCommand("client", [SHORT]);
  assertStringIncludes(stderr, "127.0.0.1:4000");
  assertEquals(stdout, "");
});
