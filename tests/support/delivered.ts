/**
 * Whether what was confirmed is in the store, and what is in the store is in the outputs: each message
 * once and in order, but for what a new output may repeat after a SIGKILL.
 *
 * @module
 */
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import type { StoreFolder } from "./store_folder.ts";

const LF = 0x0a;

const EMPTY = new Uint8Array();

/** How many rows are read before whatever else waits has its turn. */
const ROWS_PER_TURN = 4_096;

/** Over how long messages may have come, in milliseconds, that are repeated: about a second. */
const MAX_REPEATED_MS = 2_000;

/** Or how many bytes are repeated when a disk gets full: a piece of catching up, with its last line. */
const MAX_PIECE_BYTES = 65_536 + 61_000;

/** What a store has, in its order. */
export interface Stored {
  /** The messages. */
  readonly payloads: readonly Uint8Array[];
  /** When each has come. */
  readonly at: readonly number[];
  /** The last message of each session. */
  readonly received: ReadonlyMap<string, number>;
}

/** Reads a store; fails if a session lacks a message, or has one twice or out of order. */
export async function readStore(folder: StoreFolder): Promise<Stored> {
  using database = new DatabaseSync(folder.store, { readOnly: true });
  const ids = new Map(
    database.prepare("SELECT number, id FROM sessions").all().map(({ id, number }) => [number, id]),
  );
  const payloads: Uint8Array[] = [];
  const at: number[] = [];
  const last = new Map<unknown, number>();
  const rows = database.prepare("SELECT session, seq, at, payload FROM messages ORDER BY number");
  for (const row of rows.iterate()) {
    // Paths of other runs go through this process.
    if (payloads.length % ROWS_PER_TURN === 0) await pause(0);
    const session = row["session"];
    const seq = (last.get(session) ?? 0) + 1;
    if (row["seq"] !== seq) {
      throw new Error(`session ${ids.get(session!)}: message ${row["seq"]} instead of ${seq}`);
    }
    last.set(session, seq);
    const payload = row["payload"] as Uint8Array;
    payloads.push(payload.length > 0 ? payload : EMPTY);
    at.push(Number(row["at"]));
  }
  const received = new Map(
    [...last].map(([session, seq]) => [String(ids.get(session as number)), seq]),
  );
  return { payloads, at, received };
}

/** Checks that the store has what was confirmed of each session. */
export function assertStored({ received }: Stored, confirmed: Iterable<[string, number]>): void {
  for (const [session, seq] of confirmed) {
    assertGreaterOrEqual(received.get(session) ?? 0, seq, `confirmed, and not stored: ${session}`);
  }
}

/**
 * Checks that the parts of an output follow one another, with all that is in the store: each may repeat
 * the end of the one before. Gives over how long the messages had come that were repeated, at most.
 */
export function assertWritten(
  { at, payloads }: Stored,
  parts: readonly Uint8Array[],
  { wasFull = false } = {},
): number {
  let next = 0;
  let repeated_ms = 0;
  for (const [i, part] of parts.entries()) {
    const isLast = i === parts.length - 1;
    const first = i === 0 ? 0 : beginOf(part, payloads, next, isLast);
    if (first < next) {
      const bytes = payloads.slice(first, next).reduce((sum, each) => sum + each.length + 1, 0);
      const ms = at[next - 1]! - at[first]!;
      const text = `part ${i} repeats ${next - first} lines of ${ms} ms, ${bytes} bytes`;
      assert(ms <= MAX_REPEATED_MS || wasFull && bytes <= MAX_PIECE_BYTES, text);
      repeated_ms = Math.max(repeated_ms, ms);
    }
    const end = endOf(part, payloads, first, isLast);
    if (typeof end === "string") throw new Error(`part ${i} of ${parts.length}: ${end}`);
    next = Math.max(next, end);
  }
  assertEquals(next, payloads.length, "less was written than stored");
  return repeated_ms;
}

/** With which line a part begins: the last one possible before or at the one that follows. */
function beginOf(
  part: Uint8Array,
  payloads: readonly Uint8Array[],
  next: number,
  isLast: boolean,
): number {
  if (part.length === 0) return next;
  for (let first = next; first >= 0; first--) {
    const payload = payloads[first];
    if (!payload || !startsWith(part, 0, payload.subarray(0, part.length))) continue;
    if (typeof endOf(part, payloads, first, isLast) === "number") return first;
  }
  throw new Error(`a part begins with no line up to line ${next + 1}`);
}

/** Which line follows a part that begins with this one; a kill may have cut off its own last line. */
function endOf(
  part: Uint8Array,
  payloads: readonly Uint8Array[],
  first: number,
  isLast: boolean,
): number | string {
  let at = 0;
  let n = first;
  for (; at < part.length; n++) {
    const payload = payloads[n];
    if (!payload) return `it has more than the store, from byte ${at} on`;
    const isCut = !isLast && part.length - at <= payload.length;
    if (isCut && startsWith(part, at, payload.subarray(0, part.length - at))) return n;
    const isThere = startsWith(part, at, payload) && part[at + payload.length] === LF;
    if (!isThere) return `line ${n + 1} is not where it should be, at byte ${at}`;
    at += payload.length + 1;
  }
  return n;
}

function startsWith(bytes: Uint8Array, at: number, start: Uint8Array): boolean {
  return start.every((byte, i) => byte === bytes[at + i]);
}
