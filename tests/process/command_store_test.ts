/**
 * What the server says when another program keeps its store locked, at its start and while it runs.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { openSqliteStore } from "../../lib/store/sqlite/sqlite_store.ts";
import { freePort } from "../support/ports.ts";
import { startCommand } from "../support/process.ts";
import { StoreFolder } from "../support/store_folder.ts";

for (const workers of [1, 2]) {
  Deno.test(`a server of ${workers} threads says so when its store is locked while it runs`, async () => {
    using folder = new StoreFolder();
    const where = ["127.0.0.1", String(freePort())];
    const args = [...where, "--store", folder.store, `--workers=${workers}`];
    await using server = startCommand("server", args);
    await server.event("listening");
    const database = folder.lock();
    await using client = startCommand("client", [...where, "--count=1"]);
    await server.stderrText(`|| WARNING || the store ${folder.store} has not answered for 2 s: `);
    assertEquals(client.events.map(({ event }) => event), ["started"]);
    database.close();
    await server.stderrText(`|| WARNING || the store ${folder.store} has answered after `);
    assertEquals(await client.ended(), 0, client.stderr);
    server.kill("SIGTERM");
    assertEquals(await server.ended(), 0, server.stderr);
    assertEquals(server.stderr.match(/WARNING/g)?.length, 2, server.stderr);
  });
}

Deno.test("a server says so when its store is locked at its start", async () => {
  using folder = new StoreFolder();
  await (await openSqliteStore(folder.store)).close();
  const database = folder.lock();
  const files = ["--store", folder.store, "--output", folder.output];
  await using server = startCommand("server", ["127.0.0.1", String(freePort()), ...files]);
  await server.stderrText(`|| WARNING || the store ${folder.store} has not answered for 2 s: `);
  assertEquals(server.events.map(({ event }) => event), ["started"]);
  database.close();
  await server.event("listening");
});
