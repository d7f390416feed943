/**
 * Compiles both commands to `dist/`; its arguments go to `deno compile`.
 *
 * @module
 */
/** What nothing imports, because it is started as a worker. */
const WORKERS = { server: ["lib/store_worker.ts"], client: [] };

for (const role of ["server", "client"] as const) {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--quiet",
      "--no-prompt",
      ...Deno.args,
      `-P=${role}`,
      ...WORKERS[role].map((file) => `--include=${file}`),
      `--output=dist/pulsewire-${role}`,
      `${role}.ts`,
    ],
    stdin: "null",
  }).spawn().status;
  if (code !== 0) Deno.exit(code);
  console.log(`dist/pulsewire-${role}`);
}
