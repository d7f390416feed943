/**
 * Ports of 127.0.0.1 for tests that run side by side.
 *
 * @module
 */

/** The ports of a file of tests: as many as it may have in use at a time. */
const BLOCK = 50;

/** The first port of a block that no other file of tests has, be it of this process or another one. */
const firstPort = claimBlock();

let nextPort = firstPort + 1;

/**
 * Listens on the first port of a block, until this module's thread ends: whoever else wants the block
 * finds it taken. Blocks are below the ports that the system gives to outgoing connections, which
 * might take one before it is used.
 */
function claimBlock(): number {
  for (let port = 20_000; port < 30_000; port += BLOCK) {
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).unref();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("no block of ports from 20000 to 30000 is free");
}

/** A port of 127.0.0.1 that nothing listens on, another one at each call. */
export function freePort(): number {
  for (;;) {
    const port = nextPort++;
    if (nextPort === firstPort + BLOCK) nextPort = firstPort + 1;
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
