/**
 * Compiles both commands to `dist/`; its arguments go to `deno compile`.
 *
 * @module
 */
/** Entry points of threads, which nothing imports. */
const THREADS = {
  server: ["lib/store/sqlite/thread.ts", "lib/server/workers/thread_main.ts"],
  client: [],
};

/** A small young generation saves 4 KB for each of 10,000 idle sessions, and costs no throughput. */
const V8_FLAGS = "--v8-flags=--max-semi-space-size=4";

for (const role of ["server", "client"] as const) {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--quiet",
      "--no-prompt",
      V8_FLAGS,
      ...Deno.args,
      `-P=${role}`,
      ...THREADS[role].map((file) => `--include=${file}`),
      `--output=dist/pulsewire-${role}`,
      `${role}.ts`,
    ],
    stdin: "null",
  }).spawn().status;
  if (code !== 0) Deno.exit(code);
  console.log(`dist/pulsewire-${role}`);
}
