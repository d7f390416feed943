/**
 * The file in the setting `key_file`: lines of a name and a secret.
 *
 * @module
 */
import { counted } from "../../output/phrases.ts";
import type { Clock } from "../../platform/clock.ts";
import { UsageError } from "../../platform/errors.ts";
import { isSecret, SECRET_LENGTH } from "../../platform/secrets.ts";
import { isKeyName, type Key, KEY_NAME_RULE } from "../../wire/proof.ts";
import type { Role } from "../../wire/protocol.ts";
import { type FileContent, WatchedFiles } from "./watched_file.ts";

/** Options for {@linkcode useKeys}. */
export interface KeyFileOptions {
  /** Whose keys they are: a client has one, and so has the web page. */
  role: Role | "web";
  /** Uses the keys: at once, and again whenever the file has changed. */
  use: (keys: readonly Key[]) => void;
  /** Logs that a changed file was taken up, or why it was not. */
  report: (level: "info" | "warning", text: string) => void;
  /** Time. */
  clock: Clock;
}

/**
 * Reads keys from a file, and watches it.
 *
 * @throws {UserError} If it cannot be read, or others can read it, or something in it is wrong.
 */
export function useKeys(path: string, { clock, report, role, use }: KeyFileOptions): WatchedFiles {
  return new WatchedFiles({
    paths: [path],
    clock,
    report,
    use: ([file]) => use(keysOf(file!, role)),
  });
}

/**
 * The keys in a file.
 *
 * @throws {UsageError} If others can read it, or something in it is wrong. No error shows what is in the file.
 */
export function keysOf(file: FileContent, role: KeyFileOptions["role"]): Key[] {
  const setting = role === "web" ? "web_key_file" : "key_file";
  refuseReadable(file, setting);
  const path = `${setting} ${file.path}`;
  const keys = new Map<string, Key>();
  const lines = new TextDecoder().decode(file.bytes).split("\n");
  for (const [at, line] of lines.entries()) {
    const where = `${path}: line ${at + 1}`;
    const key = keyOf(role === "web" ? named(line.trim()) : line.trim(), where);
    if (!key) continue;
    if (keys.has(key.name)) throw new UsageError(`${where}: a second key ${key.name}; keep one`);
    keys.set(key.name, key);
  }
  if (keys.size === 0) throw new UsageError(`${path}: no key; ${HOW}`);
  if (role !== "server" && keys.size > 1) {
    const who = role === "web" ? "the web page" : "a client";
    throw new UsageError(`${path}: ${keys.size} keys; ${who} has one: leave the others out`);
  }
  return [...keys.values()];
}

const HOW = "pulsewire-server --new-key NAME prints one";

/** Whoever can read the secrets has them. */
function refuseReadable({ mode, path }: FileContent, setting: string): void {
  if (mode === null || (mode & 0o077) === 0) return;
  const shown = mode.toString(8).padStart(4, "0");
  throw new UsageError(
    `${setting} ${path}: others than its owner can read or write it (mode ${shown}), and it has secrets: ` +
      `chmod 600 ${path}`,
  );
}

/** A line with a secret alone, as others who show it want it in their files, with a name before it. */
function named(line: string): string {
  return isSecret(line) ? `web ${line}` : line;
}

/** The key on a line; `undefined` if the line is empty or a comment. */
function keyOf(line: string, where: string): Key | undefined {
  if (line === "" || line.startsWith("#")) return undefined;
  const [name, secret = "", ...more] = line.split(/[ \t]+/);
  if (!isKeyName(name)) {
    throw new UsageError(`${where}: expected a name of ${KEY_NAME_RULE}, and a secret; ${HOW}`);
  }
  if (more.length > 0) {
    throw new UsageError(
      `${where}: more than a name and a secret; a comment has a line of its own`,
    );
  }
  const { length } = secret;
  if (isSecret(secret)) return { name, secret };
  const expected = `${SECRET_LENGTH} letters, digits, - or _, which are 256 random bits`;
  const has = length === SECRET_LENGTH ? "another character" : counted(length, "character");
  // Without the name: where both are the other way round, that is the secret.
  throw new UsageError(`${where}: the secret has ${has}; expected ${expected}; ${HOW}`);
}
