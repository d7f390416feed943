/**
 * Random input that a seed determines, so that a failure can be seen again.
 *
 * @module
 */

/** A generator of random numbers: the same seed gives the same numbers on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 to below `limit`, which is at most 2^32. */
  below(limit: number): number {
    // Mulberry32: small, quick, and random enough to choose test input.
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * limit);
  }

  /** A whole number from `least` to `greatest`. */
  between(least: number, greatest: number): number {
    return least + this.below(greatest - least + 1);
  }

  /** True once in so many times. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of a list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** So many random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** Bytes cut into chunks of random length, some of them single bytes. */
  chunks(bytes: Uint8Array): Uint8Array[] {
    const chunks = [];
    const longest = this.pick([1, 7, 64, 4096]);
    for (let at = 0; at < bytes.length;) {
      const chunk = bytes.subarray(at, at + this.between(1, longest));
      chunks.push(chunk);
      at += chunk.length;
    }
    return chunks;
  }
}

/**
 * Runs a check once for each of so many seeds, always the same ones.
 *
 * @throws What the check throws, with the seed before its message.
 */
export async function forEachSeed(
  count: number,
  check: (random: Random) => void | Promise<void>,
): Promise<void> {
  for (let seed = 1; seed <= count; seed++) {
    try {
      await check(new Random(seed));
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
}
