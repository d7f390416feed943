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

/** What a {@linkcode Producer} is made of. */
export interface ProducerOptions {
  process: SimulatedProcess;
  random: Random;
  plan: LinesPlan;
  /** What the line of a sequence number says. */
  payload: (seq: number) => string;
  queue: QueueSource;
}

/** Makes the lines of one client. */
export class Producer {
  /** How many lines it has made. */
  made = 0;
  readonly #options: ProducerOptions;
  #isEnded = false;
  #wake?: () => void;

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  /** Makes lines until it has made all, or is told to end. */
  async start(): Promise<void> {
    const { payload, plan, queue, random } = this.#options;
    const { burst, pause_ms, total = Infinity } = plan;
    while (!this.#isEnded && this.made < total) {
      let burstLeft = random.between(...burst as [number, number]);
      while (burstLeft-- > 0 && !this.#isEnded && this.made < total) {
        await queue.put(encoder.encode(payload(++this.made)));
      }
      await this.#pause(random.between(...pause_ms as [number, number]));
    }
    queue.end();
  }

  /** Makes no more lines: the input ends. */
  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async #pause(ms: number): Promise<void> {
    const { process } = this.#options;
    await new Promise<void>((resolve) => {
      const timer = process.timer(resolve);
      timer.set(process.now() + ms);
      this.#wake = () => {
        timer.clear();
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
