/**
 * The thread that fuzzes, so that another one can see when it hangs.
 *
 * @module
 */
import { printExchange } from "./exchange.ts";
import { fuzz, playAlone, type Progress, type Target } from "./fuzzer.ts";
import { parseExchange } from "./exchange.ts";

/** What the thread is to do. */
export type Order =
  | { readonly seed: number; readonly minutes: number; readonly bytes: number }
  | { readonly target: Target; readonly exchange: string };

/** What is being played. */
export interface Playing {
  readonly playing: string;
  readonly target: Target;
}

/** What a run came to. */
export type Outcome =
  | { readonly done: Progress; readonly found?: undefined }
  /** What was found, and the shortest exchange that shows it. */
  | {
    readonly found: { readonly target: Target; readonly text: string; readonly exchange: string };
  };

/** This thread, as it sees itself. */
const thread = globalThis as unknown as {
  postMessage(message: Playing | Outcome): void;
  onmessage?: (event: MessageEvent<Order>) => void;
};

async function follow(order: Order): Promise<Outcome> {
  if ("exchange" in order) {
    const { exchange, target } = order;
    thread.postMessage({ playing: exchange, target });
    const text = await playAlone(target, parseExchange(exchange));
    if (text !== undefined) return { found: { target, text, exchange } };
    return { done: { exchanges: 1, bytes: exchange.length, traces: 0, corpus: 1 } };
  }
  const { minutes, seed } = order;
  const until_ms = performance.now() + minutes * 60_000;
  const result = await fuzz({
    seed,
    isEnough: (bytes) => bytes >= order.bytes || performance.now() >= until_ms,
    onExchange: (target, exchange) =>
      thread.postMessage({ playing: printExchange(exchange), target }),
  });
  if (!("exchange" in result)) return { done: result };
  return { found: { ...result, exchange: printExchange(result.exchange) } };
}

thread.onmessage = async ({ data }) => thread.postMessage(await follow(data));
