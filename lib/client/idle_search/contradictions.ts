/**
 * What does not fit one timeout, in sentences with the numbers.
 *
 * @module
 */
import type { Direction } from "./direction.ts";
import type { Point, Reading } from "./evidence.ts";
import type { Bracket, Fate, FirstSpeaker } from "./probe.ts";

/** How many ports are named at most. */
const MAX_PORTS = 5;

/** How sessions end, by the most of them; `null` if none has. */
export function howOf({ dead }: Reading): Bracket["how"] {
  return countsOf(dead)[0]?.[0] ?? null;
}

/** What of a direction does not fit one timeout, a sentence for each. */
export function contradictionsOf(first: FirstSpeaker, direction: Direction): string[] {
  const { reading } = direction;
  const name = `${first} first`;
  const said: string[] = [];
  if (reading.losses.length > 0) said.push(`${name}: ${lossesText(reading)}`);
  if (reading.isMixed && !direction.isBracketed) said.push(`${name}: ${mixedText(direction)}`);
  const counts = countsOf(reading.dead);
  if (counts.length > 1) {
    const each = counts.map(([fate, count]) => `${count} ${fate.replace("_", " at the ")}`);
    said.push(`${name}: sessions did not all end alike: ${each.join(", ")}`);
  }
  return said;
}

function lossesText({ alive, losses }: Reading): string {
  const least_ms = losses[0]!.at_ms;
  const survivors = alive.filter(({ at_ms }) => at_ms >= least_ms).length;
  const died = losses.length === 1 ? "1 session" : `${losses.length} sessions`;
  const at = losses.map(({ at_ms }) => seconds(at_ms)).join(", ");
  return `${died} died after ${at}, and ${survivors} survived that or longer: lost packets, or one path of several`;
}

function mixedText(direction: Direction): string {
  const { reading } = direction;
  const { alive, dead } = reading.among;
  const range = `${seconds(reading.shortestDead_ms)} to ${seconds(reading.longestAlive_ms)}`;
  const below_ms = reading.survived_ms(1);
  const above_ms = reading.died_ms(1);
  const all = [
    ...below_ms > 0 ? [`all survive ${seconds(below_ms)}`] : [],
    ...above_ms < Infinity ? [`none ${seconds(above_ms)}`] : [],
  ];
  const why = direction.isSeveral
    ? "several paths, with timeouts of their own, would do that"
    : "no clear boundary";
  return `of ${alive.length + dead.length} sessions idle for ${range}, ${dead.length} died and ` +
    `${alive.length} survived${all.length > 0 ? `; ${all.join(", ")}` : ""}: ${why}` +
    portsText(dead, alive);
}

function portsText(dead: readonly Point[], alive: readonly Point[]): string {
  const ports = (points: readonly Point[]) =>
    points.flatMap(({ port }) => port === undefined ? [] : [port]).slice(0, MAX_PORTS).join(", ");
  const [died, lived] = [ports(dead), ports(alive)];
  return died && lived ? ` (died from ports ${died}; survived from ${lived})` : "";
}

function countsOf(dead: readonly Point[]): [Exclude<Fate, "alive">, number][] {
  const counts = new Map<Exclude<Fate, "alive">, number>();
  for (const { fate } of dead) {
    if (fate !== "alive") counts.set(fate, (counts.get(fate) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
