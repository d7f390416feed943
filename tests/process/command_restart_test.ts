/**
 * A server that ends while its clients go on, killed or told to stop, and comes back, with and without a
 * store.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { SOON_MS } from "../support/lateness.ts";
import { assertSettled } from "../support/ledgers.ts";
import { Folder } from "../support/folder.ts";
import {
  assertUnbroken,
  BUSY,
  confirmed,
  confirmsMore,
  delivered,
  flood,
  PATIENT,
  PATIENT_INPUT,
  Stage,
  stopInDoubt,
} from "../support/real_stage.ts";
import { StoreFolder } from "../support/store_folder.ts";

Deno.test("a server is killed and restarted on its store: nothing lost, nothing twice", async () => {
  using folder = new StoreFolder();
  await using stage = await Stage.open();
  const files = ["--store", folder.store, "--output", folder.output];
  const servers = [await stage.server(...PATIENT, ...files)];
  const client = stage.client(...PATIENT_INPUT);
  const enough = new AbortController();
  const flooding = flood(client, enough.signal);
  for (let kills = 1; kills <= 3; kills++) {
    // There is always something on its way to the disk, to the output, and to the client.
    await confirmsMore(client);
    servers.at(-1)!.kill("SIGKILL");
    await servers.at(-1)!.ended();
    await client.event("reconnecting", ({ attempt }) => attempt >= kills);
    servers.push(await stage.server(...PATIENT, ...files));
    await servers.at(-1)!.event("resumed");
  }
  await confirmsMore(client);
  enough.abort();
  const input = await flooding;
  assertEquals(await client.ended(), 0, client.stderr);
  servers.at(-1)!.kill("SIGTERM");
  assertEquals(await servers.at(-1)!.ended(), 0);
  const ours = await client.event("summary");
  assertSettled(ours, await servers.at(-1)!.event("summary"));
  assertEquals(ours.connections, 4);
  assert(folder.written === input, "the output is not the input");
  const stored = folder.query("SELECT seq FROM messages ORDER BY number");
  assertUnbroken(stored.map(({ seq }) => Number(seq)));
  assertEquals(stored.length, ours.data_sent);
});

Deno.test("a server is killed and restarted without a store: the client says so, with 4", async () => {
  await using stage = await Stage.open();
  const first = await stage.server(...PATIENT);
  const client = stage.client(...PATIENT, "--window=8");
  await confirmed(client, 3);
  await stopInDoubt(client, first);
  first.kill("SIGKILL");
  await first.ended();
  const second = await stage.server(...PATIENT);
  assertEquals(await client.ended(), 4, client.stderr);
  const { by, reason, text } = await client.event("terminated");
  assertEquals([by, reason], ["peer", "refused"]);
  assertStringIncludes(text, "this server does not know session ");
  assertStringIncludes(text, "restarted without --store");
  const { in_doubt, confirmed_up_to, data_sent } = await client.event("summary");
  assertEquals(in_doubt, data_sent > confirmed_up_to ? [[confirmed_up_to + 1, data_sent]] : []);
  assertEquals(delivered(second), [], "it started over silently");
});

for (const record of ["without a store", "on its store"]) {
  Deno.test(`a server is stopped politely and comes back ${record}: clients carry on`, async () => {
    using folder = new Folder();
    await using stage = await Stage.open();
    const store = record === "on its store" ? ["--store", `${folder.path}/store.db`] : [];
    const servers = [await stage.server(...PATIENT, ...store)];
    const client = stage.client(...BUSY);
    for (let upgrade = 1; upgrade <= 2; upgrade++) {
      await confirmsMore(client);
      const stopped_ms = performance.now();
      servers.at(-1)!.kill("SIGTERM");
      assertEquals(await servers.at(-1)!.ended(), 0, servers.at(-1)!.stderr);
      assertLess(performance.now() - stopped_ms, SOON_MS);
      const { cause } = await client.event("reconnecting", ({ attempt }) => attempt >= upgrade);
      assert(["shutdown", "closed", "reset", "refused"].includes(cause), cause);
      servers.push(await stage.server(...PATIENT, ...store));
      await servers.at(-1)!.event("resumed");
      await confirmsMore(client);
    }
    const { reason } = await client.event("disconnected");
    assertEquals(reason, "shutdown");
    client.kill("SIGTERM");
    assertEquals(await client.ended(), 0, client.stderr);
    const { confirmed_up_to, connections, data_sent } = await client.event("summary");
    assertEquals(connections, 3);
    // A server that says goodbye has confirmed all that it delivered.
    const numbers = delivered(...servers);
    assertUnbroken(numbers);
    assert(confirmed_up_to <= numbers.length && numbers.length <= data_sent);
    for (const server of servers.slice(0, -1)) {
      assertEquals((await server.event("summary")).in_doubt, []);
    }
  });
}
