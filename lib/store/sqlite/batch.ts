/**
 * Entries on their way to the store's worker: one buffer a batch, which changes hands instead of being
 * copied object by object.
 *
 * @module
 */
import type { Entry } from "../store.ts";

/** Entries in one buffer, which may be transferred. */
export interface Batch {
  /** The ids of the sessions whose messages are in the buffer; there, their index stands for them. */
  readonly sessions: readonly string[];
  /** Every entry: a head of fixed length, and what is behind it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The head: u32 index of the session, u32 length of what is behind it, f64 `seq`, f64 `at`. */
const HEAD_BYTES = 24;

/** In the place of a session: behind the head is any other entry, as JSON. */
const OTHER = 0xffff_ffff;

const encoder = new TextEncoder();

const decoder = new TextDecoder();

/** Puts entries into one buffer. */
export function encodeBatch(entries: readonly Entry[]): Batch {
  const bodies = entries.map((entry) =>
    entry.kind === "message" ? entry.payload : encoder.encode(JSON.stringify(entry))
  );
  const length = bodies.reduce((sum, body) => sum + HEAD_BYTES + body.length, 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  const indexes = new Map<string, number>();
  let at = 0;
  for (const [i, entry] of entries.entries()) {
    const body = bodies[i]!;
    view.setUint32(at + 4, body.length);
    if (entry.kind === "message") {
      view.setUint32(at, indexOf(entry.session, indexes));
      view.setFloat64(at + 8, entry.seq);
      view.setFloat64(at + 16, entry.at);
    } else {
      view.setUint32(at, OTHER);
    }
    bytes.set(body, at + HEAD_BYTES);
    at += HEAD_BYTES + body.length;
  }
  return { sessions: [...indexes.keys()], bytes };
}

function indexOf(session: string, indexes: Map<string, number>): number {
  const known = indexes.get(session);
  if (known !== undefined) return known;
  indexes.set(session, indexes.size);
  return indexes.size - 1;
}

/** The entries of a batch, in order. Payloads are parts of its buffer. */
export function* decodeBatch({ sessions, bytes }: Batch): Iterable<Entry> {
  const view = new DataView(bytes.buffer);
  let at = 0;
  while (at < bytes.length) {
    const index = view.getUint32(at);
    const end = at + HEAD_BYTES + view.getUint32(at + 4);
    const body = bytes.subarray(at + HEAD_BYTES, end);
    yield index === OTHER ? JSON.parse(decoder.decode(body)) : {
      kind: "message",
      session: sessions[index]!,
      seq: view.getFloat64(at + 8),
      at: view.getFloat64(at + 16),
      payload: body,
    };
    at = end;
  }
}
