/**
 * One of several workers of a server: a server of its own, but for what all of them have in common,
 * which it leaves to the main thread.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { LentConnection, Loan } from "./lent_connection.ts";
import type { Placement, Pool } from "./pool.ts";
import { Server } from "./server.ts";
import type { StoredSession } from "./store_types.ts";
import { type Port, ThreadLink } from "./thread_link.ts";
import { type Connection, type Transport, TransportError } from "./transport.ts";
import { WorkerDelivery } from "./worker_delivery.ts";
import type { FromWorker, ToWorker, WorkerOrder } from "./worker_messages.ts";
import { WorkerSink } from "./worker_sink.ts";

/** The world, as a worker finds it in its thread. */
export interface WorkerWorld {
  /** The network. */
  transport: Transport;
  /** Time. */
  clock: Clock;
  /** Fills bytes with randomness. */
  random: (bytes: Uint8Array) => void;
}

/** A worker: does what the main thread says. */
export class ServerWorker implements Pool {
  /** Where its data messages go, if anywhere. */
  delivery?: WorkerDelivery;
  /** The sessions of an earlier process that it is to take up. */
  sessions: readonly StoredSession[] = [];
  /** Whether all workers together have as many sessions as they may have. */
  isFull = false;
  readonly #world: WorkerWorld;
  readonly #link: ThreadLink<FromWorker, ToWorker, Placement | undefined>;
  /** Connections that others have lent to it, and that it has lent to others. */
  readonly #borrowed = new Map<number, LentConnection>();
  readonly #lent = new Map<number, Loan>();
  #server?: Server;
  #sink?: WorkerSink;

  /** Waits to be told to start. */
  constructor(port: Port, world: WorkerWorld) {
    this.#world = world;
    this.#link = new ThreadLink(port, (message) => this.#hear(message));
    this.#link.say({ kind: "loaded" });
  }

  async place(session: string | undefined): Promise<Placement> {
    const placement = await this.#link.ask((call) => ({ kind: "place", call, session }));
    return placement!;
  }

  async lend(loan: number, connection: Connection, connected_ms: number): Promise<void> {
    const lent = new Loan(connection, (what) => this.#link.say({ kind: "used", loan, what }));
    this.#lent.set(loan, lent);
    const age_ms = this.#world.clock.now() - connected_ms;
    this.#link.say({ kind: "lend", loan, peer: connection.peer, age_ms });
    await lent.over;
    this.#lent.delete(loan);
  }

  settled(session: string, isKept: boolean): void {
    this.#link.say({ kind: "settled", session, isKept });
  }

  begun(session: string): void {
    this.#link.say({ kind: "begun", session });
  }

  ended(session: string): void {
    this.#link.say({ kind: "ended", session });
  }

  #hear(message: ToWorker): void {
    switch (message.kind) {
      case "start":
        return this.#start(message.order);
      case "told":
        return this.#sink!.told(message.count);
      case "serve":
        return this.#serve(this.#server!);
      case "placed":
        return this.#link.answered(message.call, message.placement);
      case "done":
        if (message.hasFailed) this.delivery!.fail();
        return this.#link.answered(message.call, undefined);
      case "take":
        return this.#take(message);
      case "use":
        return this.#lent.get(message.loan)?.hear(message.what);
      case "used":
        return this.#borrowed.get(message.loan)?.hear(message.what);
      case "delivered":
        return this.delivery!.delivered(message.recipient, message.seq, message.bytes);
      case "full":
        this.isFull = message.sessions;
        if (this.delivery) this.delivery.isFull = message.delivery;
        return;
      case "longest_away": {
        const { call } = message;
        return this.#link.say({ kind: "away", call, away_ms: this.#server!.kept.longestAway_ms });
      }
      case "make_room": {
        const { call } = message;
        return this.#link.say({ kind: "made_room", call, isMade: this.#server!.kept.makeRoom() });
      }
      case "undeliverable":
        this.delivery!.fail();
        return this.#server!.undeliverable(message.text);
      case "stop":
        return this.#server!.stop(message.reason, message.text);
    }
  }

  #start({ delivery, sessions, wantsMessages, ...options }: WorkerOrder): void {
    const say = (message: FromWorker) => this.#link.say(message);
    this.sessions = sessions;
    if (delivery) {
      const ask = async (question: (call: number) => FromWorker) => {
        await this.#link.ask(question);
      };
      this.delivery = new WorkerDelivery({ ...delivery, say, ask });
    }
    const sink = this.#sink = new WorkerSink(wantsMessages, say);
    let server: Server;
    try {
      server = Server.listen({ ...options, ...this.#world, once: false, pool: this, sink });
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      return say({ kind: "failed", error: error.kind, text: error.message });
    }
    this.#server = server;
    say({ kind: "listening" });
  }

  #serve(server: Server): void {
    server.run().then(() => this.#link.say({ kind: "over", ...server.counts }));
  }

  #take({ age_ms, loan, peer, session }: ToWorker & { kind: "take" }): void {
    const lent = new LentConnection(peer, (what) => {
      if (what.use === "close") this.#borrowed.delete(loan);
      this.#link.say({ kind: "use", loan, what });
    });
    this.#borrowed.set(loan, lent);
    this.#server!.take(lent, this.#world.clock.now() - age_ms, session);
  }
}
