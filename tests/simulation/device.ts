/**
 * What the models of a disk and of an output file have in common: each outlives every process, and
 * takes its time.
 *
 * @module
 */
import type { Random } from "../support/random.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import type { Deliveries } from "./deliveries.ts";
import type { SimulatedProcess } from "./process.ts";
import { expect, guard } from "./violation.ts";

/** What a {@linkcode Device} is made of. */
export interface DeviceOptions {
  clock: VirtualClock;
  random: Random;
  deliveries: Deliveries;
  /** How long it takes over one thing. */
  latency_ms: readonly [least: number, greatest: number];
}

/** Does one thing at a time. */
export class Device<Work> {
  /** How long it takes over one thing. */
  latency_ms: readonly [least: number, greatest: number];
  protected readonly random: Random;
  protected readonly deliveries: Deliveries;
  /** What it is doing, unless that has been cut off. */
  protected underWay?: { work: Work };
  readonly #clock: VirtualClock;
  #stalledUntil_ms = -Infinity;

  constructor({ clock, deliveries, latency_ms, random }: DeviceOptions) {
    this.#clock = clock;
    this.random = random;
    this.deliveries = deliveries;
    this.latency_ms = latency_ms;
  }

  /** Finishes nothing that it begins from now on, for so long. */
  stall(ms: number): void {
    this.#stalledUntil_ms = Math.max(this.#stalledUntil_ms, this.#clock.now() + ms);
  }

  /** Begins something for a process; `done` is what happens in time, if nothing has cut it off. */
  protected begin(what: string, process: SimulatedProcess, work: Work, done: () => void): void {
    guard(this.#clock, () => {
      expect(!process.dead && !this.underWay, () => `two ${what} at once`);
    });
    const underWay = this.underWay = { work };
    const latency_ms = this.random.between(...this.latency_ms as [number, number]);
    const done_ms = Math.max(this.#clock.now(), this.#stalledUntil_ms) + latency_ms;
    this.#clock.at(done_ms, () => {
      if (this.underWay !== underWay) return;
      this.underWay = undefined;
      done();
    });
  }
}
