/**
 * The load generator, in a process of its own: sends data messages to a server or their bytes to an
 * echo, and prints what came back how fast, as JSON.
 *
 * Usage: load.ts PORT pulsewire|echo SESSIONS WINDOW SECONDS
 *
 * @module
 */
const [port, peer, sessions, window, seconds] = Deno.args;
const PAYLOAD = "x".repeat(32);
const SESSIONS = Number(sessions);
const WINDOW = Number(window);
const WARM_UP_MS = 500;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const begin_ms = performance.now() + WARM_UP_MS;
const end_ms = begin_ms + Number(seconds) * 1000;
let confirmed = 0;
const rtts_ms: number[] = [];

/** Counts messages that came back, and the round-trip time of the last of them. */
function count(messages: number, sent_ms: number): void {
  const now_ms = performance.now();
  if (now_ms < begin_ms) return;
  confirmed += messages;
  if (WINDOW === 1) rtts_ms.push(now_ms - sent_ms);
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

/** How many messages the bytes that came confirm, by number or by their bytes. */
function makeTally(): (bytes: Uint8Array) => number {
  let rest = "";
  let upTo = 0;
  return (bytes) => {
    const lines = (rest + decoder.decode(bytes)).split("\n");
    rest = lines.pop()!;
    if (peer === "echo") return lines.filter((line) => line === PAYLOAD).length;
    const last = Number(lines.findLast((line) => line.startsWith("CONFIRM "))?.slice(8) ?? upTo);
    const more = last - upTo;
    upTo = last;
    return more;
  };
}

async function run(id: number): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  connection.setNoDelay(true);
  const buffer = new Uint8Array(65_536);
  if (peer === "pulsewire") {
    await writeAll(connection, encoder.encode(`HELLO 1 load-${id} {}\n`));
    await connection.read(buffer);
  }
  const tally = makeTally();
  let seq = 0;
  let inFlight = 0;
  while (performance.now() < end_ms) {
    let text = "";
    for (; inFlight < WINDOW; inFlight++) text += `DATA ${++seq} ${PAYLOAD.length}\n${PAYLOAD}\n`;
    const sent_ms = performance.now();
    await writeAll(connection, encoder.encode(text));
    let back = 0;
    while (back === 0) {
      const length = await connection.read(buffer);
      if (length === null) throw new Error("the peer closed the connection");
      back = tally(buffer.subarray(0, length));
    }
    inFlight -= back;
    count(back, sent_ms);
  }
  connection.close();
}

await Promise.all(Array.from({ length: SESSIONS }, (_, id) => run(id)));
rtts_ms.sort((a, b) => a - b);
const quantile = (q: number) => rtts_ms[Math.floor(q * rtts_ms.length)] ?? NaN;
console.log(JSON.stringify({
  per_second: confirmed / Number(seconds),
  p50_ms: quantile(0.5),
  p99_ms: quantile(0.99),
}));
