/**
 * A child process can be ended whatever it is doing, and when it has ended.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { killIfRunning } from "./kill.ts";
import { Command } from "./process.ts";

const spawn = (program: string, ...args: string[]) =>
  new Deno.Command(program, { args, stdin: "null", stdout: "null" }).spawn();

Deno.test("killIfRunning() ends a process that runs", async () => {
  const child = spawn("sleep", "60");
  assertEquals(killIfRunning(child), true);
  assertEquals((await child.status).signal, "SIGKILL");
});

Deno.test("killIfRunning() leaves a process that has ended", async () => {
  const child = spawn("true");
  await child.status;
  assertThrows(() => child.kill("SIGKILL"), TypeError);
  assertEquals(killIfRunning(child), false);
});

Deno.test("a command whose output outlives it can be disposed of", async () => {
  await using command = new Command<{ event: string; pid: number }>("outlived", [
    "sh",
    "-c",
    `sleep 0.3 & echo '{"event":"left","pid":'$$'}'`,
  ]);
  const { pid } = await command.event("left");
  // It has ended, and Deno knows, once nobody of its process id is left.
  while (await isThere(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
});

async function isThere(pid: number): Promise<boolean> {
  const { success } = await new Deno.Command("kill", { args: ["-0", `${pid}`], stderr: "null" })
    .output();
  return success;
}
