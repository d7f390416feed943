/**
 * Encodes entries for the store's thread: one buffer per batch, which is transferred, since copying
 * every entry as an object is slower.
 *
 * @module
 */
import type { Entry } from "../store.ts";

/** Encoded entries. */
export interface Batch {
  /** The ids of the sessions whose messages are in the buffer, which refers to them by index. */
  readonly sessions: readonly string[];
  /** Each entry: a header of fixed length, then its body. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The header: u32 index of the session, u32 length of the body, f64 `seq`, f64 `at`. */
const HEADER_BYTES = 24;

/** In the place of a session's index: the body is an entry of another kind, as JSON. */
const NOT_A_MESSAGE = 0xffff_ffff;

const encoder = new TextEncoder();

const decoder = new TextDecoder();

/** Encodes entries, and copies their payloads. */
export function encodeBatch(entries: readonly Entry[]): Batch {
  const bodies = entries.map((entry) =>
    entry.kind === "message" ? entry.payload : encoder.encode(JSON.stringify(entry))
  );
  const length = bodies.reduce((sum, body) => sum + HEADER_BYTES + body.length, 0);
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
      view.setUint32(at, NOT_A_MESSAGE);
    }
    bytes.set(body, at + HEADER_BYTES);
    at += HEADER_BYTES + body.length;
  }
  return { sessions: [...indexes.keys()], bytes };
}

function indexOf(session: string, indexes: Map<string, number>): number {
  const known = indexes.get(session);
  if (known !== undefined) return known;
  indexes.set(session, indexes.size);
  return indexes.size - 1;
}

/** The entries of a batch, in order. Their payloads are views of its buffer. */
export function* decodeBatch({ sessions, bytes }: Batch): Iterable<Entry> {
  const view = new DataView(bytes.buffer);
  let at = 0;
  while (at < bytes.length) {
    const index = view.getUint32(at);
    const end = at + HEADER_BYTES + view.getUint32(at + 4);
    const body = bytes.subarray(at + HEADER_BYTES, end);
    yield index === NOT_A_MESSAGE ? JSON.parse(decoder.decode(body)) : {
      kind: "message",
      session: sessions[index]!,
      seq: view.getFloat64(at + 8),
      at: view.getFloat64(at + 16),
      payload: body,
    };
    at = end;
  }
}
