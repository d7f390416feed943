/**
 * What this runtime's `node:tls` can do.
 *
 * @module
 */

/** The first version of Deno whose `node:tls` works on a stream: before, its writes come to a standstill. */
const NODE_TLS_SINCE = [2, 8, 0] as const;

/** Whether client certificates can be asked for and shown, and certificates changed while the program runs. */
export function hasNodeTls(version: string = Deno.version.deno): boolean {
  const parts = version.split(/[.-]/).map(Number);
  for (const [at, since] of NODE_TLS_SINCE.entries()) {
    if (parts[at] !== since) return (parts[at] ?? 0) > since;
  }
  return true;
}
