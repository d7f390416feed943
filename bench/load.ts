/**
 * The load generator where the one in C cannot be built: floods a server with data messages, or an echo
 * server with their bytes. It is slower than most servers, and hides the differences between them.
 *
 * Usage: load.ts PORT pulsewire|echo SESSIONS flood WINDOW SECONDS BYTES
 *
 * @module
 */
const [port, protocol, sessions, mode, window, seconds, bytes] = Deno.args;
if (mode !== "flood") throw new Error(`cannot ${mode}: only the load generator in C can`);
const PAYLOAD = "x".repeat(Number(bytes));
const WINDOW = Number(window);
const WARM_UP_MS = 500;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const begin_ms = performance.now() + WARM_UP_MS;
const end_ms = begin_ms + Number(seconds) * 1000;
let messages = 0;
let measured = 0;
const rtts_ms: number[] = [];

/** Counts confirmed messages, and records the round-trip time of the last one. */
function count(answers: number, sent_ms: number): void {
  const now_ms = performance.now();
  messages += answers;
  if (now_ms < begin_ms) return;
  measured += answers;
  if (WINDOW === 1) rtts_ms.push(now_ms - sent_ms);
}

async function writeAll(connection: Deno.Conn, text: string): Promise<void> {
  for (let rest = encoder.encode(text); rest.length > 0;) {
    rest = rest.subarray(await connection.write(rest));
  }
}

/** Creates a counter of the messages that received bytes confirm. */
function makeTally(): (bytes: Uint8Array) => number {
  let rest = "";
  let upTo = 0;
  return (bytes) => {
    const lines = (rest + decoder.decode(bytes)).split("\n");
    rest = lines.pop()!;
    if (protocol === "echo") return lines.filter((line) => line === PAYLOAD).length;
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
  if (protocol === "pulsewire") {
    await writeAll(connection, `HELLO 1 load${Deno.pid}-${id} {}\n`);
    await connection.read(buffer);
  }
  const tally = makeTally();
  let seq = 0;
  let inFlight = 0;
  while (performance.now() < end_ms) {
    let text = "";
    for (; inFlight < WINDOW; inFlight++) text += `DATA ${++seq} ${PAYLOAD.length}\n${PAYLOAD}\n`;
    const sent_ms = performance.now();
    await writeAll(connection, text);
    let back = 0;
    while (back === 0) {
      const length = await connection.read(buffer);
      if (length === null) throw new Error("the peer closed the connection");
      back = tally(buffer.subarray(0, length));
    }
    inFlight -= back;
    count(back, sent_ms);
  }
  if (protocol === "pulsewire") await writeAll(connection, "TERMINATE done\n");
  connection.close();
}

await Promise.all(Array.from({ length: Number(sessions) }, (_, id) => run(id)));
rtts_ms.sort((a, b) => a - b);
console.log(JSON.stringify({
  event: "result",
  per_second: measured / Number(seconds),
  messages,
  p50_ms: rtts_ms[Math.floor(rtts_ms.length * 0.5)],
  p99_ms: rtts_ms[Math.floor(rtts_ms.length * 0.99)],
}));
