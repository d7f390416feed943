/**
 * What a side, the client or the server, passes to a session on one connection, and what it implements.
 *
 * @module
 */
import { isLarge, type KernelReport } from "../evidence/kernel.ts";
import type { LastExchange } from "../evidence/outage_log.ts";
import { KernelWatch, type WatchedSession } from "../evidence/kernel_watch.ts";
import type { Clock } from "../platform/clock.ts";
import { LinkWatch } from "../platform/net/own_link.ts";
import type { Connection } from "../platform/net/transport.ts";
import type { FrameDecoder } from "../wire/decoder.ts";
import { explainForeign } from "../wire/foreign.ts";
import type { ReadAhead } from "../wire/reader.ts";
import type { FrameWriter } from "../wire/writer.ts";
import type { Deadline } from "../platform/deadline.ts";
import type { Frame, JsonObject, Role } from "../wire/protocol.ts";
import { Accounts } from "./accounts.ts";
import type { CloseReason, DetectedSince } from "./close_reason.ts";
import type { EventSource } from "./events.ts";
import { Heartbeats } from "./heartbeat_loop.ts";
import type { Ledger } from "./ledger.ts";
import type { SessionState } from "./state.ts";
import { type NextStep, OPEN_LIMIT_MS, type Timers } from "./timers.ts";

/** What the sessions of a client or a server share. */
export interface SessionConfig {
  /** The clock. */
  readonly clock: Clock;
  /** The sessions' timers. */
  readonly timers: Timers;
  /** The largest data message to accept, in bytes. */
  readonly maxMessageBytes: number;
  /** Recognizes a peer of another protocol, which sends no line, before the session is open. */
  readonly legacy?: { explainAnswer(first: Uint8Array): string | undefined };
}

/** Options for {@linkcode Session}. */
export interface SessionOptions {
  /** What it shares with other sessions. */
  readonly config: SessionConfig;
  /** The session's state, which may outlive the connection. */
  readonly state: SessionState;
  /** The connection; the session closes it. */
  readonly connection: Connection;
  /** What was read of it before. */
  readonly first?: ReadAhead;
  /** When the connection was opened, in monotonic milliseconds. */
  readonly connected_ms: number;
}

/** What a session has from its options, and what its two sides do differently. */
export abstract class SessionSide {
  /** Which side this is. */
  abstract readonly role: Role;
  /** The session's state, once it is known which session it is; until then, that of the connection. */
  state: SessionState;
  /** What it shares with other sessions. */
  protected readonly config: SessionConfig;
  /** The connection. */
  readonly connection: Connection;
  /** The connection's only writer. */
  protected abstract readonly writer: FrameWriter;
  /** When the peer is next judged, whatever that is for. */
  protected abstract readonly deadline: Deadline;
  /** Made when first needed. */
  protected heartbeats?: Heartbeats;
  /** Which connection of its session it is, once a frame on it was recorded. */
  declare protected connectionNumber?: number;

  /** Creates one side of a session on a connection. */
  constructor({ config, connection, state }: SessionOptions) {
    this.config = config;
    this.connection = connection;
    this.state = state;
  }

  /** The session's counters. */
  get ledger(): Ledger {
    return this.state.ledger;
  }

  /** The peer's address and port, for people. */
  get peer(): string {
    return this.connection.peer;
  }

  /** The session's timers. */
  protected get timers(): Timers {
    return this.config.timers;
  }

  /** What is noted of the session's outages. */
  protected get accounts(): Accounts {
    const { config: { clock, timers }, events, role } = this;
    return this.state.accounts ??= new Accounts({ clock, timers, events, role });
  }

  /** Everything up to this sequence number is confirmed; at a server, by what was given to the network. */
  get confirmedUpTo(): number {
    return Math.max(this.ledger.confirmedUpTo, this.writer.confirmedUpTo);
  }

  /** What happens next, if nothing is received; `undefined` if nothing is due. */
  get next(): NextStep | undefined {
    const { deadline: { due_ms }, state: { phase } } = this;
    if (phase === "heartbeat") return this.heartbeats?.next(due_ms);
    return phase === "data" ? this.nextInData(due_ms) : undefined;
  }

  /** What happens next in the data phase. */
  protected nextInData(at_ms: number): NextStep {
    return { what: "silent", at_ms };
  }

  /** The session's id; `?` before the client has sent it. */
  get id(): string {
    return this.events.session ?? "?";
  }

  /** Emits the session's events. */
  protected get events(): EventSource {
    return this.state.events;
  }

  /** The monotonic time in milliseconds. */
  now(): number {
    return this.config.clock.now();
  }

  /** Whether frames are noted. It is asked for each, and is nearly always false. */
  protected get isNoted(): boolean {
    return this.state.accounts?.hasOutage === true || this.state.events.trace !== undefined;
  }

  /** Notes a frame that was sent or received at a time: of an outage, and if this process is recorded. */
  protected trace(isSent: boolean, frame: Frame, now_ms: number): void {
    this.state.accounts?.onFrame(isSent, frame, now_ms);
    const { session, trace } = this.events;
    if (!trace || session === null) return;
    this.connectionNumber ??= trace.connect();
    trace.frame(isSent, frame, this.connectionNumber, now_ms);
  }

  /** The close reason of a handshake that was not completed in time. */
  protected openTimeout(): CloseReason {
    const missing = this.role === "server" ? "HELLO" : "WELCOME";
    return { by: "self", reason: "silent", text: `no ${missing} within ${OPEN_LIMIT_MS / 1000} s` };
  }

  /** Whether the peer knows `ACCOUNT`: to any other, that would be a protocol error. */
  abstract readonly knowsAccounts: boolean;
  /** Sends what this side saw of an outage. */
  abstract sendAccount(account: JsonObject): void;
  /** What was sent and received last while all was well. */
  abstract lastExchange(): LastExchange;
  /** Makes the session's heartbeats, and what looks at the link and asks the kernel when they go unanswered. */
  protected makeHeartbeats(send: (n: number) => void, session: WatchedSession): Heartbeats {
    const { config: { clock }, connection, events, ledger, timers } = this;
    const link = new LinkWatch(clock, connection);
    const kernel = new KernelWatch({ clock, connection, session });
    return new Heartbeats({ clock, timers, events, kernel, ledger, link, listener: this, send });
  }

  /** The peer has replied to a heartbeat in time. */
  onReplied(): void {
    this.state.accounts?.answered(this);
  }

  /** The peer has missed a heartbeat. */
  onMissed(): void {
    this.state.accounts?.missed();
  }

  /** Emits what the kernel said of the connection. */
  onKernel(report: KernelReport): void {
    this.events.emit("kernel", report);
  }

  /** What a peer that has opened no session speaks, if it is another known protocol. */
  protected explainOtherWire({ first, unfinishedLine }: FrameDecoder): string | undefined {
    return this.config.legacy?.explainAnswer(unfinishedLine) ?? explainForeign(first, this.role);
  }

  /** Whether the peer may have sent what takes large packets: a client, unless all that came was small. */
  get mayHearLarge(): boolean {
    const { largestData } = this.ledger;
    return this.role === "server" && (largestData === 0 || isLarge(largestData));
  }

  /** Begins the handshake, if that is up to this side. */
  protected sendHello?(): void;
  /** Receives a frame that only this role receives. */
  protected abstract onRoleFrame(frame: Frame): void;
  /** Begins the data phase, and calls `dataOver` when no data comes in time, or all is done. */
  protected abstract dataLoop(deadline: Deadline): void;
  /** When the silence that ended the data phase began; `isIdle` if no data was due. */
  protected abstract silence(): { since: DetectedSince; at_ms: number; isIdle?: boolean };
  /** Waits before a polite end until what was received is settled; false if the limit passes first. */
  protected abstract settle(limit: Deadline): boolean | Promise<boolean>;
  /** Whether the session outlives a connection that ended for this reason. */
  protected abstract survivesDisconnect(closeReason: CloseReason): boolean;
  /** Called once the connection is closed, for a defect of this program or not: nothing more comes or goes. */
  protected abstract onClosed(defect?: { error: unknown }): void;
}
