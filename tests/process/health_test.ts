/**
 * `/healthz` and `pulsewire_healthy` of a real server say when it does not do its work, and why.
 *
 * @module
 */
import { assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { freePort } from "../support/ports.ts";
import { type Command, startCommand, startServer } from "../support/process.ts";
import { PATIENT } from "../support/real_stage.ts";
import { StoreFolder } from "../support/store_folder.ts";
import { testUnless } from "../support/skip.ts";
import { webUrl } from "../support/web.ts";

/** Longer than a stall that counts, and than it is from one look at the event loop to the next. */
const STOPPED_MS = 1_800;

const noSignals = Deno.build.os === "windows" ? "it stops a process by a signal" : undefined;

/** What both paths say. */
async function healthOf(
  server: Command,
): Promise<{ status: number; said: string; metric: string }> {
  const url = await webUrl(server);
  const [health, metrics] = await Promise.all([fetch(`${url}healthz`), fetch(`${url}metrics`)]);
  const [, metric] = /^pulsewire_healthy (.*)$/m.exec(await metrics.text())!;
  return { status: health.status, said: await health.text(), metric: metric! };
}

testUnless(noSignals, "a server that did not run for a second says so", async () => {
  await using server = await startServer(freePort(), "--web", "0");
  assertEquals(await healthOf(server), { status: 200, said: "ok\n", metric: "1" });
  const stopped_ms = performance.now();
  server.kill("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
  server.kill("SIGCONT");
  const { metric, said, status } = await healthOf(server);
  assertEquals([status, metric], [503, "0"]);
  const [, stall_s] = /^this process did not run for (\d+\.\d) s, \d\.\d s ago\n$/.exec(said)!;
  // Less what was left until the next look at its event loop; more if a busy machine lets it go on late.
  assertGreater(Number(stall_s), (STOPPED_MS - 200) / 1_000);
  assertLess(Number(stall_s), (performance.now() - stopped_ms) / 1_000 + 1);
});

Deno.test("a server whose store is locked says so until it is not", async () => {
  using folder = new StoreFolder();
  const port = freePort();
  const options = [...PATIENT, "--store", folder.store, "--web", "0"];
  await using server = await startServer(port, ...options);
  await using client = startCommand("client", ["127.0.0.1", `${port}`, ...PATIENT]);
  await client.event("data_confirmed");
  const database = folder.lock();
  await server.event("hold");
  const { metric, said, status } = await healthOf(server);
  assertEquals([status, metric], [503, "0"]);
  assertMatch(said, /^sessions whose confirmations wait for the store: 1$/m);
  const { length } = client.events.filter(({ event }) => event === "data_confirmed");
  database.close();
  await client.event("data_confirmed", ({ seq }) => seq > length);
  assertEquals(await healthOf(server), { status: 200, said: "ok\n", metric: "1" });
});
