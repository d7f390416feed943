/**
 * Sessions of others, beside those that are fuzzed: nothing may happen to them.
 *
 * @module
 */
import { Client } from "../../lib/client/client.ts";
import { clientOptions } from "../support/client_options.ts";
import type { Key } from "../../lib/wire/proof.ts";
import type { MemoryNetwork } from "../support/memory_network.ts";
import { Random } from "../support/random.ts";
import { Recorder } from "../support/stage.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import { expect } from "./finding.ts";
import { clientSettings, randomOf, TIMERS } from "./settings.ts";

/** Two clients of a server: one that reconnects, and one that does not. */
export class Honest {
  /** The ids of their sessions. */
  readonly sessions: string[] = [];
  readonly #clock: VirtualClock;
  readonly #recorder: Recorder;
  readonly #clients: readonly Client[];
  readonly #statuses: number[] = [];
  #checked_ms = 0;

  private constructor(clock: VirtualClock, network: MemoryNetwork, key?: Key) {
    this.#clock = clock;
    this.#recorder = new Recorder(clock);
    const random = randomOf(new Random(1));
    const options = { clock, sink: this.#recorder, transport: network, random };
    this.#clients = [{ limit: 0 }, undefined].map((reconnect) =>
      new Client(
        clientOptions({ ...clientSettings(), ...options, reconnect, key: key && (() => key) }),
      )
    );
    for (const client of this.#clients) client.run().then((status) => this.#statuses.push(status));
  }

  /** Opens their sessions, with a key if the server has it, and lets half a second pass. */
  static async start(clock: VirtualClock, network: MemoryNetwork, key?: Key): Promise<Honest> {
    const honest = new Honest(clock, network, key);
    await clock.advance(TIMERS.data_interval_ms / 2);
    const connected = honest.#recorder.all("connected");
    expect(connected.length === honest.#clients.length, () => "an honest client is not let in");
    honest.sessions.push(...connected.map(({ session }) => session!));
    honest.#forget();
    return honest;
  }

  /** Fails if anything has happened to them since the last call but data and confirmations, each in time. */
  check(): void {
    const due = Math.floor((this.#clock.now() - this.#checked_ms) / TIMERS.data_interval_ms);
    const { events } = this.#recorder;
    const other = events.find(({ event }) => event !== "data_sent" && event !== "data_confirmed");
    expect(!other, () => `an honest session is disturbed: ${JSON.stringify(other)}`);
    for (const session of this.sessions) {
      const confirmed = events.filter((each) =>
        each.event === "data_confirmed" && each.session === session
      );
      expect(
        confirmed.length === due,
        () => `of honest session ${session} ${confirmed.length} messages were confirmed of ${due}`,
      );
    }
    this.#forget();
  }

  /** Ends their sessions in order. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.stop("done");
    await this.#clock.advance(TIMERS.data_interval_ms);
    const isInDoubt = this.#recorder.all("summary").some(({ in_doubt }) => in_doubt.length > 0);
    expect(!isInDoubt, () => "a message of an honest session is in doubt");
    const isAsked = this.#statuses.length === this.#clients.length &&
      this.#statuses.every((status) => status === 0);
    expect(isAsked, () => `honest clients ended with ${this.#statuses}`);
  }

  #forget(): void {
    this.#recorder.events.length = 0;
    this.#checked_ms = this.#clock.now();
  }
}
