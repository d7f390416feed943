/**
 * Shortens an exchange as long as it still shows what was found.
 *
 * @module
 */
import { concat } from "../../lib/platform/bytes.ts";
import type { Exchange } from "./exchange.ts";

/** How often it is tried at most. */
const MAX_TRIES = 1_500;

/** Leaves out steps, then bytes, in ever smaller parts. */
export async function shrink(
  exchange: Exchange,
  isFound: (exchange: Exchange) => Promise<boolean>,
): Promise<Exchange> {
  let tries = 0;
  const isStillFound = async (shorter: Exchange) => tries++ < MAX_TRIES && await isFound(shorter);
  let steps = await withoutParts(exchange, (parts) => parts, isStillFound);
  for (let at = 0; at < steps.length; at++) {
    const step = steps[at]!;
    if (!("bytes" in step)) continue;
    const pieces = Array.from(step.bytes, (byte) => Uint8Array.of(byte));
    const withBytes = (parts: readonly Uint8Array[]) =>
      steps.with(at, { ...step, bytes: concat(parts) });
    const left = await withoutParts(pieces, withBytes, isStillFound);
    steps = withBytes(left);
  }
  return steps;
}

/** Leaves out of a list whatever can be left out, halves first, single ones last. */
async function withoutParts<Part>(
  parts: readonly Part[],
  make: (parts: readonly Part[]) => Exchange,
  isFound: (exchange: Exchange) => Promise<boolean>,
): Promise<readonly Part[]> {
  let left = parts;
  for (
    let size = Math.ceil(parts.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < left.length;) {
      const fewer = left.toSpliced(at, size);
      if (await isFound(make(fewer))) left = fewer;
      else at += size;
    }
  }
  return left;
}
