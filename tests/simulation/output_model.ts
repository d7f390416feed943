/**
 * An output file as the server sees one: it takes what it is given when it has the time.
 *
 * @module
 */
import type { MessageOutput } from "../../lib/store_types.ts";
import type { Random } from "../support/random.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import type { Deliveries } from "./deliveries.ts";
import type { SimulatedProcess } from "./process.ts";
import { expect, guard } from "./violation.ts";

/** A file that outlives every process. */
export class OutputFile {
  /** How long an append takes. */
  latency_ms: readonly [least: number, greatest: number];
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #deliveries: Deliveries;
  #underWay?: { payloads: readonly Uint8Array[] };

  constructor(
    options: {
      clock: VirtualClock;
      random: Random;
      deliveries: Deliveries;
      latency_ms: readonly [number, number];
    },
  ) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#deliveries = options.deliveries;
    this.latency_ms = options.latency_ms;
  }

  /** Opens the file, as a process does at its start. */
  open(process: SimulatedProcess): MessageOutput {
    const append = async (payloads: readonly Uint8Array[]) => {
      guard(this.#clock, () => {
        expect(!process.dead && !this.#underWay, () => "two appends at once");
      });
      const underWay = this.#underWay = { payloads };
      await new Promise<void>((resolve) => {
        this.#clock.after(this.#random.between(...this.latency_ms as [number, number]), () => {
          if (this.#underWay !== underWay) return;
          this.#underWay = undefined;
          for (const payload of payloads) this.#deliveries.written(payload);
          process.whenRunning(resolve);
        });
      });
    };
    return { append, close: () => Promise.resolve() };
  }

  /** The process is no more: some of what was under way is there. */
  crash(): void {
    const { payloads = [] } = this.#underWay ?? {};
    const kept = this.#random.below(payloads.length + 1);
    for (const payload of payloads.slice(0, kept)) this.#deliveries.written(payload);
    this.#underWay = undefined;
  }
}
