/**
 * Bundles `page/` and what it takes from npm to `dist/page/`, unless what is there was made of the same sources.
 *
 * @module
 */
const TARGET = "dist/page";
const STAMP = `${TARGET}/sources`;

/** What the page is made of, besides the packages. */
const SOURCES = [
  ...[...Deno.readDirSync("page")].map(({ name }) => `page/${name}`).sort(),
  "deno.json",
  "npm/import_map.json",
];

/** What is copied as it is. */
const COPIED = ["index.html", "icon.svg"];

/** A hash of all sources. */
async function stampOf(): Promise<string> {
  const texts = SOURCES.map((path) => `${path}\n${Deno.readTextFileSync(path)}`);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(texts.join("\n")));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16)).join(" ");
}

/** Whether what is there is of these sources. */
function isBuilt(stamp: string): boolean {
  try {
    return Deno.readTextFileSync(STAMP) === stamp;
  } catch {
    return false;
  }
}

/** Bundles; returns what Deno said if it failed. */
async function bundle(): Promise<string | undefined> {
  const std = Deno.env.get("STD");
  const { stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--platform=browser", "--minify", `--outdir=${TARGET}`],
      ...std ? [std] : [],
      "page/page.ts",
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  return success ? undefined : new TextDecoder().decode(stderr);
}

const stamp = await stampOf();
if (!isBuilt(stamp)) {
  Deno.mkdirSync(TARGET, { recursive: true });
  const said = await bundle();
  if (said !== undefined) {
    const why = said.replace(/\n+Stack backtrace:[^]*/, "").trim();
    console.error(`cannot make ${TARGET}/ of page/: ${why}`);
    Deno.exit(2);
  }
  for (const name of COPIED) Deno.copyFileSync(`page/${name}`, `${TARGET}/${name}`);
  // Last: what is interrupted is made anew.
  Deno.writeTextFileSync(STAMP, stamp);
}
