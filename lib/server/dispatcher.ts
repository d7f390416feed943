/**
 * Where every connection of a server comes first: its first bytes tell what it speaks, and who is to
 * serve it.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { sleep } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import type { Connection } from "../platform/net/transport.ts";
import { OPEN_LIMIT_MS } from "../session/timers.ts";
import type { OriginalPurpose } from "../wire/original.ts";
import type { Coordinator } from "./coordinator.ts";
import {
  identifiesProtocol,
  identifiesSession,
  parseHello,
  PeekedConnection,
  purposeOf,
} from "./first_bytes.ts";

/** A connection, and what its first bytes tell. */
export interface IncomingConnection {
  /** The connection, from its first byte on. */
  readonly connection: Connection;
  /** When it was opened, in monotonic milliseconds. */
  readonly connected_ms: number;
  /** What it is for, if it is one of an original client. */
  readonly purpose?: OriginalPurpose;
  /** The session that was placed here by its pool: that is told what comes of it. */
  readonly session?: string;
  /** Why it is to be refused, if it is. */
  readonly refusal?: string;
}

/** What a {@linkcode Dispatcher} is made of. */
export interface DispatcherOptions {
  /** Time. */
  clock: Clock;
  /** The pool, if the port is shared. */
  coordinator?: Coordinator;
  /** Aborts when nobody is to be waited for any more. */
  stopping: AbortSignal;
  /** Serves a connection. */
  serve: (caller: IncomingConnection) => void | Promise<void>;
}

/** Receives connections. */
export class Dispatcher {
  readonly #options: DispatcherOptions;

  /** Opens. */
  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Receives a connection that has just been accepted. */
  async receive(connection: Connection): Promise<void> {
    const { clock, coordinator, serve } = this.#options;
    const caller = await this.#listen(
      connection,
      clock.now(),
      coordinator ? identifiesSession : identifiesProtocol,
    );
    const { connected_ms, purpose, session } = caller;
    if (!coordinator || (!purpose && session === undefined)) {
      return serve({ ...caller, session: undefined });
    }
    const placement = await coordinator.place(session);
    if (placement.at === "elsewhere") {
      return await coordinator.forward(placement.forwarding, caller.connection, connected_ms);
    }
    const { refusal } = placement;
    return serve({ ...caller, refusal, session: refusal === undefined ? session : undefined });
  }

  /** Receives a connection that another worker has lent, perhaps of a session. */
  async take(connection: Connection, connected_ms: number, session?: string): Promise<void> {
    const caller = await this.#listen(connection, connected_ms, identifiesProtocol);
    return this.#options.serve({ ...caller, session });
  }

  async #listen(
    connection: Connection,
    connected_ms: number,
    isEnough: (first: Uint8Array) => boolean,
  ): Promise<IncomingConnection> {
    const { clock, stopping } = this.#options;
    const peeked = new PeekedConnection(connection, isEnough);
    using limit = new Deadline(clock, { signal: stopping });
    limit.moveTo(connected_ms + OPEN_LIMIT_MS, { again_ms: OPEN_LIMIT_MS });
    const nothing = () => new Uint8Array(0);
    const first = await Promise.race([peeked.peek(), sleep(limit).then(nothing, nothing)]);
    const purpose = purposeOf(first);
    return {
      connection: peeked,
      connected_ms,
      purpose,
      session: purpose ? undefined : parseHello(first)?.id,
    };
  }
}
