/**
 * A session with a peer that runs the original program: what both sides of it share.
 *
 * The room speaks to peers of that program, whose wire differs and which open a second connection for
 * heartbeats. `protocol.ts` is what the entry points register, `wire.ts` the four messages,
 * `connection.ts` one connection, `original_client.ts` and `original_server.ts` the two sides,
 * `sessions.ts` which session a connection belongs to, `pending_message.ts` the message in flight.
 * Client and server know none of it: without the registrations, the room can be deleted.
 *
 * @module
 */
import type { Clock } from "../platform/clock.ts";
import { Condition } from "../platform/condition.ts";
import { Deadline } from "../platform/deadline.ts";
import { LinkWatch } from "../platform/net/own_link.ts";
import type { Connection } from "../platform/net/transport.ts";
import { TaskGroup } from "../platform/task_group.ts";
import { type CloseReason, type Detection, onLink } from "../session/close_reason.ts";
import { ConnectionUse } from "../evidence/cuts.ts";
import type { EventSource } from "../session/events.ts";
import type { ReceiveCounters } from "../session/heartbeat_loop.ts";
import type { Ledger } from "../session/ledger.ts";
import type { SessionState } from "../session/state.ts";
import type { NextStep } from "../session/timers.ts";

/** What both sides need. */
export interface OriginalSessionOptions {
  /** Time. */
  clock: Clock;
  /** The session's state. */
  state: SessionState;
  /** The first connection. */
  connection: Connection;
}

/** One side of a session, over all its connections. To be run once. */
export abstract class OriginalSession implements ReceiveCounters {
  /** Notified when a message was received or a connection has ended. */
  readonly changes = new Condition();
  /** Messages received so far. */
  framesReceived = 0;
  /** Data messages (at the server) or confirmations (at the client) received so far. */
  dataFramesReceived = 0;
  /** Always: this wire has no `HELLO` and no `WELCOME`. */
  readonly isOpen = true;
  /** The session's state. */
  readonly state: SessionState;
  /** Looks at this host's own interface while the peer is silent. */
  protected readonly link: LinkWatch;
  /** What runs besides the phases: readers and dialling. */
  protected readonly tasks = new TaskGroup();
  readonly #clock: Clock;
  readonly #connection: Connection;
  readonly #ended = new AbortController();
  /** Of all its connections together, since the last one was opened. */
  #use: ConnectionUse;
  readonly #deadline: Deadline;

  /** Makes one side of a session on its first connection. */
  constructor({ clock, connection, state }: OriginalSessionOptions) {
    this.#clock = clock;
    this.#connection = connection;
    this.state = state;
    this.link = new LinkWatch(clock, connection);
    this.#use = new ConnectionUse(clock.now());
    this.#deadline = new Deadline(clock, {
      signal: this.ended,
      onStall: (ms, kind) => state.stalled(ms, kind),
    });
  }

  /** When its peer is dead, if an answer is due at a time. */
  protected abstract nextDeath(due_ms: number): NextStep;

  /** What happens next in the data phase, whose deadline is at a time. */
  protected nextInData(at_ms: number): NextStep {
    return { what: "silent", at_ms };
  }

  /** What happens next, if nothing is received; `undefined` if nothing is due. */
  get next(): NextStep | undefined {
    const { due_ms } = this.#deadline;
    if (this.state.phase === "heartbeat") return this.nextDeath(due_ms);
    return this.state.phase === "data" ? this.nextInData(due_ms) : undefined;
  }

  /** Opens the session on its first connection and runs the data and heartbeat phases. */
  protected abstract runPhases(deadline: Deadline): Promise<void>;
  /** What a death is measured from. */
  protected abstract detection(): Detection | undefined;
  /** Closes the connections that are still open. */
  protected abstract close(): void | Promise<void>;

  /** How it ended, once it has. */
  get closeReason(): CloseReason | undefined {
    return this.state.closeReason;
  }

  /** What this side has counted. */
  get ledger(): Ledger {
    return this.state.ledger;
  }

  /** Where the session emits its events. */
  protected get events(): EventSource {
    return this.state.events;
  }

  /** Aborts with the close reason when the session ends. */
  protected get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Monotonic milliseconds. */
  now(): number {
    return this.#clock.now();
  }

  /** To be called on what a connection brings, which may come first after a suspension: gives the time. */
  protected look(): number {
    return this.#deadline.look();
  }

  /** Runs the session until it ends, and closes its connections. */
  async run(): Promise<CloseReason> {
    this.state.open(this.#connection, { original: true });
    using deadline = this.#deadline;
    try {
      await this.runPhases(deadline);
    } catch (error) {
      if (error !== this.ended.reason) throw error;
    } finally {
      this.link.heard();
      await this.close();
      await this.tasks.finished();
    }
    return this.state.closeReason!;
  }

  /** Another of its connections has been opened. */
  protected connectionOpened(): void {
    this.#use = new ConnectionUse(this.now());
  }

  /** Something was sent or received. */
  protected onTraffic(): void {
    this.#use.onTraffic(this.now());
  }

  /** Ends the session because this side's user wants it. */
  stop(reason: "done" | "shutdown", text = ""): void {
    this.end({ by: "self", reason, text });
  }

  /** Ends the session. The first reason given is the one. */
  protected end(reason: CloseReason): void {
    const closeReason = onLink(reason, this.link.fault);
    const { peer } = this.#connection;
    const use = this.#use;
    const detection = this.detection();
    this.state.end(closeReason, { peer, use, wasOpened: true, detection });
    this.#ended.abort(closeReason);
  }
}
