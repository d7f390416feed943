import { assertEquals, assertStringIncludes } from "@std/assert";
import { withFolder } from "../support/folder.ts";
import { type Outcome, runWords } from "../support/run.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);
const NOWHERE = "http://127.0.0.1:1/";

/** Runs the script that fetches the packages, with a cache of its own. */
async function deps(cache: string, env: Record<string, string>): Promise<Outcome> {
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [first, ...words] = config.tasks.deps.command.split(" ");
  assertEquals(first, "deno");
  return await runWords([Deno.execPath(), ...words], {
    STD: "",
    DENO_DIR: cache,
    NPM_CONFIG_REGISTRY: NOWHERE,
    NO_COLOR: "1",
    ...env,
  });
}

Deno.test("deps gives up a registry that never answers, says so once, and does not wait again", async () => {
  await withFolder(async (cache) => {
    let requests = 0;
    const silent = Promise.withResolvers<void>();
    await using registry = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
      requests++;
      return silent.promise.then(() => new Response("", { status: 404 }));
    });
    const env = { JSR_URL: `http://127.0.0.1:${registry.addr.port}/` };
    const { code, stderr } = await deps(cache, env);
    assertEquals(code, 1);
    assertEquals(stderr, "jsr.io gives no answer: the packages are taken from npm instead\n");
    const before = requests;
    assertEquals(await deps(cache, env), { code: 1, stdout: "", stderr: "" });
    assertEquals(requests, before);
    silent.resolve();
  });
});

for (
  const [what, answer] of [
    ["refuses", undefined],
    ["has no such packages", () => new Response("", { status: 404 })],
    ["answers with something else", () => new Response("<html>")],
  ] as const
) {
  Deno.test(`deps falls back without a word where the registry ${what}`, async () => {
    await withFolder(async (cache) => {
      await using registry = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        answer ?? (() => new Response("")),
      );
      const url = answer ? `http://127.0.0.1:${registry.addr.port}/` : NOWHERE;
      assertEquals(await deps(cache, { JSR_URL: url }), { code: 1, stdout: "", stderr: "" });
    });
  });
}

Deno.test("deps says in one sentence that no registry can be reached", async () => {
  await withFolder(async (cache) => {
    const { code, stderr } = await deps(cache, { STD: "--import-map=npm/import_map.json" });
    assertEquals(code, 1);
    assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
    assertStringIncludes(stderr, "neither from jsr.io nor from npm: connect to the network");
  });
});

Deno.test("test, bench, soak and simulate name what was mistaken", async () => {
  for (
    const [script, word, told] of [
      ["-P=test scripts/run_tests.ts", "nofile", "there is no test nofile"],
      ["-P=bench bench/bench.ts", "nofigure", "unknown figure nofigure"],
      ["-P=bench bench/bench.ts", "--against=none", "there is no folder none"],
      ["-P=bench bench/soak.ts", "--minutes=x", "--minutes=x: a number above 0 is needed"],
      ["--no-prompt tests/simulation/simulate.ts", "--seed", "usage: simulate"],
    ] as const
  ) {
    const std = Deno.env.get("STD");
    const words = ["run", "-q", ...(std ? [std] : []), ...script.split(" "), word];
    const { code, stdout, stderr } = await runWords([Deno.execPath(), ...words]);
    assertEquals({ code, stdout }, { code: 2, stdout: "" }, stderr);
    assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
    assertStringIncludes(stderr, told);
  }
});
