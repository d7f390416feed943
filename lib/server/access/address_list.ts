/**
 * Lists of addresses and blocks of addresses (CIDR), and whether an address is in one.
 *
 * @module
 */
import { UsageError } from "../../platform/errors.ts";
import { DIGITS, digitsOf } from "../../platform/net/address.ts";

/** The addresses of a block, by their digits: of one family. */
export interface Block {
  /** The lowest address. */
  readonly first: string;
  /** The highest address. */
  readonly last: string;
}

/** How many bits of an IPv6 address stand before an IPv4 address that is mapped to it. */
const MAPPED_BITS = 96;

/** How many digits an IPv4 and an IPv6 address have. */
const BITS_OF_DIGIT = 4;

/** How much of an entry an error has: more than any address and its prefix length. */
const MAX_SHOWN = 60;

/**
 * Parses an entry of a list.
 *
 * @throws {UsageError} If it is neither an address nor a block.
 */
export function parseBlock(entry: string): Block {
  const [host = "", length, ...more] = entry.split("/");
  // It may be a whole file that is no list.
  const shown = entry.length > MAX_SHOWN ? `${entry.slice(0, MAX_SHOWN)}…` : entry || '""';
  // An octet with a leading zero is an octal number to some programs.
  const digits = /%|^\[|(^|\.)0\d/.test(host) ? undefined : digitsOf(host);
  if (digits === undefined || more.length > 0) {
    throw new UsageError(`${shown}: ${EXPECTED}`);
  }
  const bits = digits.length * BITS_OF_DIGIT;
  const isMapped = digits.length === DIGITS.ipv4 && host.includes(":");
  const before = isMapped ? MAPPED_BITS : 0;
  const least = before;
  const prefix = length === undefined ? before + bits : /^\d{1,3}$/.test(length) ? +length : NaN;
  if (!(prefix >= least && prefix <= before + bits)) {
    throw new UsageError(`${shown}: expected a prefix length from ${least} to ${before + bits}`);
  }
  return blockOf(digits, BigInt(bits - (prefix - before)), shown);
}

const EXPECTED = "expected an IPv4 or IPv6 address, or a block of them such as 192.0.2.0/24 or " +
  "2001:db8::/32";

/** The block of an address without its last bits, all of which have to be 0. */
function blockOf(digits: string, free: bigint, entry: string): Block {
  const value = BigInt(`0x${digits}`);
  const first = (value >> free) << free;
  const text = (number: bigint) => number.toString(16).padStart(digits.length, "0");
  if (first !== value) {
    throw new UsageError(
      `${entry}: the address has bits beyond its prefix; the block that it is in begins with ` +
        `${hostOfDigits(text(first))}`,
    );
  }
  return { first: digits, last: text(first + (1n << free) - 1n) };
}

/** The address with these digits, in its usual form. */
function hostOfDigits(digits: string): string {
  if (digits.length === DIGITS.ipv4) {
    return digits.match(/../g)!.map((octet) => parseInt(octet, 16)).join(".");
  }
  return new URL(`http://[${digits.match(/..../g)!.join(":")}]`).hostname.slice(1, -1);
}

/** Addresses, in blocks. Asking takes as long as the logarithm of how many there are. */
export class AddressList {
  /** In order, none of which touches another one, by the number of digits. */
  readonly #blocks: Readonly<Record<number, readonly Block[]>>;

  /** Makes a list of blocks, in any order, which may overlap. */
  constructor(blocks: readonly Block[]) {
    this.#blocks = Object.fromEntries(
      Object.values(DIGITS).map((count) => [
        count,
        joinedBlocks(blocks.filter(({ first }) => first.length === count)),
      ]),
    );
  }

  /** Whether the address with these digits, of `digitsOf`, is in the list. */
  has(digits: string): boolean {
    const blocks = this.#blocks[digits.length] ?? [];
    let [low, high] = [0, blocks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (blocks[middle]!.last < digits) low = middle + 1;
      else high = middle;
    }
    const block = blocks[low];
    return block !== undefined && block.first <= digits;
  }
}

/** Sorts blocks, and joins those that overlap. */
function joinedBlocks(blocks: readonly Block[]): Block[] {
  const sorted = [...blocks].sort((a, b) => a.first < b.first ? -1 : a.first > b.first ? 1 : 0);
  const joined: Block[] = [];
  for (const { first, last } of sorted) {
    const before = joined.at(-1);
    if (!before || before.last < first) joined.push({ first, last });
    else if (before.last < last) joined[joined.length - 1] = { first: before.first, last };
  }
  return joined;
}
