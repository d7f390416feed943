/**
 * What a store and the files of an output have in common in the simulation: they outlive every process,
 * and take their time.
 *
 * @module
 */
import type { Random } from "../support/random.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import type { Deliveries } from "./deliveries.ts";
import type { OutputsPlan } from "./output_faults.ts";

/** What a {@linkcode Device} is made of. */
export interface DeviceOptions {
  clock: VirtualClock;
  random: Random;
  deliveries: Deliveries;
  /** How long it takes over a commit, or an append. */
  latency_ms: readonly [least: number, greatest: number];
  /** What becomes of the outputs; without it all but commits and appends takes no time. */
  outputs?: OutputsPlan;
  /** Where everything that depends on `outputs` is drawn from. */
  outputRandom: Random;
}

/** How long, in milliseconds, a disk takes over one thing if nothing is wrong with it. */
const SLOW_MS = 2_000;

/** Something that does one thing at a time. */
export abstract class Device<Work> {
  /** How long it takes over a commit, or an append. */
  latency_ms: readonly [least: number, greatest: number];
  protected readonly clock: VirtualClock;
  protected readonly random: Random;
  protected readonly outputRandom: Random;
  protected readonly deliveries: Deliveries;
  /** What it is doing, unless that has been cut off. */
  protected underWay?: { readonly work: Work };
  readonly #outputs?: OutputsPlan;
  #stalledUntil_ms = -Infinity;
  /** The longest, in milliseconds, that anything has taken since its process began, once it was done. */
  #slowest_ms = 0;
  /** When each thing began that is not done, in virtual milliseconds. */
  readonly #begun = new Set<{ readonly at_ms: number }>();

  constructor(options: DeviceOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.outputRandom = options.outputRandom;
    this.deliveries = options.deliveries;
    this.latency_ms = options.latency_ms;
    this.#outputs = options.outputs;
  }

  /** Whether things become of the outputs. */
  protected get hasOutputFaults(): boolean {
    return this.#outputs !== undefined;
  }

  /** The longest, in milliseconds, that anything has taken since its process began, or takes by now. */
  get slowest_ms(): number {
    const now_ms = this.clock.now();
    return Math.max(this.#slowest_ms, ...[...this.#begun].map(({ at_ms }) => now_ms - at_ms));
  }

  /** Another process uses it: what takes time is of that one. */
  protected usedAnew(): void {
    this.#slowest_ms = 0;
    this.#begun.clear();
  }

  /** Finishes nothing that it begins from now on, for so long. */
  stall(ms: number): void {
    this.#stalledUntil_ms = Math.max(this.#stalledUntil_ms, this.clock.now() + ms);
  }

  /** Takes no longer over anything than a slow disk does. */
  recover(): void {
    if (this.latency_ms[1] > SLOW_MS) this.latency_ms = [1, SLOW_MS];
  }

  /** How long a commit or an append is to take. */
  protected drawLatency(): number {
    return this.random.between(...this.latency_ms as [number, number]);
  }

  /** How long anything else is to take. */
  protected drawOtherLatency(): number {
    return this.#outputs
      ? this.outputRandom.between(...this.#outputs.other_ms as [number, number])
      : 0;
  }

  /** Has something happen once it has taken its time; at once if that is none. */
  protected after(latency_ms: number, done: () => void): void {
    if (latency_ms === 0) return done();
    const begun = { at_ms: this.clock.now() };
    this.#begun.add(begun);
    this.clock.at(Math.max(begun.at_ms, this.#stalledUntil_ms) + latency_ms, () => {
      const took_ms = this.clock.now() - begun.at_ms;
      if (this.#begun.delete(begun)) this.#slowest_ms = Math.max(this.#slowest_ms, took_ms);
      done();
    });
  }

  /** Begins something; `done` is what happens in time, if nothing has cut it off. */
  protected begin(work: Work, latency_ms: number, done: () => void): void {
    const underWay = this.underWay = { work };
    this.after(latency_ms, () => {
      if (this.underWay !== underWay) return;
      this.underWay = undefined;
      done();
    });
  }

  /** What was under way, which is cut off. */
  protected cutOff(): Work | undefined {
    const { work } = this.underWay ?? {};
    this.underWay = undefined;
    return work;
  }
}
