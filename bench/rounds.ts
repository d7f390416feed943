/**
 * Compares peers: measures them in turn, round after round, and divides the figures of each round.
 *
 * @module
 */
import { type Kind, type Peer, startPeer } from "./peers.ts";
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

/** The figures of each peer by its name, one a round. */
export type Rounds = ReadonlyMap<string, readonly number[]>;

/** Starts peers all at once; disposing of the result ends them all. */
export async function startAll(
  kinds: readonly Kind[],
  options: readonly string[] = [],
): Promise<AsyncDisposable & { readonly peers: readonly Peer[] }> {
  await using stack = new AsyncDisposableStack();
  const peers = [];
  for (const kind of kinds) {
    peers.push(stack.use(await startPeer(kind, ...(kind.protocol === "pulsewire" ? options : []))));
  }
  const started = stack.move();
  return { peers, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

/** Measures peers one after the other, round after round: A B A B. */
export async function interleave<Figure>(
  peers: readonly Peer[],
  rounds: number,
  measure: (peer: Peer) => Promise<Figure>,
): Promise<Map<string, Figure[]>> {
  const figures = new Map<string, Figure[]>(peers.map(({ kind }) => [kind.name, []]));
  for (let round = 0; round < rounds; round++) {
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

/** The row of a figure: the median of each peer, and the median of the rounds' ratios. */
export function printRow(
  { table, subjects }: Bench,
  figure: string,
  rounds: Rounds,
  options: { unit?: string; against?: string; goal?: string },
): void {
  const { unit = "", against, goal } = options;
  const values = [...rounds].map(([name, each]) => [name, digits(median(each)) + unit]);
  const base = rounds.get(against ?? "");
  const ratios = rounds.get(subjects[0]!.name)!.map((each, round) => each / (base?.[round] ?? NaN));
  const ratio = base ? `${digits(median(ratios))} × ${against}` : undefined;
  table.row({ figure, values: Object.fromEntries(values), ratio, goal });
}
