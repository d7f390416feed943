/**
 * Both commands may read the uptime of the host, by which a suspension is found, in their threads as well.
 *
 * @module
 */
import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url).pathname;

for (const role of ["client", "server"]) {
  Deno.test(`the ${role} may read the uptime of its host, in each thread`, async () => {
    const options = ["--quiet", "--no-prompt", "--no-check", `--config=${ROOT}deno.json`];
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", ...options, `-P=${role}`, `${ROOT}tests/support/uptime_permission.ts`],
      stdin: "null",
      stderr: "inherit",
    }).output();
    assertEquals([code, new TextDecoder().decode(stdout)], [0, "granted\ngranted\n"]);
  });
}
