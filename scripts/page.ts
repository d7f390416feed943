/**
 * Bundles `page/` and what it takes from npm to `dist/page/`, unless what is there was made of the same sources.
 *
 * @module
 */
import { runDeno } from "./deno.ts";

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

const stamp = await stampOf();
if (!isBuilt(stamp)) {
  Deno.mkdirSync(TARGET, { recursive: true });
  const options = ["--platform=browser", "--minify", `--outdir=${TARGET}`];
  const why = await runDeno(["bundle", ...options, "page/page.ts"]);
  if (why !== undefined) {
    console.error(`cannot make ${TARGET}/ of page/: ${why}`);
    Deno.exit(2);
  }
  for (const name of COPIED) Deno.copyFileSync(`page/${name}`, `${TARGET}/${name}`);
  // Last: what is interrupted is made anew.
  Deno.writeTextFileSync(STAMP, stamp);
}
