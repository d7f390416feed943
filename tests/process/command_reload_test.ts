/**
 * SIGHUP without a terminal, as logrotate and `systemctl reload` send it: nothing ends, and log files that
 * were moved away are made anew.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Role } from "../../lib/wire/protocol.ts";
import { withFolder } from "../support/folder.ts";
import { logLines } from "../support/log.ts";
import { freePort } from "../support/ports.ts";
import { type Command, startCommand } from "../support/process.ts";
import { testUnless, whyNot } from "../support/skip.ts";

const why = whyNot("setsid", "nohup", "true");

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

function hasLines(path: string): boolean {
  try {
    return logLines(path).length > 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const FAST = ["--data-interval=0.05", "--log-dir"];

testUnless(why, "SIGHUP reopens the log files and the recording, and ends nothing", async () => {
  await withFolder(async (folder) => {
    const address = ["127.0.0.1", String(freePort())];
    const logs = `${folder}/logs`;
    const args = (role: Role) => [...address, ...FAST, logs, "--record", `${folder}/${role}`];
    await using server = startCommand("server", args("server"));
    await server.event("listening");
    await using client = startCommand("client", args("client"));
    await client.event("data_confirmed");
    const commands: [Role, Command][] = [["server", server], ["client", client]];
    for (const [role, command] of commands) {
      const path = `${logs}/${role}_info.log`;
      Deno.renameSync(path, `${path}.moved`);
      Deno.renameSync(`${folder}/${role}`, `${folder}/${role}.moved`);
      command.kill("SIGHUP");
      await command.stderrText("log files and recording reopened (SIGHUP)");
      const before = logLines(path).length;
      await until(() => logLines(path).length > before + 2);
      assertMatch(logLines(path)[0]!, /log files and recording reopened \(SIGHUP\) \|\| -$/);
      await until(() => hasLines(`${folder}/${role}`));
      assertMatch(logLines(`${folder}/${role}`)[0]!, /"event":"started",.*"file":2\}$/);
      assert(logLines(`${path}.moved`).length > 0);
    }
    for (const [, command] of commands.reverse()) {
      command.kill("SIGTERM");
      assertEquals(await command.ended(), 0, command.stderr);
      assertEquals((await command.event("summary")).in_doubt, []);
    }
  });
});

testUnless(why, "SIGHUP stays ignored under nohup", async () => {
  await withFolder(async (folder) => {
    const args = ["127.0.0.1", String(freePort()), ...FAST, folder];
    await using server = startCommand("server", args, { before: ["nohup"] });
    await server.event("listening");
    server.kill("SIGHUP");
    await using client = startCommand("client", [...args, "--count=3"]);
    assertEquals(await client.ended(), 0);
    server.kill("SIGTERM");
    assertEquals(await server.ended(), 0, server.stderr);
    assertEquals(server.stderr.includes("SIGHUP"), false);
  });
});
