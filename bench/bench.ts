/**
 * Measures the server against a bare echo on the same platform, in the same run, and how late it
 * declares a dead peer. Prints a table of ratios.
 *
 * @module
 */
import { load, Peer } from "./peer.ts";

const SECONDS = 4;
const DEATHS = 50;
/** Predicted detection: 0.4 s + 2 × 0.2 s. */
const TIMERS = [
  "--data-threshold=0.4",
  "--heartbeat-threshold=0.2",
  "--heartbeat-additional-tries=1",
];
const IDLE_SESSIONS = 1_000;

function row(figure: string, pulsewire: string, echo: string, ratio: string): void {
  console.log(
    `${figure.padEnd(52)}${pulsewire.padStart(12)}${echo.padStart(12)}${ratio.padStart(9)}`,
  );
}

/** Measures both peers one after the other, and gives the figure of each. */
async function both(measure: (peer: Peer) => Promise<number>): Promise<[number, number]> {
  const figures = [];
  for (const start of [Peer.pulsewire, Peer.echo]) {
    await using peer = await start();
    figures.push(await measure(peer));
  }
  return [figures[0]!, figures[1]!];
}

async function throughput(sessions: number, window: number): Promise<void> {
  const [pulsewire, echo] = await both(async (peer) =>
    (await load(peer, sessions, window, SECONDS)).per_second
  );
  const figure = `confirmed messages/s, sessions: ${sessions}, window: ${window}`;
  row(figure, pulsewire.toFixed(0), echo.toFixed(0), (pulsewire / echo).toFixed(2));
}

async function roundTrip(): Promise<void> {
  for (const quantile of ["p50_ms", "p99_ms"] as const) {
    const [pulsewire, echo] = await both(async (peer) =>
      (await load(peer, 1, 1, SECONDS))[quantile]
    );
    const figure = `round-trip time, 1 session, window 1, ${quantile.slice(0, 3)}`;
    row(
      figure,
      `${pulsewire.toFixed(3)} ms`,
      `${echo.toFixed(3)} ms`,
      (pulsewire / echo).toFixed(2),
    );
  }
}

async function memory(): Promise<void> {
  const [pulsewire, echo] = await both(async (peer) => {
    const before = await peer.residentBytes();
    const connections = await Promise.all(
      Array.from({ length: IDLE_SESSIONS }, (_, id) => open(peer, id)),
    );
    const each = (await peer.residentBytes() - before) / IDLE_SESSIONS / 1024;
    connections.forEach((connection) => connection.close());
    return each;
  });
  const figure = `memory per idle session, ${IDLE_SESSIONS} sessions`;
  row(figure, `${pulsewire.toFixed(1)} KB`, `${echo.toFixed(1)} KB`, (pulsewire / echo).toFixed(2));
}

/** How late, after the predicted time, clients that vanish at different moments are declared dead. */
async function overshoot(): Promise<void> {
  await using peer = await Peer.pulsewire("--json", ...TIMERS);
  const connections = [];
  for (let id = 0; id < DEATHS; id++) {
    connections.push(await open(peer, id));
    await new Promise((resolve) => setTimeout(resolve, 17));
  }
  const late_ms: number[] = [];
  for await (const line of peer.lines) {
    const event = JSON.parse(line);
    if (event.event !== "terminated" || event.reason !== "silent") continue;
    if (late_ms.push(event.detected_after_ms - event.predicted_ms) === DEATHS) break;
  }
  connections.forEach((connection) => connection.close());
  late_ms.sort((a, b) => a - b);
  for (const [name, q] of [["p50", 0.5], ["p99", 0.99]] as const) {
    const late = late_ms[Math.floor(q * DEATHS)]!.toFixed(1);
    row(`detection after the predicted time, ${DEATHS} deaths, ${name}`, `${late} ms`, "-", "-");
  }
}

async function open(peer: Peer, id: number): Promise<Deno.Conn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: peer.port });
  await connection.write(new TextEncoder().encode(`HELLO 1 idle-${id} {}\n`));
  await connection.read(new Uint8Array(1_024));
  return connection;
}

console.log(`Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores\n`);
row("", "pulsewire", "Deno echo", "ratio");
await throughput(1, 64);
await throughput(100, 1);
await roundTrip();
await memory();
await overshoot();
