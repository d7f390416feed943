/**
 * Changing over from the original program, as `docs/migrating.md` tells it: its configuration file as it
 * is, for either side, and the verdicts on who meets the wrong kind of peer.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { ORIGINAL, story, texts, whyNoOriginal } from "../support/original.ts";
import {
  allAtOnce,
  startOriginalClient,
  startOriginalServer,
  startServer,
} from "../support/original_pair.ts";
import { freePort } from "../support/ports.ts";
import { startCommand } from "../support/process.ts";
import { onlySentence, runCommand } from "../support/run.ts";
import { testUnless } from "../support/skip.ts";

function test(name: string, run: () => Promise<void>): void {
  testUnless(whyNoOriginal, name, run);
}

/** The configuration file of the original, for either side, in whole seconds. */
const config = (own: string) =>
  `[Settings]
heart_beat_interval = 1
heart_beat_threshold = 2
${own}
data_interval = 1
data_threshold = 2
`;

/** A file with a text, under the original's name, for as long as something runs. */
async function withConfig(text: string, run: (path: string) => Promise<void>): Promise<void> {
  using folder = new Folder();
  await Deno.writeTextFile(`${folder.path}/config.txt`, text);
  await run(`${folder.path}/config.txt`);
}

/** Our server with the original's file, and an original client. */
function serverTakes(text: string): Promise<void> {
  return withConfig(text, async (path) => {
    const port = freePort();
    const args = ["127.0.0.1", `${port}`, "--once", "--config", path];
    await using server = startCommand("server", args);
    await server.event("listening");
    await using client = startOriginalClient(port, { original: "--vanish-after=reply:2" });
    const { predicted_detection_s, original } = await server.event("connected");
    assertEquals([predicted_detection_s, original], [2 + 3 * 2, true]);
    await client.event("vanished");
    assertEquals(texts(client), [ORIGINAL.confirmation, ORIGINAL.confirmation]);
    const { silent_ms } = await server.event("phase", ({ to }) => to === "heartbeat");
    assert(silent_ms >= 2_000, `silent after ${silent_ms} ms`);
  });
}

/** Our client with the original's file, and an original server. */
function clientTakes(text: string): Promise<void> {
  return withConfig(text, async (path) => {
    await using running = await startOriginalServer({ timers: { dataThreshold: 15 } });
    const args = ["127.0.0.1", `${running.port}`, "--original", "--count=3", "--config", path];
    await using client = startCommand("client", args);
    const { predicted_detection_s, original } = await client.event("connected");
    assertEquals([predicted_detection_s, original], [2 + 3 * 2, true]);
    assertEquals(await client.ended(), 0, client.stderr);
    assertEquals(texts(running.server), [ORIGINAL.data, ORIGINAL.data, ORIGINAL.data]);
    const { duration_ms } = await client.event("summary");
    assert(duration_ms >= 2_000, `three messages, a second apart, in ${duration_ms} ms`);
  });
}

test("the original's config.txt serves either side of ours as it is", async () => {
  const server = config("heart_beats_missed = 3");
  const client = config("heart_beat_additional_tries = 2");
  await allAtOnce({
    "server": () => serverTakes(server),
    "server, written on Windows": () => serverTakes(server.replaceAll("\n", "\r\n")),
    "client": () => clientTakes(client),
    "client, written on Windows": () => clientTakes("\ufeff" + client.replaceAll("\n", "\r\n")),
  });
});

test("a PW/1 client is told at once that its server is an original one, and what to do", async () => {
  await using running = await startOriginalServer();
  const { port } = running;
  const began_ms = performance.now();
  const outcome = await runCommand("client", ["127.0.0.1", `${port}`]);
  assertLess(performance.now() - began_ms, 4_000, "it is no timeout");
  const sentence = onlySentence(outcome, 3);
  const says = `127.0.0.1:${port} does not speak PW/1: it answers as the original program does; ` +
    `use --original`;
  assertStringIncludes(sentence, says);

  // That was its data connection: the server takes the next one for heartbeats, and echoes it.
  const args = ["127.0.0.1", `${port}`, "--original", "--count=2", "--data-interval=0.1"];
  const { code, stderr } = await runCommand("client", args);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "the server echoes data: it takes this for its second connection");
  await running.server.event("heartbeat_answered", ({ text }) => text === ORIGINAL.data);
});

test("a server with --no-original refuses original clients, theirs and ours, and says why", async () => {
  await using running = await startServer({ ours: "--no-original" });
  const { port, server } = running;
  await using client = startOriginalClient(port);
  assertEquals(await client.ended(), 0, client.stderr);
  assertEquals(story(client), [
    "connected",
    "data_sent 1",
    "reply 1 TERMINATE",
    "terminate_received",
    "closed data self",
    "ended terminated",
  ]);
  const { by, reason, session } = await server.event("terminated");
  assertEquals([by, reason, session], ["self", "refused", null]);
  await server.stderrText("it is an original client, and this server takes none (--no-original)");

  const { code, stderr } = await runCommand("client", ["127.0.0.1", `${port}`, "--original"]);
  assertEquals(code, 4);
  assertStringIncludes(stderr, "the server refused the session: its first message was TERMINATE");
  const pulsewire = await runCommand("client", ["127.0.0.1", `${port}`, "--count=1"]);
  assertEquals(pulsewire.code, 0, pulsewire.stderr);
});

test("original = false in the file refuses original clients too, and --original takes them", async () => {
  await withConfig(`${config("heart_beats_missed = 3")}original = false\n`, async (path) => {
    await using running = await startServer({ ours: `--once --original --config ${path}` });
    await using client = startOriginalClient(running.port, { original: "--close-after=reply" });
    assertEquals([await client.ended(), texts(client)], [0, [ORIGINAL.confirmation]]);
  });
  await withConfig("[settings]\noriginal = false\n", async (path) => {
    await using running = await startServer({ ours: `--config ${path}` });
    await using client = startOriginalClient(running.port);
    assertEquals([await client.ended(), texts(client)], [0, [ORIGINAL.terminate]]);
  });
});
