/**
 * A relay whose connections fail at random, as a seed determines: they are cut, frozen, reset, slowed
 * down, delayed, and truncated in the middle of a frame.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { Random } from "./random.ts";
import { type Line, Relay, type Way, WAYS } from "./relay.ts";

/** What a connection outlives, and what ends it. */
const FAULTS = ["freeze", "slow", "delay", "fragment", "cut", "reset", "truncate"] as const;

/** A way to fail. */
export type Fault = typeof FAULTS[number];

/** How long a connection is left alone, in milliseconds, before the next fault. */
const QUIET_MS = [50, 1_200] as const;

/** How long, in milliseconds, a fault lasts that a connection may outlive. */
const LASTING_MS = [100, 2_500] as const;

/** Forwards connections, and lets them fail, one fault after the other, from `startFaults` to `stopFaults`. */
export class FaultRelay implements AsyncDisposable {
  /** How often each fault has been injected. */
  readonly injected: Record<Fault, number>;
  readonly #relay: Relay;
  readonly #random: Random;
  readonly #stopped = new AbortController();
  readonly #injections: Promise<void>[] = [];
  #left: Fault[] = [];

  private constructor(relay: Relay, seed: number) {
    this.#relay = relay;
    this.#random = new Random(seed);
    this.injected = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<
      Fault,
      number
    >;
  }

  /** Opens a relay to a port. */
  static async open(target: number, seed: number): Promise<FaultRelay> {
    return new FaultRelay(await Relay.open(target), seed);
  }

  /** The port to connect to. */
  get port(): number {
    return this.#relay.port;
  }

  /** How many connections there have been. */
  get connections(): number {
    return this.#relay.lines.length;
  }

  /** Injects faults into all connections from now on. */
  startFaults(): void {
    this.#relay.onLine = (line) => this.#injections.push(this.#injectFaults(line));
    this.#relay.lines.forEach(this.#relay.onLine);
  }

  /** Injects no more faults, and forwards everything from now on. */
  stopFaults(): void {
    this.#stopped.abort();
    this.#relay.heal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopFaults();
    await this.#relay[Symbol.asyncDispose]();
    await Promise.all(this.#injections);
  }

  async #injectFaults(line: Line): Promise<void> {
    while (line.isOpen && !this.#stopped.signal.aborted) {
      await this.#pass(QUIET_MS);
      if (!line.isOpen || this.#stopped.signal.aborted) return;
      await this.#inject(line);
    }
  }

  async #inject(line: Line): Promise<void> {
    const random = this.#random;
    const fault = this.#draw();
    const ways = random.pick<readonly Way[]>([WAYS, ["toServer"], ["toClient"]]);
    this.injected[fault]++;
    switch (fault) {
      case "cut":
        return line.cut();
      case "reset":
        return line.reset(...random.pick([["client"], ["server"], ["client", "server"]] as const));
      case "truncate":
        return await line.truncate(random.pick(WAYS));
      case "freeze":
        line.silence(...ways);
        break;
      case "slow":
        ways.forEach((way) =>
          line.slow(way, { delay_ms: 5, pieceBytes: random.between(64, 4096) })
        );
        break;
      case "delay":
        ways.forEach((way) => line.slow(way, { delay_ms: random.between(5, 150) }));
        break;
      case "fragment":
        ways.forEach((way) => line.slow(way, { delay_ms: 0, pieceBytes: random.between(1, 50) }));
        break;
    }
    await this.#pass(LASTING_MS);
    line.heal();
  }

  /** Each fault comes before any comes again. */
  #draw(): Fault {
    if (this.#left.length === 0) this.#left = [...FAULTS];
    const [fault] = this.#left.splice(this.#random.below(this.#left.length), 1);
    return fault!;
  }

  /** Lets some time pass, or less if the faults are stopped. */
  async #pass([least, greatest]: readonly [number, number]): Promise<void> {
    const { signal } = this.#stopped;
    await pause(this.#random.between(least, greatest), undefined, { signal }).catch(() => {});
  }
}
