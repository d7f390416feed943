/**
 * Runs both commands over a relay: the path of a session falls silent, heals, and falls silent for good.
 *
 * @module
 */
import { defaultSettings, type Key, KEYS, timersOf } from "../lib/cli/settings.ts";
import { eventText } from "../lib/output/event_text.ts";
import { seconds } from "../lib/output/phrases.ts";
import { EXIT } from "../lib/session/close_reason.ts";
import type { Event } from "../lib/session/events.ts";
import { heartbeatsUntilDead } from "../lib/session/timers.ts";
import type { Role } from "../lib/wire/protocol.ts";
import { type Command, freePort, startCommand } from "../tests/support/process.ts";
import { Relay } from "../tests/support/relay.ts";

const SETTINGS = {
  data_interval: 1,
  data_threshold: 2,
  heart_beat_interval: 0.8,
  heart_beat_threshold: 0.8,
  heart_beat_additional_tries: 2,
};
const TIMERS = timersOf({ ...defaultSettings("client"), ...SETTINGS });
const HEARTBEATS = heartbeatsUntilDead(TIMERS);
const FLAGS = Object.entries(SETTINGS).map(([key, value]) => `--${KEYS[key as Key].flag}=${value}`);

/** How late a dead peer may be declared in this demo, in milliseconds. */
const MAX_OVERSHOOT_MS = 500;

/** How long the whole demo may take, in milliseconds. */
const LIMIT_MS = 28_000;

const start = performance.now();

function print(who: string, text: string): void {
  const at = ((performance.now() - start) / 1000).toFixed(1).padStart(5);
  console.log(`${at} s  ${who.padEnd(6)}  ${text}`);
}

function printEvent(role: Role, event: Event): void {
  // The table at the end has the details.
  if (event.event === "terminated") {
    const reason = event.reason === "silent" ? "the peer is dead" : event.reason;
    return print(role, `terminated: ${reason}`);
  }
  // These repeat what other lines show.
  if (["summary", "data_sent", "data_received", "heartbeat_sent"].includes(event.event)) return;
  const message = eventText(event, role, TIMERS);
  if (message) print(role, message.text);
}

function row(...cells: (string | number)[]): void {
  const [first, ...others] = cells;
  console.log(
    `  ${String(first).padEnd(8)}${others.map((cell) => String(cell).padStart(13)).join("")}`,
  );
}

/** Prints predicted and measured times side by side; returns whether they agree. */
async function compare(commands: Record<Role, Command>): Promise<boolean> {
  let agree = true;
  console.log("\nA dead peer was declared");
  row("", "predicted", "measured", "overshoot", "confirmed", "in doubt");
  for (const role of ["client", "server"] as const) {
    const end = await commands[role].event("terminated");
    const { data_confirmed, in_doubt } = await commands[role].event("summary");
    if (end.detected_after_ms === null || end.predicted_ms === null) return false;
    const overshoot_ms = end.detected_after_ms - end.predicted_ms;
    agree &&= end.by === "self" && end.reason === "silent";
    agree &&= overshoot_ms >= 0 && overshoot_ms < MAX_OVERSHOOT_MS;
    const doubt = in_doubt.map(([first, last]) => first === last ? first : `${first}-${last}`);
    row(
      role,
      seconds(end.predicted_ms),
      seconds(end.detected_after_ms),
      `${overshoot_ms.toFixed(1)} ms`,
      data_confirmed,
      doubt.join() || "none",
    );
  }
  return agree;
}

/** Plays the demo; returns whether everything happened as predicted. */
async function play(stage: AsyncDisposableStack): Promise<boolean> {
  const run = (role: Role, port: number, ...more: string[]) =>
    stage.use(startCommand(role, ["127.0.0.1", String(port), ...FLAGS, ...more], {
      onEvent: (event) => printEvent(role, event),
    }));
  const port = freePort();
  const server = run("server", port, "--once");
  await server.event("listening");
  const relay = stage.use(await Relay.open(port));
  const client = run("client", relay.port);
  await client.event("data_confirmed", ({ seq }) => seq === 3);

  print("path", "--- goes silent: nothing gets through, and nobody is told");
  relay.silence();
  await Promise.all([client, server].map((each) => each.event("heartbeat_missed")));
  print("path", "--- heals");
  relay.heal();
  const recovered = (each: { from: string; to: string }) =>
    each.from === "heartbeat" && each.to === "data";
  await Promise.all([client, server].map((each) => each.event("phase", recovered)));
  const { seq } = client.events.findLast((each) => each.event === "data_confirmed")!;
  await client.event("data_confirmed", (each) => each.seq === seq + 2);

  print("path", "--- goes silent for good");
  relay.silence();
  const statuses = await Promise.all([client.ended(), server.ended()]);
  const agree = await compare({ client, server });
  return agree && statuses.every((status) => status === EXIT.lost);
}

await using stage = new AsyncDisposableStack();
const late = setTimeout(async () => {
  console.error(`the demo is not over after ${LIMIT_MS / 1000} s`);
  await stage.disposeAsync();
  Deno.exit(1);
}, LIMIT_MS);
console.log(
  `A session over a relay: data every ${SETTINGS.data_interval} s, silent after ` +
    `${SETTINGS.data_threshold} s, dead after ${HEARTBEATS} unanswered heartbeats of ` +
    `${SETTINGS.heart_beat_threshold} s\n`,
);
const succeeded = await play(stage).catch((error) => {
  console.error(`\n${error.message}`);
  return false;
});
clearTimeout(late);
console.log(
  succeeded
    ? "\nAll of it happened as predicted."
    : "\nIt did not go as predicted: compare the table with the lines above.",
);
Deno.exitCode = succeeded ? 0 : 1;
