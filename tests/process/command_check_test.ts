/**
 * `--check` of both commands, as real processes: what is said, and the exit status.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { freePort } from "../support/ports.ts";
import { startServer } from "../support/process.ts";
import { runCommand } from "../support/run.ts";
import { StoreFolder } from "../support/store_folder.ts";
import { AS_UNPRIVILEGED_USER, whyNoUnprivilegedUser } from "../support/unprivileged_user.ts";
import { testUnless } from "../support/skip.ts";

Deno.test("--check: status 0 if all is well; nothing is made, listened on or called", async () => {
  using folder = new StoreFolder();
  const where = ["127.0.0.1", String(freePort())];
  const files = ["--store", folder.store, "--log-dir", folder.file("logs")];
  const server = await runCommand("server", [...where, ...files, "--check"]);
  assertEquals([server.code, server.stderr], [0, ""], server.stdout);
  assertMatch(server.stdout, /^ok +host +listens on 127\.0\.0\.1:/m);
  assertMatch(server.stdout, /^ok +store +.*store\.db, which would be made$/m);
  assertEquals(folder.names, []);
  // Nothing listens there.
  const client = await runCommand("client", [...where, "--check", "--json"]);
  assertEquals([client.code, client.stderr], [0, ""], client.stdout);
  const findings = client.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(new Set(findings.map(({ level }) => level)), new Set(["ok"]));
});

Deno.test("--check: status 1 if something is unsafe, and --quiet shows only that", async () => {
  const port = String(freePort());
  const args = ["127.0.0.1", port, "--data-interval", "30", "--check", "--quiet"];
  const { code, stdout } = await runCommand("server", args);
  assertEquals(code, 1);
  assertMatch(stdout, /^warning +timers +data_interval 30 s is not below [^\n]*\n$/);
});

Deno.test("--check beside a running server: status 1, and the server goes on", async () => {
  using folder = new StoreFolder();
  const port = freePort();
  await using server = await startServer(port, "--store", folder.store);
  const args = ["127.0.0.1", String(port), "--store", folder.store, "--check"];
  const { code, stdout } = await runCommand("server", args);
  assertEquals(code, 1, stdout);
  assertMatch(stdout, /^warning +host +cannot listen on .*: the port is taken/m);
  if (Deno.build.os === "linux") assertMatch(stdout, /^warning +store +.* is in use/m);
  server.kill("SIGTERM");
  assertEquals(await server.status, 0);
});

Deno.test("--check: status 2 for what would not work", async () => {
  using folder = new StoreFolder();
  const config = folder.file("server.toml");
  Deno.writeTextFileSync(config, "[settings]\nport = 70000\n");
  const wrong = await runCommand("server", ["--config", config, "--check"]);
  assertEquals(wrong.code, 2);
  assertMatch(
    wrong.stdout,
    /^error +configuration +.*server\.toml: line 2: port = 70000: expected/m,
  );
  const args = ["127.0.0.1", String(freePort()), "--store", folder.path, "--check"];
  const { code, stdout } = await runCommand("server", args);
  assertEquals(code, 2, stdout);
  assertMatch(stdout, /^error +store +cannot open the store .*: it is a folder/m);
});

testUnless(whyNoUnprivilegedUser(), "--check of a store that this user may not write", async () => {
  using folder = new StoreFolder();
  const args = ["127.0.0.1", String(freePort()), "--store", folder.store, "--check"];
  Deno.chmodSync(folder.path, 0o555);
  const unmade = await runCommand("server", args, { before: AS_UNPRIVILEGED_USER });
  Deno.chmodSync(folder.path, 0o755);
  assertEquals(unmade.code, 1, unmade.stdout);
  assertMatch(unmade.stdout, /^warning +store +this user may not make files in /m);
  Deno.writeTextFileSync(folder.store, "");
  Deno.chmodSync(folder.store, 0o444);
  const unwritten = await runCommand("server", args, { before: AS_UNPRIVILEGED_USER });
  assertEquals(unwritten.code, 2, unwritten.stdout);
  assertMatch(unwritten.stdout, /^error +store +cannot open the store .* may not write it/m);
});
