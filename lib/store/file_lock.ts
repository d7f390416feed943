/**
 * Locks a file itself, whatever name it was opened by.
 *
 * @module
 */
import { type Clock, systemClock } from "../platform/clock.ts";
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";

/** How long, in milliseconds, to wait for another server to unlock a file. */
const LOCK_WAIT_MS = 1_000;

/**
 * Takes an advisory lock, which excludes other servers only, until the file is closed; false if another
 * program holds it. True on a file system without locks: the file is used all the same.
 */
export async function lockFile(file: Deno.FsFile, clock: Clock = systemClock): Promise<boolean> {
  using limit = new Deadline(clock);
  limit.moveTo(clock.now() + LOCK_WAIT_MS, { again_ms: LOCK_WAIT_MS });
  const locked = file.lock(true).then(() => true, () => true);
  return await Promise.race([locked, sleep(limit).then(() => false)]);
}
