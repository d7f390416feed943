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

/** Compiles two small commands in a folder. */
async function compile(
  folder: string,
  env: Record<string, string>,
  ...args: string[]
): Promise<Outcome> {
  const { permissions } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ permissions }));
  for (const file of ["lib/store/sqlite/thread.ts", "lib/server/workers/thread_main.ts"]) {
    await Deno.mkdir(`${folder}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${folder}/${file}`, "");
  }
  await Deno.writeTextFile(`${folder}/server.ts`, "");
  await Deno.mkdir(`${folder}/dist/page`, { recursive: true });
  await Deno.writeTextFile(`${folder}/dist/page/index.html`, "");
  const words = ["run", "-q", `--config=${folder}/deno.json`, "-P=compile"];
  const cd = ["sh", "-c", 'cd "$0" && exec "$@"', folder];
  return await runWords([...cd, Deno.execPath(), ...words, `${ROOT}scripts/compile.ts`, ...args], {
    STD: "",
    NO_COLOR: "1",
    ...env,
  });
}

Deno.test("compile says in one sentence that the base runtime cannot be downloaded", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/client.ts`, "");
    const offline = { DENO_DIR: `${folder}/cache`, HTTPS_PROXY: NOWHERE };
    const isGiven = Deno.env.has("DENORT_BIN");
    const missing = { DENORT_BIN: `${folder}/none` };
    for (const each of isGiven ? [missing] : [offline, missing]) {
      const { code, stdout, stderr } = await compile(folder, each);
      assertEquals({ code, stdout }, { code: 2, stdout: "" });
      assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
      assertStringIncludes(stderr, "connect to the network");
      assertEquals([...Deno.readDirSync(`${folder}/dist`)].map(({ name }) => name), ["page"]);
    }
  });
});

Deno.test("compile replaces both executables or none", async () => {
  await withFolder(async (folder) => {
    const base = { DENORT_BIN: "/bin/true" };
    const executables = ["pulsewire-client", "pulsewire-server"];
    const made = ["page", ...executables];
    const inDist = () => [...Deno.readDirSync(`${folder}/dist`)].map(({ name }) => name).sort();
    await Deno.writeTextFile(`${folder}/client.ts`, "");
    assertEquals((await compile(folder, base)).code, 0);
    assertEquals(inDist(), made);
    for (const name of executables) await Deno.writeTextFile(`${folder}/dist/${name}`, "old");
    await Deno.writeTextFile(`${folder}/client.ts`, "is not a program");
    assertEquals((await compile(folder, base)).code, 2);
    assertEquals(inDist(), made);
    for (const name of executables) {
      assertEquals(await Deno.readTextFile(`${folder}/dist/${name}`), "old");
    }
    // The second cannot be moved.
    await Deno.writeTextFile(`${folder}/client.ts`, "");
    await Deno.remove(`${folder}/dist/pulsewire-server`);
    await Deno.mkdir(`${folder}/dist/pulsewire-server`);
    const { code, stdout, stderr } = await compile(folder, base);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(
      stderr,
      "cannot replace what is in dist/: dist/pulsewire-server is a folder",
    );
    assertEquals(inDist(), made);
    assertEquals(await Deno.readTextFile(`${folder}/dist/pulsewire-client`), "old");
  });
});

Deno.test("only executables compiled with --otel have the package for OpenTelemetry, and export", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/client.ts`, "");
    const made = async (...args: string[]) => {
      const { code, stderr } = await compile(folder, { DENORT_BIN: "/bin/true" }, ...args);
      assertEquals(code, 0, stderr);
      const bytes = await Deno.readFile(`${folder}/dist/pulsewire-client`);
      const text = new TextDecoder("latin1").decode(bytes);
      return [text.includes("getMeterProvider"), text.includes('"metrics_enabled":true')];
    };
    assertEquals(await made(), [false, false]);
    assertEquals(await made("--otel"), [true, true]);
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
