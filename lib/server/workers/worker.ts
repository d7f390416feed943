/**
 * One of several workers of a server: a server of its own, but for what all of them have in common,
 * which it leaves to the main thread.
 *
 * @module
 */
import type { Random } from "../../platform/random.ts";
import type { Clock } from "../../platform/clock.ts";
import { type Connection, type Transport, TransportError } from "../../platform/net/transport.ts";
import { type Port, ThreadLink } from "../../platform/thread_link.ts";
import type { StoredSession } from "../../store/store.ts";
import type { Coordinator, Placement } from "../coordinator.ts";
import type { LegacyProtocol } from "../legacy_protocol.ts";
import { Server } from "../server.ts";
import { ForwardedConnection, ForwardingEnd } from "./forwarded_connection.ts";
import type { FromWorker, ToWorker, WorkerConfig } from "./messages.ts";
import { RemoteDelivery, RemoteSink } from "./remote.ts";

/** The world, as a worker finds it in its thread. */
export interface WorkerPlatform {
  /** The network. */
  transport: Transport;
  /** Time. */
  clock: Clock;
  /** Fills bytes with randomness. */
  random: Random;
  /** How to detect and serve legacy clients, if they are served. */
  legacy?: LegacyProtocol;
}

/** A worker: does what the main thread says. */
export class ServerWorker implements Coordinator {
  /** Where its data messages go, if anywhere. */
  delivery?: RemoteDelivery;
  /** The sessions of an earlier process that it is to take up. */
  sessions: readonly StoredSession[] = [];
  /** Whether all workers together have as many sessions as they may have. */
  isFull = false;
  readonly #world: WorkerPlatform;
  readonly #link: ThreadLink<FromWorker, ToWorker, Placement | undefined>;
  /** Connections that others have lent to it, and that it has lent to others. */
  readonly #borrowed = new Map<number, ForwardedConnection>();
  readonly #lent = new Map<number, ForwardingEnd>();
  #server?: Server;
  #sink?: RemoteSink;

  /** Waits to be told to start. */
  constructor(port: Port, world: WorkerPlatform) {
    this.#world = world;
    this.#link = new ThreadLink(port, (message) => this.#hear(message));
    this.#link.say({ kind: "loaded" });
  }

  async findWorker(session: string | undefined): Promise<Placement> {
    const placement = await this.#link.ask((call) => ({ kind: "place", call, session }));
    return placement!;
  }

  async forward(forwarding: number, connection: Connection, connected_ms: number): Promise<void> {
    const lent = new ForwardingEnd(
      connection,
      (what) => this.#link.say({ kind: "used", forwarding, what }),
    );
    this.#lent.set(forwarding, lent);
    const age_ms = this.#world.clock.now() - connected_ms;
    this.#link.say({ kind: "forward", forwarding, peer: connection.peer, age_ms });
    await lent.over;
    this.#lent.delete(forwarding);
  }

  sessionPlaced(session: string, isKept: boolean): void {
    this.#link.say({ kind: "settled", session, isKept });
  }

  sessionStarted(session: string): void {
    this.#link.say({ kind: "begun", session });
  }

  sessionEnded(session: string): void {
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
        return this.#lent.get(message.forwarding)?.hear(message.what);
      case "used":
        return this.#borrowed.get(message.forwarding)?.hear(message.what);
      case "delivered":
        return this.delivery!.delivered(message.recipient, message.seq, message.bytes);
      case "full":
        this.isFull = message.sessions;
        if (this.delivery) this.delivery.isFull = message.delivery;
        return;
      case "longest_away": {
        const { call } = message;
        return this.#link.say({
          kind: "away",
          call,
          away_ms: this.#server!.registry.longestAway_ms,
        });
      }
      case "make_room": {
        const { call } = message;
        return this.#link.say({
          kind: "made_room",
          call,
          isMade: this.#server!.registry.makeRoom(),
        });
      }
      case "undeliverable":
        this.delivery!.fail();
        return this.#server!.onDeliveryFailed(message.text);
      case "stop":
        return this.#server!.stop(message.reason, message.text);
    }
  }

  #start({ delivery, sessions, wantsMessages, ...options }: WorkerConfig): void {
    const say = (message: FromWorker) => this.#link.say(message);
    this.sessions = sessions;
    if (delivery) {
      const ask = async (question: (call: number) => FromWorker) => {
        await this.#link.ask(question);
      };
      this.delivery = new RemoteDelivery({ ...delivery, say, ask });
    }
    const sink = this.#sink = new RemoteSink(wantsMessages, say);
    let server: Server;
    try {
      server = Server.listen({ ...options, ...this.#world, once: false, coordinator: this, sink });
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

  #take({ age_ms, forwarding, peer, session }: ToWorker & { kind: "take" }): void {
    const lent = new ForwardedConnection(peer, (what) => {
      if (what.use === "close") this.#borrowed.delete(forwarding);
      this.#link.say({ kind: "use", forwarding, what });
    });
    this.#borrowed.set(forwarding, lent);
    this.#server!.serveForwarded(lent, this.#world.clock.now() - age_ms, session);
  }
}
