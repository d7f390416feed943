/**
 * Compares peers: measures them in turn, round after round, and divides the figures of each round.
 *
 * @module
 */
import { denoEcho, type Kind, minimal, type Peer, startPeer } from "./peers.ts";
import type { Place } from "./process.ts";
import { digits, median, type Table } from "./table.ts";
import type { Tools } from "./tools.ts";

/** Context of all figures. */
export interface Bench {
  /** Where rows go. */
  readonly table: Table;
  /** The load generator. */
  readonly tools: Tools;
  /** Pulsewire, and another state of it if `--against` is given. */
  readonly subjects: readonly Kind[];
  /** The peers that are installed here. */
  readonly peers: readonly Kind[];
}

/** How many rounds each figure takes. */
export const ROUNDS = 5;

/** The figures of each peer by its name, one a round. */
export type Rounds = ReadonlyMap<string, readonly number[]>;

/** Starts peers all at once; disposing of the result ends them all. */
export async function startAll(
  kinds: readonly Kind[],
  place: Place,
  options: readonly string[] = [],
): Promise<AsyncDisposable & { readonly peers: readonly Peer[] }> {
  await using stack = new AsyncDisposableStack();
  const peers = [];
  for (const kind of kinds) {
    const own = kind.protocol === "pulsewire" ? options : [];
    peers.push(stack.use(await startPeer(kind, place, kind === minimal ? [] : own)));
  }
  const started = stack.move();
  return { peers, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

/** Measures peers one after the other, round after round: A B A B. */
export async function interleave<Figure>(
  peers: readonly Peer[],
  measure: (peer: Peer) => Promise<Figure>,
): Promise<Map<string, Figure[]>> {
  const figures = new Map<string, Figure[]>(peers.map(({ kind }) => [kind.name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const peer of peers) figures.get(peer.kind.name)!.push(await measure(peer));
  }
  return figures;
}

/** Picks one number of each figure. */
export function pick<Figure>(
  figures: ReadonlyMap<string, readonly Figure[]>,
  choose: (figure: Figure) => number,
): Rounds {
  return new Map([...figures].map(([name, each]) => [name, each.map(choose)]));
}

/** The row of a figure: the median of each peer, and the medians of the rounds' ratios to one of them. */
export function printRow(
  { table, subjects }: Bench,
  figure: string,
  rounds: Rounds,
  { unit = "", against = denoEcho.name, goal }: { unit?: string; against?: string; goal?: string },
): void {
  const values = [...rounds].map(([name, each]) => [name, digits(median(each)) + unit]);
  const base = rounds.get(against);
  const ratioOf = (name: string) => {
    const each = base && rounds.get(name);
    return each && digits(median(each.map((value, round) => value / base[round]!)));
  };
  const ratio = ratioOf(subjects[0]!.name);
  const floor = ratioOf(minimal.name);
  table.row({
    figure,
    values: Object.fromEntries(values),
    ratio: ratio && `${ratio} × ${against}`,
    floor: floor && `${floor} ×`,
    goal,
  });
}
