/**
 * Where every connection of a server comes first: its first bytes tell what it speaks, and who is to
 * serve it.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import { helloIn, purposeOf, tellsSession, tellsWire } from "./first_words.ts";
import type { OriginalPurpose } from "./original_wire.ts";
import { PeekedConnection } from "./peeked_connection.ts";
import type { Pool } from "./pool.ts";
import { HELLO_LIMIT_MS } from "./protocol.ts";
import type { Connection } from "./transport.ts";
import { Deadline, sleep } from "./wait.ts";

/** A connection, and what its first bytes tell. */
export interface Caller {
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

/** What a {@linkcode Reception} is made of. */
export interface ReceptionOptions {
  /** Time. */
  clock: Clock;
  /** The pool, if the port is shared. */
  pool?: Pool;
  /** Aborts when nobody is to be waited for any more. */
  stopping: AbortSignal;
  /** Serves a connection. */
  serve: (caller: Caller) => void | Promise<void>;
}

/** Receives connections. */
export class Reception {
  readonly #options: ReceptionOptions;

  /** Opens. */
  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** Receives a connection that has just been accepted. */
  async receive(connection: Connection): Promise<void> {
    const { clock, pool, serve } = this.#options;
    const caller = await this.#listen(connection, clock.now(), pool ? tellsSession : tellsWire);
    const { connected_ms, purpose, session } = caller;
    if (!pool || (!purpose && session === undefined)) {
      return serve({ ...caller, session: undefined });
    }
    const placement = await pool.place(session);
    if (placement.at === "elsewhere") {
      return await pool.lend(placement.loan, caller.connection, connected_ms);
    }
    const { refusal } = placement;
    return serve({ ...caller, refusal, session: refusal === undefined ? session : undefined });
  }

  /** Receives a connection that another worker has lent, perhaps of a session. */
  async take(connection: Connection, connected_ms: number, session?: string): Promise<void> {
    const caller = await this.#listen(connection, connected_ms, tellsWire);
    return this.#options.serve({ ...caller, session });
  }

  async #listen(
    connection: Connection,
    connected_ms: number,
    isEnough: (first: Uint8Array) => boolean,
  ): Promise<Caller> {
    const { clock, stopping } = this.#options;
    const peeked = new PeekedConnection(connection, isEnough);
    using limit = new Deadline(clock, { signal: stopping });
    limit.moveTo(connected_ms + HELLO_LIMIT_MS, { again_ms: HELLO_LIMIT_MS });
    const nothing = () => new Uint8Array(0);
    const first = await Promise.race([peeked.peek(), sleep(limit).then(nothing, nothing)]);
    const purpose = purposeOf(first);
    return {
      connection: peeked,
      connected_ms,
      purpose,
      session: purpose ? undefined : helloIn(first)?.id,
    };
  }
}
