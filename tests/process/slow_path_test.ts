/**
 * A message so large, on a path so slow, that it takes several times as long as a silent peer has.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { freePort } from "../support/ports.ts";
import { startCommand } from "../support/process.ts";
import { Relay } from "../support/relay.ts";

/** Detection predicted: 2 s + 2 × 1 s = 4 s. */
const TIMERS = [
  "--data-threshold=2",
  "--heartbeat-interval=1",
  "--heartbeat-threshold=1",
  "--heartbeat-additional-tries=1",
];

/** 30 kB/s, in pieces as small as packets are. */
const RATE = { delay_ms: 40, pieceBytes: 1_200 };

const MESSAGE = new TextEncoder().encode(`${"x".repeat(300_000)}\n`);

Deno.test("a message that takes 10 s to arrive is delivered once; nobody is taken for dead", async () => {
  const port = freePort();
  await using server = startCommand("server", ["127.0.0.1", String(port), ...TIMERS]);
  await server.event("listening");
  await using relay = await Relay.open(port);
  relay.onLine = (line) => line.slow("toServer", RATE);
  const args = ["127.0.0.1", String(relay.port), ...TIMERS, "--stdin", "--reconnect"];
  await using client = startCommand("client", args, { stdin: "piped" });
  await client.write(MESSAGE);
  await client.endInput();
  assertEquals(await client.ended(), 0, client.stderr);
  const { connections, data_confirmed, data_sent } = await client.event("summary");
  assertEquals({ connections, data_confirmed, data_sent }, {
    connections: 1,
    data_confirmed: 1,
    data_sent: 1,
  });
  const received = server.events.filter((each) => each.event === "data_received");
  assertEquals(received.map(({ bytes, seq }) => [bytes, seq]), [[300_000, 1]]);
});
