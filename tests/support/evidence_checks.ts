/**
 * Sets times, clocks and accounts of the fault table against the truth, which is known: both sides' recordings
 * have the one wall clock of this machine, as far as it was not stepped.
 *
 * @module
 */
import type { ClockDocument, OutageDocument, ReportDocument } from "../../lib/report/document.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import type { Row } from "./evidence_row.ts";
import type { EventOf } from "./process.ts";

/** Between which moments something was done, in wall-clock milliseconds. */
export type Span = readonly [before_ms: number, after_ms: number];

/** How late a busy machine may be, in milliseconds. */
const LATE_MS = 1_500;

/** How far apart are, at most, the data messages of a row, and how much a count of whole milliseconds deceives. */
const INTERVAL_MS = 2_000;
const ROUND_MS = 1;

/**
 * How far a moment of the wall clock may be off, in milliseconds: a process on a busy machine may be interrupted
 * between its readings of the wall clock and of the monotonic one.
 */
const INTERRUPTED_MS = 50;

/** One entry of a recording. */
interface Entry {
  readonly event: string;
  readonly wall_ms: number;
  readonly mono_us: number;
  readonly frame?: string;
  readonly to?: string;
  readonly by?: string;
  readonly reason?: string;
  readonly ms?: number;
}

/** How a fault begins that is only that something is unknown. */
export const UNTOLD = "untold: ";

/** A fault in words, as one that is only that something is unknown if what was said is that. */
export function untoldOr(said: string, words: string): string {
  return said === "unknown" || said === "none" ? `${UNTOLD}${words}` : words;
}

/** What a side recorded, with its wall clock put right again. */
export class Recorded {
  readonly entries: readonly Entry[];

  /** Reads a recording; a side that was killed may have written the last line in part. */
  constructor(path: string, role: Role, injected: Span, stepped: Row["stepped"]) {
    const by_ms = stepped?.role === role ? stepped.by_ms : 0;
    this.entries = Deno.readTextFileSync(path).split("\n").slice(0, -1).map((line) => {
      const entry = JSON.parse(line);
      const isStepped = Math.abs(entry.wall_ms - by_ms - injected[0]) < Math.abs(by_ms) / 2;
      return isStepped ? { ...entry, wall_ms: entry.wall_ms - by_ms } : entry;
    });
  }

  /**
   * When it noticed the outage, by the wall clock; `undefined` if it did not. Each event reads first the wall
   * clock, in whole milliseconds, and then the monotonic one: where they are the least apart, they tell most.
   */
  noticed_ms(injected: Span): number | undefined {
    const sign = this.entries.find(({ by, event, reason, to, wall_ms }) => {
      if (wall_ms < injected[0]) return false;
      const isEnd = event === "disconnected" || event === "terminated";
      const isAsked = by !== "network" && (reason === "done" || reason === "shutdown");
      return isEnd && !isAsked || event === "phase" && to === "heartbeat";
    });
    if (!sign) return undefined;
    const apart_ms = this.entries.filter(({ frame }) => frame === undefined)
      .map(({ mono_us, wall_ms }) => wall_ms - mono_us / 1_000);
    return sign.mono_us / 1_000 + Math.max(...apart_ms);
  }

  /** For how long its process did not run, all in all, and what each time may have cost it. */
  get stalled_ms(): number {
    return this.entries.filter(({ event }) => event === "local_stall")
      .reduce((sum, { ms = 0 }) => sum + ms + LATE_MS, 0);
  }
}

/** The recordings of both sides. */
export type BothRecorded = Readonly<Record<Role, Recorded>>;

function contains(interval: ClockDocument["offset_ms"], value: number, slack: number): boolean {
  const [low, high] = interval;
  return (low ?? -Infinity) - slack <= value && value <= (high ?? Infinity) + slack;
}

/** Checks the bounds of the clocks, and that each step was found, and no other. */
export function clockFaults({ clock, clock_steps }: ReportDocument, row: Row): string[] {
  const wrong: string[] = [];
  const { by_ms = 0, role } = row.stepped ?? {};
  const offset_ms = role === "client" ? -by_ms : by_ms;
  if (!clock) return ["there is no pair of clocks"];
  if (!contains(clock.offset_ms, offset_ms, ROUND_MS)) {
    wrong.push(`the clocks' offset ${offset_ms} is not in ${clock.offset_ms}`);
  }
  // Both processes have the monotonic clock of this machine.
  if (!contains(clock.drift_ppm, 0, 0)) wrong.push(`a drift of 0 is not in ${clock.drift_ppm}`);
  const steps = clock_steps.map((each) => `${each.role} ${Math.round(each.by_ms / 100)}`);
  const due = row.stepped ? [`${role} ${Math.round(by_ms / 100)}`] : [];
  if (steps.join() !== due.join()) wrong.push(`the clock's steps are ${steps}, not ${due}`);
  return wrong;
}

/** Checks when an outage began, when it was noticed and over, and how soon that was. */
export function timeFaults(
  outage: OutageDocument,
  recorded: BothRecorded,
  injected: Span,
  healed: Span | undefined,
): string[] {
  const wrong: string[] = [];
  const { detected_ms, noticed, predicted_ms, to } = outage;
  const from_ms = Date.parse(outage.from);
  if (from_ms < injected[0] - INTERVAL_MS - LATE_MS || from_ms > injected[1] + LATE_MS) {
    wrong.push(`it began at ${outage.from}, not about ${new Date(injected[0]).toISOString()}`);
  }
  if (healed && (to === null || Date.parse(to) < healed[0] - INTERRUPTED_MS)) {
    wrong.push(`it was over at ${to}, not after ${new Date(healed[0]).toISOString()}`);
  }
  for (const role of ["client", "server"] as const) {
    const true_ms = recorded[role].noticed_ms(injected);
    const at = noticed[role];
    if ((at === null) !== (true_ms === undefined)) {
      wrong.push(`the ${role} noticed it at ${at}, not at ${true_ms}`);
    } else if (at !== null && Math.abs(Date.parse(at) - true_ms!) > LATE_MS) {
      wrong.push(`the ${role} noticed it at ${at}, not ${new Date(true_ms!).toISOString()}`);
    }
    const [detected, predicted] = [detected_ms[role], predicted_ms[role]];
    if (detected === null || predicted === null) continue;
    const most_ms = predicted + LATE_MS + recorded[role].stalled_ms;
    if (detected < predicted - ROUND_MS || detected > most_ms) {
      wrong.push(`the ${role} detected it after ${detected} ms, not ${predicted} ms`);
    }
  }
  return wrong;
}

/** Checks who noticed first, and that the interval has the true difference. */
export function firstFaults(
  { by_ms, first_noticed_by }: Pick<OutageDocument, "by_ms" | "first_noticed_by">,
  recorded: BothRecorded,
  injected: Span,
): string[] {
  const [client, server] = [
    recorded.client.noticed_ms(injected),
    recorded.server.noticed_ms(injected),
  ];
  const only = client === undefined ? "server" : server === undefined ? "client" : undefined;
  if (only) {
    return first_noticed_by === only || first_noticed_by === null
      ? []
      : [`${first_noticed_by} noticed it first, not ${only} alone`];
  }
  // How much later the server noticed, or if the server was first, the client.
  const later_ms = (server! - client!) * (first_noticed_by === "server" ? -1 : 1);
  if (by_ms === null) return first_noticed_by === null ? [] : ["by how much is not said"];
  const isIn = by_ms[0] - ROUND_MS <= later_ms && later_ms <= by_ms[1] + ROUND_MS;
  return isIn ? [] : [`${first_noticed_by} was first by ${by_ms}, not by ${later_ms} ms`];
}

/** Checks what a side told in an account. */
export function accountFaults(
  role: Role,
  { at, began, cause, in_doubt, peer, settled }: EventOf<"account">,
  row: Row,
): string[] {
  const wrong: string[] = [];
  // Who concludes alone does not know all.
  const isAll = peer !== "unknown";
  if (!row.cause.includes(cause) && (isAll || cause !== "unknown")) {
    wrong.push(untoldOr(cause, `the ${role}'s account: ${cause}`));
  }
  if (!row.began.includes(began) && (isAll || began !== "unknown")) {
    wrong.push(untoldOr(began, `the ${role}'s account: ${began}`));
  }
  if (cause !== "unknown" && at !== row.at) wrong.push(`the ${role}'s account has it at ${at}`);
  if (peer === "contradicts") wrong.push(`the ${role} takes the peer's account for a lie`);
  if (in_doubt !== null && settled !== null && settled > in_doubt) {
    wrong.push(`the ${role}'s account has settled more than was in doubt`);
  }
  return wrong;
}
