/**
 * What only real processes on loopback can show: frozen, thawed, killed, at both ends.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertStringIncludes,
} from "@std/assert";
import { Folder } from "../support/folder.ts";
import { freePort } from "../support/ports.ts";
import { stalled_ms } from "../support/lateness.ts";
import {
  type Command,
  type EventOf,
  type Pair,
  startCommand,
  startPair,
  startServer,
} from "../support/process.ts";

/** Detection predicted: 0.8 s + 3 × 0.4 s = 2 s. */
const TIMERS = [
  "--data-interval=0.2",
  "--data-threshold=0.8",
  "--heartbeat-interval=0.3",
  "--heartbeat-threshold=0.4",
  "--heartbeat-additional-tries=2",
];
const PREDICTED_MS = 2_000;

/**
 * How late a verdict may be on a busy machine, when its side noticed no stall of its own; that it is never early is the
 * point.
 */
const LATE_MS = 400;

function start(serverArgs: string[] = [], clientArgs: string[] = []): Promise<Pair> {
  return startPair({ server: [...TIMERS, ...serverArgs], client: [...TIMERS, ...clientArgs] }, 2);
}

const OTHER = { client: "server", server: "client" } as const;

function assertDetected(end: EventOf<"terminated">, by: Command): void {
  assertEquals([end.by, end.reason, end.predicted_ms], ["self", "silent", PREDICTED_MS]);
  assertGreaterOrEqual(end.detected_after_ms!, PREDICTED_MS);
  assertLess(end.detected_after_ms!, PREDICTED_MS + LATE_MS + stalled_ms(by, 800));
}

for (const frozen of ["server", "client"] as const) {
  const witness = OTHER[frozen];

  Deno.test(`a ${frozen} frozen and thawed in time: both recover`, async () => {
    await using pair = await start();
    pair[frozen].kill("SIGSTOP");
    await pair[witness].event("phase", ({ to }) => to === "heartbeat");
    await pair[witness].event("heartbeat_missed");
    pair[frozen].kill("SIGCONT");
    const back = await pair[witness].event("phase", ({ from }) => from === "heartbeat");
    assertEquals(back.to, "data");
    const { seq } = pair.client.events.findLast((each) => each.event === "data_sent")!;
    await pair.client.event("data_confirmed", (each) => each.seq > seq);
    pair.client.kill("SIGINT");
    assertEquals(await pair.client.ended(), 0);
    const { in_doubt } = await pair.server.event("summary");
    assertEquals(in_doubt, []);
  });

  Deno.test(`a ${frozen} frozen for good is declared dead at the predicted time`, async () => {
    await using pair = await start(["--once"]);
    pair[frozen].kill("SIGSTOP");
    assertDetected(await pair[witness].event("terminated"), pair[witness]);
    assertEquals(await pair[witness].ended(), 1);
    pair[frozen].kill("SIGCONT");
    const closeReport = await pair[frozen].event("terminated");
    assert(closeReport.by !== "self", "the thawed side must not call the other one dead");
    assertEquals(await pair[frozen].ended(), 1);
  });

  Deno.test(`a ${frozen} killed is told apart from a silent one, at once`, async () => {
    await using pair = await start(["--once"]);
    pair[frozen].kill("SIGKILL");
    const { by, reason, detected_after_ms } = await pair[witness].event("terminated");
    assert(
      (by === "peer" && reason === "closed") || (by === "network" && reason === "reset"),
      `by ${by}, reason ${reason}`,
    );
    assertLess(detected_after_ms!, 800);
    assertEquals(await pair[witness].ended(), 1);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.test(`a ${frozen} that gets ${signal} ends both politely, with its summary`, async () => {
      await using pair = await start(["--once"]);
      pair[frozen].kill(signal);
      assertEquals(await pair[frozen].ended(), 0);
      const { by, reason } = await pair[witness].event("terminated");
      assertEquals({ by, reason }, { by: "peer", reason: "shutdown" });
      assertEquals(await pair[witness].ended(), frozen === "server" ? 1 : 0);
      for (const role of [frozen, witness]) {
        const { data_confirmed } = await pair[role].event("summary");
        assertGreaterOrEqual(data_confirmed, 2);
      }
    });
  }
}

Deno.test("a client whose write is blocked dies at the predicted time, and with it the write", async () => {
  // More than the socket buffers of loopback take, so that the write waits for a frozen server.
  const size = 16_000_000;
  using folder = new Folder();
  const config = `${folder.path}/client.toml`;
  await Deno.writeTextFile(config, `[settings]\nmessage = "${"x".repeat(size)}"\n`);
  const port = freePort();
  await using server = await startServer(port, ...TIMERS, `--max-message-bytes=${size}`);
  const args = ["127.0.0.1", String(port), ...TIMERS, "--config", config];
  await using client = startCommand("client", args);
  // Its first message takes a small machine longer than a detection may last.
  await client.event("connected");
  server.kill("SIGSTOP");
  assertDetected(await client.event("terminated"), client);
  assertEquals(await client.ended(), 1);
});

Deno.test("the server serves the healthy while others freeze, die and come", async () => {
  await using pair = await start();
  const args = ["127.0.0.1", String(pair.port), ...TIMERS];
  await using frozen = startCommand("client", args);
  await using killed = startCommand("client", args);
  await using late = startCommand("client", [...args, "--count=3"]);
  await Promise.all([frozen, killed].map((each) => each.event("data_confirmed")));
  frozen.kill("SIGSTOP");
  killed.kill("SIGKILL");
  const { session } = await frozen.event("connected");
  const end = await pair.server.event("terminated", (each) => each.session === session);
  assertDetected(end, pair.server);
  assertEquals(await late.ended(), 0);
  const healthy = await pair.client.event("connected");
  const troubles = pair.server.events.filter((each) =>
    each.session === healthy.session && ["phase", "terminated"].includes(each.event)
  );
  assertEquals(troubles.length, 1, "only: connecting to data");
  frozen.kill("SIGCONT");
});

Deno.test("the server out of file descriptors has strangers give way, or refuses, and then takes clients again", async () => {
  const port = freePort();
  const args = ["127.0.0.1", String(port), ...TIMERS];
  const before = ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh"];
  // By its usual timers those who say no more than HELLO keep their descriptors to the end.
  await using server = startCommand("server", args.slice(0, 2), { before });
  await server.event("listening");
  await server.stderrText("max_unopened is 32, half of the files");
  await using client = startCommand("client", args);
  await client.event("data_confirmed");
  const crowd: Deno.Conn[] = [];
  try {
    for (let n = 0; n < 100; n++) crowd.push(await Deno.connect({ hostname: "127.0.0.1", port }));
    await using admitted = startCommand("client", [...args, "--count=1"]);
    assertEquals(await admitted.ended(), 0, admitted.stderr);
    for (let n = 0; n < 100; n++) {
      const stranger = await Deno.connect({ hostname: "127.0.0.1", port });
      crowd.push(stranger);
      await stranger.write(new TextEncoder().encode(`HELLO 1 crowd-${n} {}\n`)).catch(() => 0);
    }
    await server.stderrText("has as many files open as it may");
    await using refused = startCommand("client", args);
    assertEquals(await refused.ended(), 4);
    assertStringIncludes(refused.stderr, "as many connections as its process may have files open");
    const { seq } = client.events.findLast((each) => each.event === "data_confirmed")!;
    await client.event("data_confirmed", (each) => each.seq > seq);
  } finally {
    crowd.forEach((each) => each.close());
  }
  // A slow machine takes longer than a connection may stay unopened: then the server has ended them itself.
  await server.event("strangers");
  await using late = startCommand("client", [...args, "--count=2"]);
  assertEquals(await late.ended(), 0);
  await server.stderrText("accepting connections again");
  assertEquals(client.events.filter((each) => each.event === "heartbeat_sent"), []);
});
