/**
 * The live view: on a terminal, a block below the lines of the log that shows what is so at this moment.
 *
 * The room: `readings` (what is drawn, and how), `drawing` with `one_session`, `many_sessions` and `sparkline` (as
 * lines: pure functions), `spans` and `words` (texts that fit), `block` (lines to what a terminal is sent). This
 * file reads the monitor, at most four times a second, and has the keys. `cli/command.ts` starts it and ends it.
 * Nothing here waits for the terminal, and no session knows of it.
 *
 * @module
 */
import type { Monitor } from "../../monitor/monitor.ts";
import type { SessionStateName } from "../../monitor/reading.ts";
import type { Clock, Timer } from "../../platform/clock.ts";
import type { Keys, OwnTerminal } from "../../platform/terminal/terminal.ts";
import type { LineOutput } from "../line_output.ts";
import { Block } from "./block.ts";
import { draw } from "./drawing.ts";
import { type Order, ORDERS, type Presentation, type Readings, ROWS } from "./readings.ts";

/** The least time between two readings, in milliseconds. */
const READ_MS = 250;

/** How many times as long as a reading took passes until the next: it takes half a percent of a core. */
const TIMES_READING = 200;

/** The most time between two readings, in milliseconds. */
const SLOWEST_MS = 2_000;

/** How often, in milliseconds, a process in the background looks whether it still is. */
const LOOK_MS = 2_000;

/** How long, in milliseconds, the terminal may take to erase the block before the process stops all the same. */
const SUSPEND_MS = 200;

/** Options for {@linkcode LiveView}. */
export interface LiveViewOptions {
  /** What is shown. */
  readonly monitor: Monitor;
  /** Where it is shown, below the lines. */
  readonly output: LineOutput;
  /** The terminal behind the output. */
  readonly terminal: OwnTerminal;
  /** Whether styles are used. */
  readonly hasColours: boolean;
  /** The clock. */
  readonly clock: Clock;
  /** Ends the process in order. */
  readonly stop: () => void;
}

/** The live view, from its start until it is disposed of. */
export class LiveView implements Disposable {
  readonly #options: LiveViewOptions;
  readonly #block = new Block();
  readonly #timer: Timer;
  #order: Order = "worst";
  #explainsKeys = false;
  #isPaused = false;
  /** Whether this process may use the terminal. */
  #isInFront = false;
  /** Whether the shell waits for this process before it uses the terminal. */
  #isLeader = false;
  /** How often that was asked: an answer to an earlier question does not count. */
  #questions = 0;
  #isReading = false;
  #readAt_ms = -Infinity;
  #keys?: Keys;
  #readings?: Readings;

  /** Starts the view; it shows itself as soon as it may. */
  constructor(options: LiveViewOptions) {
    this.#options = options;
    options.output.footer = this.#block;
    this.#timer = options.clock.timer(() => this.#onTimer());
    this.#enter();
  }

  /** The terminal has another size. */
  onResize(): void {
    this.#draw();
  }

  /** The process has gone on after it was stopped: somewhere else on the screen, or in the background. */
  onContinue(): void {
    this.#block.leave();
    this.#isInFront = false;
    this.#timer.clear();
    this.#enter();
  }

  /**
   * Gives the terminal back before the process is stopped, and resolves when it has been written, but soon also if
   * it cannot be, with whether the shell waits for this process itself. One that waits for another process has the
   * terminal already: then nothing is changed there.
   */
  async suspend(): Promise<boolean> {
    const { clock, output } = this.#options;
    if (!this.#isLeader) {
      this.#isInFront = false;
      this.#block.leave();
    }
    this.giveBack();
    if (!this.#isLeader) return false;
    output.refresh();
    const { promise, resolve } = Promise.withResolvers<void>();
    const limit = clock.timer(resolve);
    limit.set(clock.now() + SUSPEND_MS);
    await Promise.race([output.flush(), promise]);
    limit.clear();
    return true;
  }

  /** Reads no more keys; the view stays. */
  closeKeys(): void {
    if (this.#isInFront) this.#keys?.close();
    else this.#keys?.abandon();
    this.#keys = undefined;
  }

  /** Gives the terminal back at once; the block is erased by the next write, in which a line can be. */
  giveBack(): void {
    this.#questions++;
    this.#timer.clear();
    this.#block.show([]);
    this.closeKeys();
    this.#isInFront = false;
  }

  /** Erases the view and gives the terminal back. */
  [Symbol.dispose](): void {
    this.giveBack();
    this.#options.output.refresh();
  }

  /** Takes the terminal, if this process is in the foreground. */
  async #enter(): Promise<void> {
    const { clock, terminal } = this.#options;
    const question = ++this.#questions;
    // Ctrl-Z may stop the child that answers.
    this.#timer.set(clock.now() + LOOK_MS);
    const { isInForeground: isInFront, isLeader } = await terminal.jobPlace();
    if (question !== this.#questions) return;
    this.#isLeader = isLeader;
    this.#isInFront = isInFront;
    // Whoever had the terminal meanwhile may have given it another mode.
    this.closeKeys();
    if (!isInFront) return;
    this.#keys = terminal.readKeys?.((key) => this.#onKey(key));
    await this.#read();
  }

  #onTimer(): void {
    if (this.#isInFront) this.#read();
    else this.#enter();
  }

  #onKey(key: string): void {
    if (!this.#isInFront) return;
    if (key === "q") return this.#options.stop();
    if (key === "?") this.#explainsKeys = !this.#explainsKeys;
    if (key === "p") this.#isPaused = !this.#isPaused;
    if (key === "s") this.#order = nextOrder(this.#order);
    this.#draw();
    // A key that is held down reads no more often than the timer.
    if (key === "s" || key === "p") this.#timer.set(this.#readAt_ms + READ_MS);
  }

  /** Reads and draws, and does so again later, unless it is paused. */
  async #read(): Promise<void> {
    if (this.#isReading) return;
    if (this.#isPaused && this.#readings) return this.#draw();
    const { clock } = this.#options;
    const order = this.#order;
    this.#readAt_ms = clock.now();
    this.#isReading = true;
    this.#readings = await this.#readAll();
    this.#isReading = false;
    if (!this.#isInFront) return;
    this.#draw();
    const took_ms = clock.now() - this.#readAt_ms;
    const wait_ms = order === this.#order ? took_ms * TIMES_READING : 0;
    this.#timer.set(this.#readAt_ms + Math.min(SLOWEST_MS, Math.max(READ_MS, wait_ms)));
  }

  async #readAll(): Promise<Readings> {
    const { clock, monitor } = this.#options;
    const descending = DESCENDING.has(this.#order);
    const [totals, { matched, rows }] = await Promise.all([
      monitor.totals(),
      monitor.list({ order: this.#order, descending, count: ROWS, states: SHOWN }),
    ]);
    const only = matched === 1 && rows[0]?.state !== "lost" ? rows[0] : undefined;
    return {
      now_ms: clock.wallTime(),
      started_ms: monitor.started_ms,
      totals,
      matched,
      rows,
      history: only && await monitor.history(only.session),
      lastOutage: only ? undefined : monitor.outages({ count: 1 })[0],
    };
  }

  #draw(): void {
    if (!this.#isInFront || !this.#readings) return;
    const { hasColours, monitor, output, terminal } = this.#options;
    const size = terminal.size();
    const how: Presentation = {
      role: monitor.role,
      size,
      hasColours,
      hasKeys: this.#keys !== undefined,
      explainsKeys: this.#explainsKeys,
      isPaused: this.#isPaused,
      order: this.#order,
    };
    this.#block.resize(size.columns);
    this.#block.show(draw(this.#readings, how));
    output.refresh();
  }
}

/** Which sessions are shown: what has ended as asked needs nobody's attention. */
const SHOWN: readonly SessionStateName[] = [
  "silent",
  "away",
  "connecting",
  "lost",
  "held",
  "ok",
  "idle",
];

/** Orders in which the most comes first. */
const DESCENDING: ReadonlySet<Order> = new Set(["round_trip", "age", "in_doubt"]);

function nextOrder(order: Order): Order {
  const orders = Object.keys(ORDERS) as Order[];
  return orders[(orders.indexOf(order) + 1) % orders.length]!;
}
