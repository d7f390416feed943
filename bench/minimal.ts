/**
 * The smallest server of PW/1, as the floor of what a server in Deno can cost: it parses frames, confirms
 * data messages and answers heartbeats, and keeps nothing. It has no timers, limits or checks. Its argument
 * is the port.
 *
 * @module
 */
const LF = 10;
const FIRST_BUFFER_BYTES = 256;
const MAX_BUFFER_BYTES = 65_536;
/** More than a confirmation takes. */
const ANSWER_BYTES = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What is known of a connection between two reads. */
interface State {
  /** The data message received last. */
  seq: number;
  /** The bytes of a payload that have not come yet, with its newline. */
  payload: number;
  /** Whether the client has ended the session. */
  isOver: boolean;
}

/** The number in a line between two positions. */
function numberIn(bytes: Uint8Array, from: number, end: number): number {
  let number = 0;
  for (let at = from; at < end; at++) number = number * 10 + bytes[at]! - 48;
  return number;
}

/** Takes a line; returns the answer to it, except to a data message. */
function onLine(state: State, bytes: Uint8Array, from: number, end: number): string {
  if (bytes[from] === 68 /* DATA */) {
    const space = bytes.indexOf(32, from + 5);
    state.seq = numberIn(bytes, from + 5, space);
    state.payload = numberIn(bytes, space + 1, end) + 1;
    return "";
  }
  const words = decoder.decode(bytes.subarray(from, end)).split(" ");
  if (words[0] === "HELLO") return `WELCOME 1 ${words[2]} {}\n`;
  if (words[0] === "HEARTBEAT") return `HEARTBEAT_REPLY ${words[1]}\n`;
  state.isOver = words[0] === "TERMINATE";
  return "";
}

/** Takes what was received; returns how many bytes of it are frames, and the answer. */
function onBytes(state: State, bytes: Uint8Array): { taken: number; answer: string } {
  const before = state.seq;
  let at = 0;
  let answer = "";
  while (at < bytes.length) {
    const skipped = Math.min(state.payload, bytes.length - at);
    state.payload -= skipped;
    at += skipped;
    const end = at < bytes.length ? bytes.indexOf(LF, at) : -1;
    if (end < 0) break;
    answer += onLine(state, bytes, at, end);
    at = end + 1;
  }
  if (state.seq > before && state.payload === 0) answer += `CONFIRM ${state.seq}\n`;
  else if (state.seq > before + 1) answer += `CONFIRM ${state.seq - 1}\n`;
  return { taken: at, answer };
}

async function serve(connection: Deno.Conn): Promise<void> {
  const state: State = { seq: 0, payload: 0, isOver: false };
  let buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  const output = new Uint8Array(ANSWER_BYTES);
  let kept = 0;
  try {
    while (!state.isOver) {
      const length = await connection.read(kept > 0 ? buffer.subarray(kept) : buffer);
      if (length === null) return;
      const end = kept + length;
      const { taken, answer } = onBytes(state, buffer.subarray(0, end));
      kept = end - taken;
      if (end === buffer.length && end < MAX_BUFFER_BYTES) {
        const larger = new Uint8Array(end * 2);
        larger.set(buffer.subarray(taken, end));
        buffer = larger;
      } else buffer.copyWithin(0, taken, end);
      const isShort = answer.length <= ANSWER_BYTES;
      let rest = isShort
        ? output.subarray(0, encoder.encodeInto(answer, output).written)
        : encoder.encode(answer);
      while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
    }
  } catch {
    // The client is gone.
  } finally {
    connection.close();
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0]) });
for await (const connection of listener) {
  connection.setNoDelay(true);
  serve(connection);
}
