/**
 * Prometheus and its tool, as Debian has them.
 *
 * @module
 */
import { text } from "./bytes.ts";

/** Runs promtool, with a text on stdin; gives its exit status and all that it said. */
export async function promtool(
  args: readonly string[],
  input = "",
): Promise<{ code: number; said: string }> {
  const io = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  await using process = new Deno.Command("promtool", { args: [...args], ...io }).spawn();
  const [{ code, stdout, stderr }] = await Promise.all([
    process.output(),
    new Blob([input]).stream().pipeTo(process.stdin),
  ]);
  return { code, said: text(stdout) + text(stderr) };
}
