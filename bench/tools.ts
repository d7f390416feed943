/**
 * Programs that the benchmark builds in a temporary folder: the load generator.
 *
 * @module
 */
import { outputOf } from "./process.ts";

const HERE = decodeURIComponent(new URL(".", import.meta.url).pathname);

/** The programs. */
export interface Tools {
  /** The temporary folder. */
  readonly folder: string;
  /** The words that start the load generator. */
  readonly load: readonly string[];
  /** Whether it is the one in C; the other one can only flood. */
  readonly inC: boolean;
}

/** Builds the C programs on Linux with a C compiler; elsewhere the load generator runs in Deno. */
export async function buildTools(): Promise<Tools & AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "pulsewire-bench-" });
  const compile = (name: string, ...sources: string[]) =>
    outputOf("cc", "-O2", "-o", `${folder}/${name}`, ...sources.map((source) => HERE + source));
  const inC = Deno.build.os === "linux" &&
    await compile("load", "load.c", "wire.c") !== undefined;
  const load = inC
    ? [`${folder}/load`]
    : [Deno.execPath(), "run", "--quiet", "--allow-net=127.0.0.1", `${HERE}load.ts`];
  const remove = () => Deno.remove(folder, { recursive: true });
  return { folder, load, inC, [Symbol.asyncDispose]: remove };
}
