/**
 * The commands of `docs/security.md` work as they stand there.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hasNodeTls } from "../../lib/platform/net/tls/runtime.ts";
import { StoreFolder } from "../support/store_folder.ts";
import { freePort } from "../support/ports.ts";
import { startCommand, startServer } from "../support/process.ts";
import { runCommand } from "../support/run.ts";
import { testUnless, whyNot } from "../support/skip.ts";

const DOC = Deno.readTextFileSync(new URL("../../docs/security.md", import.meta.url));

const why = whyNot("openssl", "req", "-help") ??
  (/^OpenSSL [3-9]/.test(opensslVersion()) ? undefined : "openssl is older than 3") ??
  (hasNodeTls() ? undefined : "client certificates take Deno 2.8");

function opensslVersion(): string {
  try {
    const { stdout } = new Deno.Command("openssl", { args: ["version"] }).outputSync();
    return new TextDecoder().decode(stdout);
  } catch {
    return "";
  }
}

/** The commands in the page that contain a word. */
function commandsWith(word: string): string {
  const blocks = [...DOC.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text!);
  const block = blocks.find((text) => text.includes(word));
  assert(block, `docs/security.md has no commands with ${word}`);
  return block;
}

/** The options behind the address of a command in the page; the files in them are in a folder. */
function optionsOf(role: string, block: string, folder: StoreFolder): string[] {
  const isIt = (line: string) => line.startsWith(`pulsewire-${role} `) && line.includes(" 4000 ");
  const [, , , ...options] = block.split("\n").find(isIt)!.split(" ");
  return options.map((word) => /\.(?:pem|keys?)$/.test(word) ? folder.file(word) : word);
}

testUnless(why, "the certificates of docs/security.md protect a server and a client", async () => {
  using folder = new StoreFolder();
  const script = commandsWith("openssl req").replace("server.example", "localhost")
    .replace("192.0.2.10", "127.0.0.1");
  const made = new Deno.Command("sh", { args: ["-ec", script], cwd: folder.path }).outputSync();
  assert(made.success, new TextDecoder().decode(made.stderr));
  const block = commandsWith("--tls-cert");
  const [forServer, forClient] = ["server", "client"].map((role) => optionsOf(role, block, folder));
  const port = freePort();
  const where = ["127.0.0.1", String(port)];
  assertEquals(
    (await runCommand("server", [...where, ...forServer!, "--check", "--quiet"])).code,
    0,
  );
  assertEquals(
    (await runCommand("client", [...where, ...forClient!, "--check", "--quiet"])).code,
    0,
  );
  await using server = await startServer(port, ...forServer!);
  await using client = startCommand("client", [...where, ...forClient!, "--count=1"]);
  assertEquals(await client.status, 0, client.stderr);
  assertEquals((await server.event("connected")).tls?.certificate, "CN=mill-7");
  const stranger = await runCommand("client", [...where, "--tls", ...forClient!.slice(1, 3)]);
  assertEquals(stranger.code, 4, stranger.stderr);
});

Deno.test("the keys of docs/security.md let a client in, and no other", async () => {
  using folder = new StoreFolder();
  const block = commandsWith("--new-key");
  assertStringIncludes(block, "cat mill-7.key >> server.keys");
  const { code, stdout } = await runCommand("server", ["--new-key", "mill-7"]);
  assertEquals(code, 0);
  for (const name of ["mill-7.key", "server.keys"]) {
    Deno.writeTextFileSync(folder.file(name), stdout, { mode: 0o600 });
  }
  const [forServer, forClient] = ["server", "client"].map((role) => optionsOf(role, block, folder));
  const port = freePort();
  const where = ["127.0.0.1", String(port)];
  await using server = await startServer(port, ...forServer!);
  const client = await runCommand("client", [...where, ...forClient!, "--count=1"]);
  assertEquals(client.code, 0, client.stderr);
  assertEquals((await server.event("connected")).who, "mill-7");
  assertEquals((await runCommand("client", where)).code, 4);
});
