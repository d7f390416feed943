/**
 * What writes lines to a client's standard input: in bursts, with pauses between them.
 *
 * @module
 */
import type { QueueSource } from "../../lib/client/source.ts";
import type { Random } from "../support/random.ts";
import type { LinesPlan } from "./plan.ts";
import type { SimulatedProcess } from "./process.ts";

const encoder = new TextEncoder();

/** Makes the lines of one client. */
export class Producer {
  /** How many lines it has made. */
  made = 0;
  readonly #process: SimulatedProcess;
  readonly #random: Random;
  readonly #plan: LinesPlan;
  readonly #payload: (seq: number) => string;
  readonly #queue: QueueSource;
  #closeReason = false;

  constructor(
    options: {
      process: SimulatedProcess;
      random: Random;
      plan: LinesPlan;
      payload: (seq: number) => string;
      queue: QueueSource;
    },
  ) {
    this.#process = options.process;
    this.#random = options.random;
    this.#plan = options.plan;
    this.#payload = options.payload;
    this.#queue = options.queue;
  }

  /** Makes lines until it has made all, or is told to end. */
  async start(): Promise<void> {
    const { burst, pause_ms, total = Infinity } = this.#plan;
    while (!this.#closeReason && this.made < total) {
      let burstLeft = this.#random.between(...burst as [number, number]);
      while (burstLeft-- > 0 && !this.#closeReason && this.made < total) {
        const line = encoder.encode(this.#payload(++this.made));
        await this.#queue.put(line);
      }
      await this.#pause(this.#random.between(...pause_ms as [number, number]));
    }
    this.#queue.end();
  }

  /** Makes no more lines: the input ends. */
  end(): void {
    this.#closeReason = true;
    this.#wake?.();
  }

  #wake?: () => void;

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#process.timer(resolve);
      timer.set(this.#process.now() + ms);
      this.#wake = () => {
        timer.clear();
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
