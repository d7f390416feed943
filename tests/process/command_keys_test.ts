/**
 * Keys on the command line: files of keys, what is refused, and that no secret is seen anywhere.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { freePort } from "../support/ports.ts";
import { startCommand } from "../support/process.ts";
import { onlySentence, runCommand, runWords } from "../support/run.ts";

/** A folder for files of keys. */
class KeyFolder extends Folder {
  /** Writes a file that only its owner can read, unless told otherwise. */
  write(name: string, text: string, mode = 0o600): string {
    const path = `${this.path}/${name}`;
    Deno.writeTextFileSync(path, text);
    Deno.chmodSync(path, mode);
    return path;
  }
}

/** A line with a new key. */
async function newKey(name: string): Promise<string> {
  const { code, stdout } = await runCommand("server", ["--new-key", name]);
  assertEquals(code, 0);
  assertMatch(stdout, new RegExp(`^${name} [A-Za-z0-9_-]{43}\n$`));
  return stdout.trim();
}

/** What anybody on this host can read of all processes. */
async function processes(): Promise<string> {
  const { stdout } = await runWords(["ps", "-eww", "-o", "args="]);
  return stdout;
}

Deno.test("both commands print a new key, another one each time, and take no other name", async () => {
  const client = await runCommand("client", ["--new-key", "mill-7.example"]);
  assertEquals(client.code, 0);
  const lines = new Set([client.stdout.trim(), await newKey("mill-7.example")]);
  assertEquals(lines.size, 2);
  const rule = "expected a name of 1 to 64 letters, digits, -, _ and .";
  assertStringIncludes(onlySentence(await runCommand("server", ["--new-key", "a b"]), 2), rule);
});

Deno.test("a client with a key of the server opens a session, others are refused; no secret is seen", async () => {
  using folder = new KeyFolder();
  const [mill, pump] = [await newKey("mill"), await newKey("pump")];
  const wrong = `mill ${pump.split(" ")[1]}`;
  const keys = folder.write("keys", `# both\n${mill}\n${pump}\n`);
  const [record, logs] = [`${folder.path}/server.jsonl`, `${folder.path}/logs`];
  const port = String(freePort());
  const where = ["127.0.0.1", port];
  await using server = startCommand("server", [
    ...where,
    `--key-file=${keys}`,
    `--record=${record}`,
    `--log-dir=${logs}`,
    "--workers=2",
  ]);
  await server.event("listening");
  await using client = startCommand("client", [
    ...where,
    `--key-file=${folder.write("mine", mill)}`,
    "--reconnect",
    "--data-interval=0.2",
  ]);
  const connected = await client.event("connected");
  assertEquals(connected.who, "mill");
  assertEquals((await server.event("connected")).who, "mill");
  const seen = [await processes()];
  assertStringIncludes(seen[0]!, keys);
  const refused = await Promise.all([
    runCommand("client", [...where, `--key-file=${folder.write("wrong", wrong)}`, "--reconnect"]),
    runCommand("client", [...where, `--key-file=${folder.write("other", await newKey("other"))}`]),
    runCommand("client", where),
  ]);
  for (const { code, stderr, stdout } of refused) {
    assertEquals(code, 4, stderr);
    seen.push(stderr, stdout);
  }
  const texts = refused.map(({ stderr }) =>
    stderr.split("\n").find((line) => line.includes("refused")) ?? ""
  );
  assertStringIncludes(
    texts[0]!,
    "does not know the key mill, or knows another secret of that name",
  );
  assertStringIncludes(
    texts[1]!,
    "does not know the key other, or knows another secret of that name",
  );
  assertStringIncludes(texts[2]!, "takes only clients with a key (key_file)");
  client.kill("SIGTERM");
  assertEquals(await client.ended(), 0, client.stderr);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0, server.stderr);
  for (const name of Deno.readDirSync(logs)) {
    seen.push(Deno.readTextFileSync(`${logs}/${name.name}`));
  }
  for (const each of [server, client]) seen.push(each.stderr, JSON.stringify(each.events));
  seen.push(Deno.readTextFileSync(record));
  assert(
    server.stderr.includes('HELLO with a wrong proof of the key "mill"') ||
      server.stderr.includes("HELLO with the unknown key") ||
      server.stderr.includes("HELLO without a key"),
  );
  for (const line of [mill, pump]) {
    const [, secret] = line.split(" ");
    assert(seen.every((text) => !text.includes(secret!)));
  }
});

Deno.test("a client with a key takes no server without, and the server serves on", async () => {
  using folder = new KeyFolder();
  const where = ["127.0.0.1", String(freePort())];
  await using server = startCommand("server", where);
  await server.event("listening");
  const keyed = [...where, `--key-file=${folder.write("mine", await newKey("mill"))}`];
  const { code, stderr } = await runCommand("client", [...keyed, "--reconnect"]);
  assertEquals(code, 4, stderr);
  assertStringIncludes(
    stderr,
    `127.0.0.1:${
      where[1]
    } has not proved that it is the right server: it opens sessions without keys, ` +
      "and so does not know the key mill. Look next: ",
  );
  assertEquals((await runCommand("client", [...where, "--count=1"])).code, 0);
});

Deno.test("a file of keys that others can read, or with a short secret, is refused with status 2", async () => {
  using folder = new KeyFolder();
  const mill = await newKey("mill");
  for (const role of ["server", "client"] as const) {
    const open = folder.write("open", mill, 0o644);
    assertEquals(
      onlySentence(await runCommand(role, ["127.0.0.1", "1", `--key-file=${open}`]), 2),
      `key_file ${open}: others than its owner can read or write it (mode 0644), and it has ` +
        `secrets: chmod 600 ${open}`,
    );
    const short = folder.write("short", "mill hunter2");
    const sentence = onlySentence(
      await runCommand(role, ["127.0.0.1", "1", `--key-file=${short}`]),
      2,
    );
    assertStringIncludes(
      sentence,
      `key_file ${short}: line 1: the secret has 7 characters; expected 43 `,
    );
    assert(!sentence.includes("hunter2"));
  }
  const original = ["127.0.0.1", "1", `--key-file=${folder.write("keys", mill)}`, "--original"];
  for (const role of ["server", "client"] as const) {
    const sentence = onlySentence(await runCommand(role, original), 2);
    assertStringIncludes(sentence, "--original and --key-file: the original program knows no keys");
  }
});

Deno.test("a changed file of keys is taken up within 10 s, a bad one is not", async () => {
  using folder = new KeyFolder();
  const [mill, pump] = [await newKey("mill"), await newKey("pump")];
  const where = ["127.0.0.1", String(freePort())];
  const path = folder.write("keys", mill);
  await using server = startCommand("server", [...where, `--key-file=${path}`, "--workers=2"]);
  await server.event("listening");
  const mine = folder.write("mine", pump);
  const run = () => runCommand("client", [...where, `--key-file=${mine}`, "--count=1"]);
  assertEquals((await run()).code, 4);
  folder.write("keys", pump);
  await server.stderrText(`|| INFO || ${path}: has changed; taken up`);
  assertEquals((await run()).code, 0);
});
