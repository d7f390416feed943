/**
 * Compiles both commands to `dist/`; its arguments go to `deno compile`.
 *
 * @module
 */
for (const role of ["server", "client"]) {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--quiet",
      "--no-prompt",
      ...Deno.args,
      `-P=${role}`,
      `--output=dist/pulsewire-${role}`,
      `${role}.ts`,
    ],
    stdin: "null",
  }).spawn().status;
  if (code !== 0) Deno.exit(code);
  console.log(`dist/pulsewire-${role}`);
}
