/**
 * A store and an output belong to one server, whatever names the file has.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { freePort } from "../support/ports.ts";
import { startCommand } from "../support/process.ts";
import { onlySentence, runCommand, runWords } from "../support/run.ts";
import { testUnless, whyNot } from "../support/skip.ts";
import { startCommitter } from "../support/store_committer.ts";
import { StoreFolder } from "../support/store_folder.ts";

const why = Deno.build.os === "linux" ? undefined : "it takes flock apart from SQLite's locks";

const ALIASES: readonly [what: string, why: string | undefined, before: readonly string[]][] = [
  ["a hard link", why, ["sh", "-c", 'ln "$0" "$1" && shift && exec "$@"']],
  [
    "a mount",
    why ?? whyNot("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"),
    [
      "unshare",
      "--mount",
      "sh",
      "-c",
      'touch "$1" && mount --bind "$0" "$1" && shift && exec "$@"',
    ],
  ],
];

for (const [what, why, before] of ALIASES) {
  testUnless(why, `a second process is refused on ${what} of a store in use`, async () => {
    using folder = new StoreFolder();
    await using first = startCommitter([folder.store]);
    await first.event("confirmed");
    const alias = folder.file("alias.db");
    await using second = startCommitter([alias, "", "1"], [...before, folder.store, alias]);
    await second.ended();
    assertEquals(second.events, [{
      event: "failed",
      text: `cannot open the store ${alias}: another server uses it; give each server a file of ` +
        "its own",
    }]);
    const { seq } = first.events.findLast((each) => each.event === "confirmed")!;
    // The first one still has SQLite's locks, too.
    assertEquals(folder.query("PRAGMA quick_check"), [{ quick_check: "ok" }]);
    await first.event("confirmed", (each) => each.seq > seq);
  });
}

testUnless(why, "a second server is refused on a hard link of an --output in use", async () => {
  using folder = new StoreFolder();
  const where = ["127.0.0.1", String(freePort())];
  await using server = startCommand("server", [...where, "--output", folder.output]);
  await server.event("listening");
  const alias = folder.file("alias.txt");
  Deno.linkSync(folder.output, alias);
  const args = ["127.0.0.1", String(freePort()), "--output", alias, "--duration=0.1"];
  const sentence = onlySentence(await runCommand("server", args), 2);
  assertStringIncludes(sentence, `cannot open the output ${alias}: another server appends to`);
});

testUnless(
  why ?? whyNot("flock", "--version"),
  "an --output in use is read by others, and written by none that asks for its lock",
  async () => {
    using folder = new StoreFolder();
    await using committer = startCommitter([folder.store, folder.output]);
    await committer.event("confirmed");
    assert(folder.written.length > 0);
    const ask = () => runWords(["flock", "--nonblock", folder.output, "true"]);
    assertEquals((await ask()).code, 1);
    committer.kill("SIGKILL");
    await committer.ended();
    assertEquals((await ask()).code, 0);
  },
);
