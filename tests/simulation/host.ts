/**
 * A host of the simulation: it runs one process at a time, and holds its ends of connections, as a
 * kernel does.
 *
 * @module
 */
import type { End } from "../support/memory_connection.ts";
import { MemoryListener } from "../support/memory_network.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import { SimulatedProcess } from "./process.ts";

/** A machine. */
export class Host {
  /** What to call it. */
  readonly name: string;
  /** What runs on it, if it still does. */
  process?: SimulatedProcess;
  /** The port that its process has open, once or more often: those that call come to each in turn. */
  #listeners: MemoryListener[] = [];
  readonly #clock: VirtualClock;
  #ends: End[] = [];
  #started = 0;
  #isUp = true;

  constructor(name: string, clock: VirtualClock) {
    this.name = name;
    this.#clock = clock;
  }

  /** Whether it has power. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Starts its next process; what is left of the one before is no concern of it. */
  start(): SimulatedProcess {
    return this.process = new SimulatedProcess(`${this.name}#${++this.#started}`, this.#clock);
  }

  /** Opens its port, for the process that runs on it. */
  listen(): MemoryListener {
    const listener = new MemoryListener(this.name, 4000, this.process);
    this.#listeners = [...this.#listeners.filter((each) => !each.closed), listener];
    return listener;
  }

  /** Where the next one that calls comes to, if its port is open. */
  nextListener(): MemoryListener | undefined {
    const open = this.#listeners.filter((each) => !each.closed);
    const [next, ...others] = open;
    if (next) this.#listeners = [...others, next];
    return next;
  }

  /** Holds an end of a connection for its process. */
  hold(end: End): void {
    this.#ends = this.#ends.filter((each) => !each.closed);
    this.#ends.push(end);
  }

  /** Kills its process; the kernel closes what that had open. */
  kill(): void {
    this.process?.kill();
    this.process = undefined;
    for (const each of this.#listeners) each.close();
    for (const end of this.#ends) end.close();
    this.#ends = [];
  }

  /** Has no power from now on: nobody is told. */
  powerOff(): void {
    this.#isUp = false;
    this.process?.kill();
    this.process = undefined;
    for (const each of this.#listeners) each.close();
    for (const end of this.#ends) end.vanish();
  }

  /** Is there again, and knows of no connection. */
  powerOn(): void {
    this.#isUp = true;
    for (const end of this.#ends) end.forget();
    this.#ends = [];
  }

  /** Whether nothing is left of its processes. */
  get isIdle(): boolean {
    return this.#ends.every((end) => end.closed) && this.#listeners.every((each) => each.closed);
  }
}
