/**
 * What recordings have of a search for idle timeouts: after which idle times its sessions lived, and how they ended
 * that did not.
 *
 * @module
 */
import { counted } from "../output/phrases.ts";
import type { IdleBracket } from "../wire/idle.ts";
import type { Role } from "../wire/protocol.ts";
import type { IdleDocument, IdleProbeDocument } from "./document.ts";
import { durationIn, type Entry, type Fields } from "./entries.ts";

/** How many sessions of searches are kept. */
const MAX_PROBES = 10_000;

/** What may become of an idle session, the good end first. */
export const IDLE_FATES = [
  "alive",
  "silent",
  "reset_client",
  "reset_server",
  "reset_both",
  "closed",
] as const;

/** One of {@linkcode IDLE_FATES}. */
export type IdleFate = typeof IDLE_FATES[number];

/** Each fate, for people. */
export const FATE_NAMES: Readonly<Record<IdleFate, string>> = {
  alive: "alive",
  silent: "dropped silently",
  reset_client: "reset at the client",
  reset_server: "reset at the server",
  reset_both: "reset at both sides",
  closed: "closed (FIN)",
};

/** Collects the entries of searches. */
export class IdleSurvival {
  readonly #probes: IdleProbeDocument[] = [];
  #found: IdleDocument["found"] = null;
  #leftOut = 0;

  /** Takes an entry, if it is of a search. */
  take(entry: Entry): void {
    if (entry.event === "idle_timeout") this.#found = foundOf(entry) ?? this.#found;
    const probe = entry.event === "idle_probe" ? probeOf(entry) : undefined;
    if (!probe) return;
    if (this.#probes.length < MAX_PROBES) this.#probes.push(probe);
    else this.#leftOut++;
  }

  /** What was found; `null` if there is nothing of a search. */
  get document(): IdleDocument | null {
    if (this.#probes.length === 0) return null;
    const probes = this.#probes.toSorted((a, b) => a.idle_ms - b.idle_ms);
    return { probes, left_out: this.#leftOut, found: this.#found };
  }
}

/** A session whose fate proves something. */
function probeOf(entry: Entry): IdleProbeDocument | undefined {
  const outcome = IDLE_FATES.find((each) => each === entry.outcome);
  const first = roleIn(entry);
  const idle_ms = durationIn(entry, "idle_ms");
  if (!outcome || !first || idle_ms === null) return undefined;
  return { first, idle_ms, outcome, ended_after_ms: durationIn(entry, "ended_after_ms") };
}

function roleIn({ first }: Entry): Role | undefined {
  return first === "client" || first === "server" ? first : undefined;
}

function foundOf(entry: Entry): IdleDocument["found"] {
  const client_first = bracketIn(entry.client_first);
  const server_first = bracketIn(entry.server_first);
  if (!client_first || !server_first) return null;
  return { client_first, server_first, complete: entry.complete === true };
}

function bracketIn(value: unknown): IdleBracket | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Fields;
  const survives_s = durationIn(fields, "survives_s");
  const forgotten_by_s = durationIn(fields, "forgotten_by_s");
  const isNone = fields.forgotten_by_s === null;
  if (survives_s === null || (forgotten_by_s === null && !isNone)) return undefined;
  const known = IDLE_FATES.find((each) => each === fields.how) ?? null;
  return { survives_s, forgotten_by_s, how: known === "alive" ? null : known };
}

/** What was found of a direction, as a clause. */
export function bracketText({ forgotten_by_s, how, survives_s }: IdleBracket): string {
  const alive = survives_s > 0 ? `survives ${survives_s} s` : "nothing is known to survive";
  if (forgotten_by_s === null) return `${alive}, no timeout found`;
  return `${alive}, forgotten by ${forgotten_by_s} s${how ? ` (${FATE_NAMES[how]})` : ""}`;
}

/** How many sessions of a direction had which fate, by the idle time in seconds, the shortest first. */
export function survivalOf(
  { probes }: IdleDocument,
  first: Role,
): { idle_s: number; fates: [IdleFate, number][] }[] {
  const byTime = new Map<number, Map<IdleFate, number>>();
  for (const probe of probes) {
    if (probe.first !== first) continue;
    const idle_s = Math.round(probe.idle_ms / 100) / 10;
    const fates = byTime.get(idle_s) ?? new Map<IdleFate, number>();
    byTime.set(idle_s, fates.set(probe.outcome, (fates.get(probe.outcome) ?? 0) + 1));
  }
  return [...byTime].map(([idle_s, fates]) => ({
    idle_s,
    fates: IDLE_FATES.flatMap((fate): [IdleFate, number][] => {
      const count = fates.get(fate);
      return count === undefined ? [] : [[fate, count]];
    }),
  }));
}

/** The lines of a search for the report as text: for each direction a line for each idle time, with its sessions. */
export function survivalLines(idle: IdleDocument): string[] {
  const lines = (["client", "server"] as const).flatMap((first) => {
    const found = idle.found ? `: ${bracketText(idle.found[`${first}_first`])}` : "";
    return [
      `  ${first} first${found}`,
      ...survivalOf(idle, first).map(({ fates, idle_s }) =>
        `  ${`${idle_s}`.padStart(9)} s  ${
          fates.map(([fate, count]) => `${marks(fate, count)} ${FATE_NAMES[fate]}`).join("  ")
        }`
      ),
    ];
  });
  const more = idle.left_out > 0 ? [`  ${counted(idle.left_out, "more session")} left out`] : [];
  const sessions = counted(idle.probes.length, "session");
  return [`Idle-timeout search: ${sessions}, by idle time`, ...lines, ...more];
}

/** How many marks stand for sessions one by one. */
const MOST_MARKS = 12;

function marks(fate: IdleFate, count: number): string {
  const mark = fate === "alive" ? "o" : "x";
  return count <= MOST_MARKS ? mark.repeat(count) : `${count} ${mark}`;
}
