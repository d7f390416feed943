/**
 * A copy of the programs with a defect in it, which the simulation has to find.
 *
 * @module
 */
import { type Outcome, runWords } from "../support/run.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/** What the simulation needs. */
const FOLDERS = ["lib", "tests/support", "tests/simulation"];

/** A defect: in a file of `lib/`, one text in place of another. */
export interface Defect {
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
}

/** Runs the simulation on a copy with a defect: how that ended. */
export async function simulateMutant(
  { file, right, wrong }: Defect,
  args: readonly string[],
): Promise<Outcome> {
  const folder = await Deno.makeTempDir({ prefix: "pulsewire_mutant_" });
  try {
    for (const each of FOLDERS) await copyFolder(`${ROOT}${each}`, `${folder}/${each}`);
    const path = `${folder}/lib/${file}`;
    const parts = (await Deno.readTextFile(path)).split(right);
    if (parts.length !== 2) {
      throw new Error(`expected ${JSON.stringify(right)} once in ${file}, got ${parts.length - 1}`);
    }
    await Deno.writeTextFile(path, parts.join(wrong));
    const command = [Deno.execPath(), "run", "--quiet", "--no-config", "--no-prompt"];
    return await runWords([...command, `${folder}/tests/simulation/simulate.ts`, ...args]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { isDirectory, name } of Deno.readDir(from)) {
    const copy = isDirectory ? copyFolder : Deno.copyFile;
    await copy(`${from}/${name}`, `${to}/${name}`);
  }
}
