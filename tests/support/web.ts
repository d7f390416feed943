/**
 * Requests to the web pages of real commands.
 *
 * @module
 */
import type { SessionsDocument } from "../../lib/output/web/documents.ts";
import type { Command } from "./process.ts";

/** How long, in milliseconds, something may take to be shown. */
const LIMIT_MS = 60_000;

/** The address of a command's web page, which it logs when it is served: `http://127.0.0.1:8080/`. */
export async function webUrl(command: Command): Promise<string> {
  await command.stderrText("web page: ");
  return /web page: (\S+)/.exec(command.stderr)![1]!;
}

/** The sessions that a web page has. */
export async function sessionsAt(url: string, query = ""): Promise<SessionsDocument> {
  return await (await fetch(`${url}api/sessions?${query}`)).json();
}

/** Waits until something holds, and asks for it again and again. */
export async function eventually(what: string, holds: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
