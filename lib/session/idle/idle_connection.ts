/**
 * A session that is to be idle, on its one connection: an exchange, then nothing at all in either direction, then
 * one side speaks. No timer of an ordinary session runs, and nothing is sent to keep it alive.
 *
 * Both sides use it: `client/idle_search/` and `server/idle_sessions.ts`. `idle_results.ts` has what a server keeps of
 * them. It knows no search, and emits no events.
 *
 * @module
 */
import type { Clock } from "../../platform/clock.ts";
import { Condition } from "../../platform/condition.ts";
import { Deadline, type DeadlineOptions } from "../../platform/deadline.ts";
import { type Connection, TransportError } from "../../platform/net/transport.ts";
import { TurnLimiter } from "../../platform/turns.ts";
import { FrameDecoder } from "../../wire/decoder.ts";
import { explainForeign } from "../../wire/foreign.ts";
import {
  expectFrame,
  type Frame,
  ProtocolError,
  type Role,
  type Stage,
} from "../../wire/protocol.ts";
import { type MessageListener, MessageReader, type ReadAhead } from "../../wire/reader.ts";
import { FrameWriter, type WriterListener } from "../../wire/writer.ts";
import { type CloseReason, closeReasonOf } from "../close_reason.ts";
import { closeGracefully } from "../connection.ts";
import { FRAMES_PER_TURN } from "../timers.ts";

/**
 * How long, in milliseconds, the answer to the first word after the idle time may take: on a path that loses one
 * packet in twenty, TCP has repeated it five times by then.
 */
export const JUDGE_MS = 6_000;

/** Options for {@linkcode IdleConnection}. */
export interface IdleConnectionOptions {
  /** Which side this is. */
  role: Role;
  /** The clock. */
  clock: Clock;
  /** The connection, which is closed by `close`. */
  connection: Connection;
  /** What was read of it before. */
  first?: ReadAhead;
  /** Receives each frame that is no heartbeat, no reply and no `TERMINATE`. */
  onFrame: (frame: Frame) => void;
}

/** What became of a connection after its idle time. */
export interface IdleOutcome {
  /** Whether it was answered; if it ended, `closeReason` of the connection says how. */
  readonly fate: "alive" | "silent" | "ended";
  /**
   * How long it was idle when it was spoken on, or ended, in milliseconds: at least so long if it is alive, at most if
   * not. Of the last packet before that, this side knows only that it passed during the exchange.
   */
  readonly idled_ms: number;
  /** Whether it ended before it was spoken on. */
  readonly endedIdle: boolean;
}

/** One side of a session that is to be idle. */
export class IdleConnection implements MessageListener<Frame>, WriterListener, DeadlineOptions {
  /** Whether this process did not run when it should have, or its host was suspended. */
  wasStalled = false;
  /** Why the connection ended, once it has. */
  closeReason?: CloseReason;
  /** When it ended, in monotonic milliseconds. */
  ended_ms: number = NaN;
  /** Called when this side, or the peer, speaks after the idle time. */
  onSpoken?: (idled_ms: number) => void;
  readonly #options: IdleConnectionOptions;
  readonly #deadline: Deadline;
  readonly #writer: FrameWriter;
  readonly #decoder = new FrameDecoder({ maxMessageBytes: 1 });
  readonly #reader: MessageReader<Frame>;
  readonly #changes = new Condition();
  #stage: Stage = "opening";
  #isSkipping = false;
  #framesReceived = 0;
  #heartbeats = 0;
  /** When something was last sent or received, in monotonic milliseconds. */
  #traffic_ms: number;
  /** How long the exchange took that the idle time begins with, as far as this side began it. */
  #exchange_ms = 0;
  #defect?: { error: unknown };

  /** Begins to read a connection. */
  constructor(options: IdleConnectionOptions) {
    const { clock, connection, first } = options;
    this.#options = options;
    this.#traffic_ms = clock.now();
    this.#deadline = new Deadline(clock, this);
    this.#writer = new FrameWriter(connection, this);
    this.#reader = new MessageReader(connection, this.#decoder, this, first);
  }

  /** Drops the first frame: it was read before. */
  skipFirst(): void {
    this.#isSkipping = true;
  }

  /** The handshake is complete. */
  opened(): void {
    this.#stage = "idle";
    this.#decoder.forgetFirst();
  }

  /** Waits for the peer to end it, so long at the most. */
  async over(wait_ms: number): Promise<void> {
    await this.until(() => false, this.#options.clock.now() + wait_ms, wait_ms);
  }

  /** Queues a frame. */
  send(frame: Frame): void {
    this.#writer.send(frame);
  }

  /**
   * Waits until a condition holds, the connection has ended, or this time is over, and tells which. After a stall of
   * this process it waits `again_ms` once more.
   */
  async until(
    condition: () => boolean,
    due_ms: number,
    again_ms?: number,
  ): Promise<"holds" | "ended" | "late"> {
    if (this.closeReason) return "ended";
    this.#deadline.moveTo(due_ms, { again_ms });
    const holds = () => this.closeReason !== undefined || condition();
    const isOver = await this.#changes.until(holds, this.#deadline);
    if (this.#defect) throw this.#defect.error;
    return this.closeReason ? "ended" : isOver ? "holds" : "late";
  }

  /** Exchanges a heartbeat and its reply, by which the idle time begins; false if there was none in time. */
  async exchange(speaks: boolean): Promise<boolean> {
    const before = this.#framesReceived;
    const began_ms = this.#options.clock.now();
    if (speaks) this.#beat();
    const isHeard = () => this.#framesReceived > before;
    const outcome = await this.until(isHeard, began_ms + JUDGE_MS, JUDGE_MS);
    if (speaks) this.#exchange_ms = this.#traffic_ms - began_ms;
    // What answers it is traffic, too.
    await this.#writer.flushed();
    return outcome === "holds" && !this.closeReason;
  }

  /**
   * Is idle for so long, then speaks, or waits so much longer to be spoken to. Whoever is spoken to asks in return,
   * if `isSure`: what passed in one direction only is not alive.
   */
  async idle(
    idle_ms: number,
    { isSure, speaks, wait_ms }: { speaks: boolean; wait_ms: number; isSure?: boolean },
  ): Promise<IdleOutcome> {
    const { clock } = this.#options;
    const began_ms = this.#traffic_ms;
    const before = this.#framesReceived;
    const isHeard = () => this.#framesReceived > before;
    const due_ms = began_ms + idle_ms + (speaks ? 0 : wait_ms);
    const waited = await this.until(isHeard, due_ms, speaks ? undefined : wait_ms);
    if (waited === "ended") {
      const idled_ms = this.ended_ms - began_ms + this.#exchange_ms;
      return { fate: "ended", idled_ms, endedIdle: !isHeard() };
    }
    const spoken_ms = isHeard() ? this.#traffic_ms : clock.now();
    const idled_ms = speaks || isHeard() ? spoken_ms - began_ms : idle_ms;
    if (speaks || isHeard()) this.onSpoken?.(idled_ms);
    if (!speaks && (waited === "late" || !isSure)) {
      return this.#outcome(isHeard() ? "alive" : "silent", idled_ms);
    }
    return this.#outcome(await this.#ask(wait_ms), idled_ms);
  }

  #outcome(fate: IdleOutcome["fate"], idled_ms: number): IdleOutcome {
    const slack_ms = fate === "alive" ? 0 : this.#exchange_ms;
    return { fate, idled_ms: idled_ms + slack_ms, endedIdle: false };
  }

  /** Sends a heartbeat, and waits so long for a frame. */
  async #ask(wait_ms: number): Promise<IdleOutcome["fate"]> {
    const before = this.#framesReceived;
    this.#beat();
    const isAnswered = () => this.#framesReceived > before;
    const due_ms = this.#options.clock.now() + wait_ms;
    const outcome = await this.until(isAnswered, due_ms, wait_ms);
    if (outcome === "ended") return isAnswered() ? "alive" : "ended";
    return outcome === "holds" ? "alive" : "silent";
  }

  /** Ends the connection, for this reason if nothing has ended it, and closes it: in order, unless nobody answers. */
  async close(otherwise: CloseReason): Promise<void> {
    this.#end(otherwise);
    const closeReason = this.closeReason!;
    const { clock, connection } = this.#options;
    const [writer, reader] = [this.#writer, this.#reader];
    const settle = () => true;
    await TurnLimiter.of(clock).turn();
    await closeGracefully({ clock, connection, writer, reader, settle, closeReason });
    this.#deadline[Symbol.dispose]();
  }

  /** Ends the connection at this side's request; whoever waits goes on. */
  stop(closeReason: CloseReason): void {
    this.#end(closeReason);
    this.#changes.notify();
  }

  /** Notes that nothing follows from what came of it. */
  onStall(): void {
    this.wasStalled = true;
  }

  /** Receives a frame, and answers a heartbeat. */
  onMessage(frame: Frame): void {
    if (this.closeReason) return;
    if (this.#isSkipping) return void (this.#isSkipping = false);
    expectFrame(frame, this.#options.role, this.#stage);
    if (++this.#framesReceived > FRAMES_PER_TURN) {
      throw new ProtocolError("more than was asked for");
    }
    this.#traffic_ms = this.#deadline.look();
    switch (frame.type) {
      case "HEARTBEAT":
        return this.send({ type: "HEARTBEAT_REPLY", n: frame.n });
      case "HEARTBEAT_REPLY":
        if (frame.n <= this.#heartbeats) return;
        throw new ProtocolError(`HEARTBEAT_REPLY ${frame.n} to a heartbeat never sent`);
      case "TERMINATE":
        return this.#end({ by: "peer", reason: frame.reason, text: frame.text });
      default:
        return this.#options.onFrame(frame);
    }
  }

  /** Has whoever waits look again. */
  onBatchEnd(): void {
    const otherWire = this.#explainOtherWire();
    if (otherWire !== undefined) throw new ProtocolError(otherWire);
    this.#changes.notify();
  }

  /** Ends it over a protocol error of the peer, or a defect of this program. */
  onError(error: unknown): void {
    if (!(error instanceof ProtocolError)) return this.onFailure(error);
    this.stop({ by: "self", reason: "protocol", text: this.#explainOtherWire() ?? error.message });
  }

  /** What a peer that has opened no session speaks, if it is another known protocol. */
  #explainOtherWire(): string | undefined {
    return explainForeign(this.#decoder.first, this.#options.role);
  }

  /** The peer has closed its side, or the connection has failed. */
  onEnd(failure?: unknown): void {
    if (failure) this.onFailure(failure);
    else this.stop({ by: "peer", reason: "closed", text: "" });
  }

  /** Notes that something was sent. */
  onWritten(): void {
    this.#traffic_ms = this.#options.clock.now();
  }

  /** The connection has failed, or this program has a defect. */
  onFailure(error: unknown): void {
    if (!(error instanceof TransportError)) this.#defect ??= { error };
    this.stop(closeReasonOf(error));
  }

  #beat(): void {
    this.send({ type: "HEARTBEAT", n: ++this.#heartbeats });
  }

  #end(closeReason: CloseReason): void {
    if (this.closeReason) return;
    this.closeReason = closeReason;
    this.ended_ms = this.#options.clock.now();
  }
}
