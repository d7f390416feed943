/**
 * What holds up confirmations is named at both sides: a pipe whose reader has stopped, a store that is locked.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { freePort } from "../support/ports.ts";
import { type Command, startCommand } from "../support/process.ts";
import { PATIENT } from "../support/real_stage.ts";
import { StoreFolder } from "../support/store_folder.ts";
import { testUnless } from "../support/skip.ts";

const noPipes = Deno.build.os === "windows" ? "it takes pipes with names" : undefined;

/** Both sides have said what is waited for, and the client goes on when it goes on. */
async function assertHeld(
  reason: "store" | "output",
  { client, server }: { client: Command; server: Command },
  serverSays: string,
  goOn: () => void,
): Promise<void> {
  await server.event("hold", (event) => event.reason === reason);
  await client.event("hold", (event) => event.reason === reason);
  await client.stderrText(`|| WARNING || confirmations wait for the server's ${reason}`);
  // A second later; another warning, such as of a stall on a busy machine, may come before.
  await server.stderrText(`|| WARNING || ${serverSays}`);
  assert(!client.events.some(({ event }) => event === "summary"));
  goOn();
  assertEquals(await client.ended(), 0, client.stderr);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0, server.stderr);
}

testUnless(noPipes, "a pipe whose reader has stopped is named at both sides", async () => {
  using folder = new StoreFolder();
  const pipe = folder.file("pipe");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  const where = ["127.0.0.1", String(freePort())];
  await using server = startCommand("server", [...where, ...PATIENT, "--output", pipe]);
  using reader = await Deno.open(pipe, { read: true });
  await server.event("listening");
  // More than the pipe takes that nobody reads.
  const message = `--message=${"x".repeat(50_000)}`;
  const args = [...where, ...PATIENT, message, "--count=4"];
  await using client = startCommand("client", args);
  let reading: Promise<string> | undefined;
  const says = `writing the output ${pipe} has taken 2 s: its reader`;
  await assertHeld("output", { client, server }, says, () => {
    reading = new Response(reader.readable).text();
  });
  assertEquals((await reading!).length, 4 * 50_001);
});

Deno.test("a store that is locked is named at both sides", async () => {
  using folder = new StoreFolder();
  const where = ["127.0.0.1", String(freePort())];
  await using server = startCommand("server", [...where, ...PATIENT, "--store", folder.store]);
  await server.event("listening");
  const args = [...where, ...PATIENT, "--count=200"];
  await using client = startCommand("client", args);
  await client.event("data_confirmed");
  const database = folder.lock();
  const says = `the store ${folder.store} has not answered for 2 s`;
  await assertHeld("store", { client, server }, says, () => database.close());
});
