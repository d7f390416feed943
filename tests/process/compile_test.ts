/**
 * `deno task compile`. To compile takes long: these run with the tests of the executables.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { withFolder } from "../support/folder.ts";
import { type Outcome, runWords } from "../support/run.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);
const NOWHERE = "http://127.0.0.1:1/";

/** A Deno whose base runtime is at hand, if that is another one. */
const DENO = Deno.env.get("COMPILE_DENO") ?? Deno.execPath();

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
  await Deno.utime(`${folder}/dist/page/index.html`, 0, 0);
  const words = ["run", "-q", `--config=${folder}/deno.json`, "-P=compile"];
  const cd = ["sh", "-c", 'cd "$0" && exec "$@"', folder];
  return await runWords([...cd, DENO, ...words, `${ROOT}scripts/compile.ts`, ...args], {
    STD: "",
    NO_COLOR: "1",
    ...env,
  });
}

Deno.test("compile says in one sentence what cannot be downloaded", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/client.ts`, "");
    const offline = { DENO_DIR: `${folder}/cache`, HTTPS_PROXY: NOWHERE };
    const cases: [env: Record<string, string>, missing: string][] = [
      [offline, "cannot bundle server.ts: Deno has no esbuild"],
      [{ DENORT_BIN: `${folder}/none` }, "cannot compile server.ts: Deno has no base runtime"],
    ];
    for (const [env, missing] of cases) {
      const { code, stdout, stderr } = await compile(folder, env);
      assertEquals({ code, stdout }, { code: 2, stdout: "" });
      assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
      assertStringIncludes(stderr, missing);
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
    // As a run leaves it that was killed.
    await Deno.mkdir(`${folder}/dist/bundles/client`, { recursive: true });
    await Deno.writeTextFile(`${folder}/dist/bundles/client/old.js`, "// left behind");
    assertEquals((await compile(folder, base)).code, 0);
    assertEquals(inDist(), made);
    const client = await Deno.readFile(`${folder}/dist/pulsewire-client`);
    assertEquals(new TextDecoder("latin1").decode(client).includes("// left behind"), false);
    // The same sources give the same executable.
    const executable = `${folder}/dist/pulsewire-server`;
    const first = await Deno.readFile(executable);
    assertEquals((await compile(folder, base)).code, 0);
    assertEquals(await Deno.readFile(executable), first);
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

Deno.test("the stack trace of an executable names lines of the sources", async () => {
  await withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/lib`);
    const failing =
      "/** Comment. */\nexport function fail(text: string): never {\n  throw new Error(text);\n}\n";
    await Deno.writeTextFile(`${folder}/lib/fail.ts`, failing);
    await Deno.writeTextFile(
      `${folder}/client.ts`,
      'import { fail } from "./lib/fail.ts";\n\nfail("so");\n',
    );
    const compiled = await compile(folder, {});
    assertEquals(compiled.code, 0, compiled.stderr);
    const { code, stderr } = await runWords([`${folder}/dist/pulsewire-client`], { NO_COLOR: "1" });
    assertEquals(code, 1);
    assertMatch(stderr, /Error: so\n.*at fail \(.*\/lib\/fail\.ts:3:9\)\n.*at .*\/client\.ts:3:1/s);
  });
});
