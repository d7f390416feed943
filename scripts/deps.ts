/**
 * Fetches the packages, as the import map in `STD` names them, or else from jsr.io. Ends with status 1 when
 * they cannot be had: a task then tries npm. It imports nothing, since it runs before there are packages.
 *
 * @module
 */
const ENTRY_POINTS = ["client.ts", "server.ts", "tests/wire/codec_test.ts"];

/** The import map of the packages from npm. */
const STD = Deno.env.get("STD") || undefined;

/** The oldest Deno with all that the tasks need. */
const OLDEST = [2, 6] as const;

/** How long, in milliseconds, a registry may take from one download to the next. npm is the last resort. */
const PATIENCE_MS = STD ? 30_000 : 3_000;

/** How long Deno may take until it begins with the first: on a small machine that is busy, some seconds. */
const START_MS = 30_000;

/** How long, in milliseconds, jsr.io is not asked again after it could not be reached. */
const PAUSE_MS = 3_600_000;

/** What a run found out: the same versions need no look at the cache, and no answer is not waited for anew. */
const memory = {
  key: `packages of ${Deno.version.deno}, ${STD ?? "jsr"}, ${
    JSON.stringify(JSON.parse(Deno.readTextFileSync("deno.json")).imports)
  }`,
  read(key: string): string | null {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // Deno's cache folder cannot be read or written: nothing is remembered.
    }
  },
  write(key: string, value: string): void {
    try {
      localStorage.setItem(key, value);
    } catch {
      // As above.
    }
  },
};
const UNREACHED = "jsr.io was not reached at";

type Result = "fetched" | "failed" | "no answer";

/** Runs `deno install`, and kills it when it downloads nothing more for too long. */
async function install(): Promise<Result> {
  const install = new Deno.Command(Deno.execPath(), {
    args: ["install", ...(STD ? [STD] : []), "--entrypoint", ...ENTRY_POINTS],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let isLate = false;
  const giveUp = () => {
    isLate = true;
    try {
      install.kill("SIGKILL");
    } catch {
      // It has just ended.
    }
  };
  let timer = setTimeout(giveUp, START_MS);
  let asked = false;
  for await (const text of install.stderr.pipeThrough(new TextDecoderStream())) {
    clearTimeout(timer);
    if (!isLate) timer = setTimeout(giveUp, PATIENCE_MS);
    asked ||= text.includes("Download");
  }
  const { success } = await install.status;
  clearTimeout(timer);
  if (isLate) return "no answer";
  // What fails without asking a registry is in the sources; Deno says what when it runs them.
  return success || !asked ? "fetched" : "failed";
}

/** Whether the packages are there. */
async function fetched(): Promise<boolean> {
  if (memory.read(memory.key) === "fetched") return true;
  const unreached_ms = Date.now() - Number(memory.read(UNREACHED));
  if (!STD && unreached_ms >= 0 && unreached_ms < PAUSE_MS) return false;
  const result = await install();
  if (result === "fetched") memory.write(memory.key, "fetched");
  else memory.write(UNREACHED, STD ? "0" : String(Date.now()));
  if (!STD && result === "no answer") {
    console.error("jsr.io gives no answer: the packages are taken from npm instead");
  } else if (STD && result !== "fetched") {
    console.error(
      "cannot fetch the packages, neither from jsr.io nor from npm: connect to the network " +
        "(HTTPS_PROXY names a proxy) and try again; they are kept after the first time",
    );
  }
  return result === "fetched";
}

const [major, minor] = Deno.version.deno.split(".").map(Number) as [number, number];
if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  if (STD) {
    console.error(
      `Deno ${OLDEST.join(".")} or later is needed, and this is ${Deno.version.deno}: ` +
        "`deno upgrade`, or `npx -y deno@2.9.6 task …` with Node.js",
    );
  }
  Deno.exit(1);
}
Deno.exit(await fetched() ? 0 : 1);
