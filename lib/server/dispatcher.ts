/**
 * Detects the protocol of each connection by its first bytes, and picks the worker that serves it.
 *
 * @module
 */
import { sleep } from "../platform/condition.ts";
import type { Connection } from "../platform/net/transport.ts";
import { OPEN_LIMIT_MS } from "../session/timers.ts";
import type { UnopenedConnections } from "./strangers.ts";
import type { Refusal } from "./coordinator.ts";
import {
  identifiesProtocol,
  identifiesSession,
  parseHello,
  PeekedConnection,
} from "./first_bytes.ts";
import type { LegacyProtocol, ServerOptions } from "./options.ts";

/** A connection, and what its first bytes identify. */
export interface IncomingConnection {
  /** The connection, from its first byte on. */
  readonly connection: PeekedConnection;
  /** When it was opened, in monotonic milliseconds. */
  readonly connected_ms: number;
  /** Its first bytes, if they are of the legacy protocol. */
  readonly legacy?: Uint8Array;
  /** The session that the coordinator placed here. */
  readonly session?: string;
  /** Why the coordinator refuses it, if it does. */
  readonly refusal?: Refusal;
}

/** Options for {@linkcode Dispatcher}. */
export interface DispatcherOptions extends Pick<ServerOptions, "clock" | "coordinator" | "legacy"> {
  /** The connections that have opened no session. */
  unopened: UnopenedConnections;
  /** Serves a connection. */
  serve: (incoming: IncomingConnection) => void | Promise<void>;
  /** Called with a connection that ended, or gave way, before anything was received. */
  ended: (connection: Connection) => void;
}

/** Reads ahead on connections until it is clear who serves them. */
export class Dispatcher {
  readonly #options: DispatcherOptions;

  /** Makes a dispatcher. */
  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Dispatches a connection that has just been accepted. */
  async receive(connection: Connection): Promise<void> {
    const { clock, coordinator, ended, serve, unopened } = this.#options;
    const accepted_ms = clock.now();
    if (!await unopened.admit(connection)) return;
    const isEnough = coordinator ? identifiesSession : identifiesProtocol;
    const incoming = await this.#identify(connection, accepted_ms, isEnough);
    const { connected_ms, legacy, session } = incoming;
    if (incoming.connection.hasEnded || !unopened.has(connection)) return ended(connection);
    const isNobody = !legacy && session === undefined || incoming.connection.refusal !== undefined;
    if (!coordinator || isNobody) {
      return serve({ ...incoming, session: undefined });
    }
    const placement = await coordinator.findWorker(session, connection.peer);
    if (placement.at === "elsewhere") {
      // It counts as unopened at the other worker from now on.
      unopened.delete(connection);
      return await coordinator.forward(placement.forwarding, incoming.connection, connected_ms);
    }
    const { refusal } = placement;
    return serve({ ...incoming, refusal, session: refusal === undefined ? session : undefined });
  }

  /** Serves a connection that another worker has forwarded, perhaps of a session. */
  async serveForwarded(
    connection: Connection,
    connected_ms: number,
    session?: string,
    refusal?: Refusal,
  ): Promise<void> {
    this.#options.unopened.add(connection);
    const incoming = await this.#identify(connection, connected_ms, identifiesProtocol);
    return this.#options.serve({ ...incoming, session, refusal });
  }

  async #identify(
    connection: Connection,
    connected_ms: number,
    isEnough: (first: Uint8Array, legacy?: LegacyProtocol) => boolean,
  ): Promise<IncomingConnection> {
    const { coordinator, legacy, unopened } = this.#options;
    const peeked = new PeekedConnection(connection, (first) => isEnough(first, legacy));
    using limit = unopened.limit();
    limit.moveTo(connected_ms + OPEN_LIMIT_MS, { again_ms: OPEN_LIMIT_MS });
    const nothing = () => new Uint8Array(0);
    const first = await Promise.race([peeked.peek(), sleep(limit).then(nothing, nothing)]);
    if (legacy?.matches(first)) {
      return { connection: peeked, connected_ms, legacy: first, session: undefined };
    }
    const session = coordinator && parseHello(first)?.id;
    return { connection: peeked, connected_ms, legacy: undefined, session };
  }
}
