/**
 * Runs both commands over a relay: the path of a session falls silent, heals, and falls silent for good. Then the
 * recordings of both sides say what happened.
 *
 * @module
 */
import { defaultSettings, type Key, KEYS, timersOf } from "../lib/cli/settings.ts";
import { eventText } from "../lib/output/event_text.ts";
import { seconds, wrapped } from "../lib/output/phrases.ts";
import type { OutageDocument, ReportDocument } from "../lib/report/document.ts";
import { EXIT } from "../lib/session/close_reason.ts";
import type { Event, EventName } from "../lib/session/events.ts";
import { heartbeatsUntilDead } from "../lib/session/timers.ts";
import type { Role } from "../lib/wire/protocol.ts";
import { freePort } from "../tests/support/ports.ts";
import { type Command, commandWords, startCommand } from "../tests/support/process.ts";
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

/** Where the recordings and the page are left; git ignores it. */
const FOLDER = decodeURIComponent(new URL("../dist/demo", import.meta.url).pathname);
const PAGE = `${FOLDER}/report.html`;
const RECORDINGS = { client: `${FOLDER}/client.rec`, server: `${FOLDER}/server.rec` };

const start = performance.now();

function print(who: string, text: string): void {
  const at = ((performance.now() - start) / 1000).toFixed(1).padStart(5);
  printWrapped(`${at} s  ${who.padEnd(6)}  `, text);
}

/** Prints a text behind a first word, in lines between words. */
function printWrapped(before: string, text: string): void {
  for (const line of wrapped(before + text, before.length)) console.log(line);
}

/** What tells the story; the table and the report at the end have the rest. */
const SHOWN: readonly EventName[] = [
  ...["data_confirmed", "phase", "heartbeat_missed", "local_stall", "account", "notice"] as const,
];

function printEvent(role: Role, event: Event): void {
  if (event.event === "connected") return print(role, `session open with ${event.peer}`);
  if (event.event === "terminated") {
    const reason = event.reason === "silent" ? "the peer is dead" : event.reason;
    return print(role, `terminated: ${reason}`);
  }
  const message = SHOWN.includes(event.event) ? eventText(event, role, TIMERS) : undefined;
  if (message) print(role, message.text);
}

function row(...cells: (string | number)[]): void {
  const [first, ...others] = cells;
  console.log(
    `  ${String(first).padEnd(8)}${others.map((cell) => String(cell).padStart(13)).join("")}`,
  );
}

/** Makes an empty folder: what is recorded twice is appended. */
function emptyFolder(): void {
  try {
    Deno.removeSync(FOLDER, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.mkdirSync(FOLDER, { recursive: true });
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

/** Prints what both recordings prove, and writes it as a page; returns whether that is all that happened. */
async function report(): Promise<boolean> {
  const [program, ...words] = commandWords("client");
  const args = [...words, "report", "--json", "--html", PAGE, ...Object.values(RECORDINGS)];
  const { code, stderr, stdout } = await new Deno.Command(program!, { args }).output();
  if (code !== EXIT.asked) throw new Error(new TextDecoder().decode(stderr).trim());
  const { outages, sessions }: ReportDocument = JSON.parse(new TextDecoder().decode(stdout));
  console.log("\nWhat the recordings of both sides prove");
  outages.forEach(printOutage);
  console.log(`\nRecordings  ${Object.values(RECORDINGS).join("\n            ")}`);
  console.log(`As a page   ${PAGE}`);
  const isWhole = sessions.every(({ ledger }) => ledger.contradictions.length === 0);
  return outages.length === 2 && isWhole;
}

function printOutage(outage: OutageDocument, at: number): void {
  const { from, in_doubt, not_proven, settled, to, verdict } = outage;
  const lasted_ms = to === null ? null : Date.parse(to) - Date.parse(from);
  const how = lasted_ms === null ? "until the end" : `${seconds(lasted_ms)}, then it healed`;
  console.log(`\n  Outage ${at + 1}: ${how}`);
  printWrapped("    verdict     ", verdict);
  printWrapped("    not proven  ", not_proven);
  printWrapped("    ledger      ", `in doubt: ${in_doubt}, confirmed later: ${settled}`);
}

/** Plays the demo; returns whether everything happened as predicted. */
async function play(stage: AsyncDisposableStack): Promise<boolean> {
  emptyFolder();
  const run = (role: Role, port: number, ...more: string[]) =>
    stage.use(
      startCommand(
        role,
        ["127.0.0.1", String(port), ...FLAGS, "--record", RECORDINGS[role], ...more],
        { onEvent: (event) => printEvent(role, event) },
      ),
    );
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
  const isProven = await report();
  return agree && isProven && statuses.every((status) => status === EXIT.lost);
}

await using stage = new AsyncDisposableStack();
const late = setTimeout(async () => {
  console.error(`the demo is not over after ${LIMIT_MS / 1000} s`);
  await stage.disposeAsync();
  Deno.exit(1);
}, LIMIT_MS);
console.log(
  `A session over a relay: data every ${SETTINGS.data_interval} s, silent after ` +
    `${SETTINGS.data_threshold} s,\ndead after ${HEARTBEATS} unanswered heartbeats of ` +
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
