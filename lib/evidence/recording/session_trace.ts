/**
 * What is recorded of one session: its events, and its frames. The last frames are kept in memory, and are
 * recorded when it turns out that they are the last ones before an outage.
 *
 * @module
 */
import type { Clock } from "../../platform/clock.ts";
import { type Frame, frameNumber } from "../../wire/protocol.ts";
import { LastFrames, type TracedFrame } from "./last_frames.ts";
import { type Recording, Sampler } from "./recording.ts";

/** An event, as far as it matters here. */
export interface TracedEvent {
  /** Its name. */
  readonly event: string;
  /** Of `phase`: the one that begins. */
  readonly to?: string;
  /** Of `phase`: whether there was nothing to send. */
  readonly idle?: true;
  /** Of `terminated`: why. */
  readonly reason?: string;
  /** Of a data message or a confirmation: its sequence number. */
  readonly seq?: number;
  /** Of a heartbeat: its number. */
  readonly n?: number;
  /** Of `reconnecting`: which attempt in a row. */
  readonly attempt?: number;
}

/** How many frames and events are recorded of one outage before they are thinned again. */
const FRAMES_OF_OUTAGE = 256;

/** How many are recorded after it. */
const FRAMES_AFTER = 16;

/** How many frames of each direction are recorded before a polite end. */
const FRAMES_BEFORE_END = 2;

/** After a heartbeat of the peer the last frames are recorded, but not again for so long. */
const PEER_SILENCE_US = 60_000_000;

/** How many are recorded in an interval of the thinning, lest a peer that floods fills the files. */
const MOST_IN_INTERVAL = 32;

/** The trace of one session, over all its connections; without a session, of the process's own events. */
export class SessionTrace {
  readonly #recording: Recording;
  readonly #owner: { readonly session: string | null };
  /** Made with the first frame. */
  #frames?: LastFrames;
  #connections = 0;
  #hasBegun = false;
  #hasEnded = false;
  /** Whether it is silent, or has no connection. */
  #isOut = false;
  /** How many more are recorded, whatever their numbers. */
  #dense = 0;
  readonly #data: Sampler;
  #ownBeats?: Sampler;
  #peerBeats?: Sampler;
  #attempts?: Sampler;
  #confirmedUpTo = 0;
  #peerSilent_us = -Infinity;
  /** When the interval began in which so many have been recorded. */
  #interval_us = -Infinity;
  #inInterval = 0;

  /** Creates a trace whose lines name the session that the owner has by then. */
  constructor(recording: Recording, owner: { readonly session: string | null }) {
    this.#recording = recording;
    this.#owner = owner;
    this.#data = new Sampler(recording.thinning);
  }

  /** The session has been opened, or dialled, once more: returns the number of the connection. */
  connect(): number {
    const { session } = this.#owner;
    if (this.#connections === 0 && session !== null) {
      this.#connections = this.#recording.connectionsBefore(session);
    }
    return ++this.#connections;
  }

  /** Whether the event of a data message that is sent or received now is recorded. */
  wantsMessage(seq: number, clock: Clock): boolean {
    // Of an original peer there are no frames by which to know the rate.
    if (!this.#frames) this.#data.pass(seq, clock.now() * 1_000);
    return this.#dense > 0 || this.#data.picks(seq);
  }

  /** Whether the event of a confirmation is recorded. */
  wantsConfirmation(seq: number): boolean {
    return this.#data.picks(seq) || this.#dense > 0;
  }

  /**
   * Records an event, unless it is one of many while all is well. When it was: by the wall clock, and by the
   * monotonic clock of this thread.
   */
  event(event: TracedEvent, wall_ms: number, now_ms: number): void {
    if (event.event === "notice") return;
    this.#begin();
    const now_us = this.#mono_us(now_ms);
    this.#before(event);
    const isPicked = this.#isPicked(event, now_us);
    if (isPicked === undefined || this.#keeps(isPicked, now_us)) {
      this.#add(event, wall_ms, Math.round(now_us));
    }
  }

  /** Records a frame of a connection, sent or received at a time, now or when it turns out to matter. */
  frame(isSent: boolean, frame: Frame, connection: number, now_ms: number): void {
    this.#begin();
    const { type } = frame;
    const n = frameNumber(frame);
    const now_us = this.#mono_us(now_ms);
    // It was handed to the network no sooner, and had come no later.
    const mono_us = isSent ? Math.floor(now_us) : Math.ceil(now_us);
    const wall_ms = this.#recording.wallTime(now_ms);
    const isKept = this.#keeps(this.#isFramePicked(isSent, type, n, now_us), now_us);
    const frames = this.#frames ??= new LastFrames();
    frames.add(isSent, type, n, connection, wall_ms, mono_us, isKept);
    if (isKept) this.#addFrame({ isSent, type, n, connection, wall_ms, mono_us });
    if (isSent || type !== "HEARTBEAT" || now_us - this.#peerSilent_us < PEER_SILENCE_US) return;
    this.#peerSilent_us = now_us;
    // The peer may be silent where this side is not.
    this.#addLast(this.#recording.thinning.depth);
  }

  /** Counts the session, once it is known which one it is. */
  #begin(): void {
    if (this.#hasBegun || this.#owner.session === null) return;
    this.#hasBegun = true;
    this.#recording.thinning.sessions++;
  }

  #mono_us(now_ms: number): number {
    return (now_ms + this.#recording.ahead_ms) * 1_000;
  }

  #keeps(isPicked: boolean, now_us: number): boolean {
    if (this.#dense > 0) {
      this.#dense--;
      return true;
    }
    if (!isPicked) return false;
    if (now_us - this.#interval_us > this.#recording.thinning.interval_us) {
      this.#interval_us = now_us;
      this.#inInterval = 0;
    }
    return ++this.#inInterval <= MOST_IN_INTERVAL;
  }

  /** Whether an event is recorded while all is well; `undefined` of one that always is. */
  #isPicked({ attempt, event, n, seq }: TracedEvent, now_us: number): boolean | undefined {
    switch (event) {
      case "data_sent":
      case "data_received":
      case "data_confirmed":
        return this.#data.picks(seq!);
      case "heartbeat_sent":
      case "heartbeat_answered":
        return this.#own.pass(n!, now_us);
      case "heartbeat_received":
        return this.#peers.pass(n!, now_us);
      case "reconnecting":
        return (this.#attempts ??= new Sampler(this.#recording.thinning)).pass(attempt!, now_us);
    }
    return undefined;
  }

  /** Whether a frame is recorded while all is well. */
  #isFramePicked(isSent: boolean, type: string, n: number, now_us: number): boolean {
    switch (type) {
      case "DATA":
        return this.#data.pass(n, now_us);
      case "CONFIRM": {
        const isPicked = this.#data.picksAny(this.#confirmedUpTo, n);
        this.#confirmedUpTo = n;
        return isPicked;
      }
      case "HEARTBEAT":
        return (isSent ? this.#own : this.#peers).picks(n);
      case "HEARTBEAT_REPLY":
        return (isSent ? this.#peers : this.#own).picks(n);
    }
    return true;
  }

  get #own(): Sampler {
    return this.#ownBeats ??= new Sampler(this.#recording.thinning);
  }

  get #peers(): Sampler {
    return this.#peerBeats ??= new Sampler(this.#recording.thinning);
  }

  /** What an event says of the frames before it, and of those after it. */
  #before({ event, idle, reason, to }: TracedEvent): void {
    switch (event) {
      case "phase":
        if (to === "heartbeat" && !idle) this.#out();
        else if (to === "data") this.#healed();
        return;
      case "resumed":
        return this.#healed();
      case "heartbeat_missed":
      case "disconnected":
        return this.#out();
      case "terminated":
        return this.#end(reason);
    }
  }

  #out(): void {
    if (!this.#isOut) this.#dense = FRAMES_OF_OUTAGE;
    this.#isOut = true;
    this.#addLast(this.#recording.thinning.depth);
  }

  #healed(): void {
    if (!this.#isOut) return;
    this.#isOut = false;
    this.#addLast(this.#recording.thinning.depth);
    this.#dense = FRAMES_AFTER;
  }

  #end(reason?: string): void {
    const isPolite = reason === "done" || reason === "shutdown";
    this.#addLast(isPolite ? FRAMES_BEFORE_END : this.#recording.thinning.depth);
    if (this.#hasBegun && !this.#hasEnded) this.#recording.thinning.sessions--;
    this.#hasEnded = true;
    const { session } = this.#owner;
    if (session !== null && this.#connections > 0) {
      this.#recording.ended(session, this.#connections);
    }
    this.#dense = FRAMES_AFTER;
  }

  #addLast(depth: number): void {
    for (const frame of this.#frames?.take(depth) ?? []) this.#addFrame(frame);
  }

  #addFrame({ connection, isSent, mono_us, n, type, wall_ms }: TracedFrame): void {
    const fields = {
      time: new Date(wall_ms).toISOString(),
      event: isSent ? "frame_sent" : "frame_received",
      session: this.#owner.session,
      frame: type,
      ...n !== -1 && { n },
      connection,
    };
    this.#add(fields, wall_ms, mono_us);
  }

  /** Adds a line: the times stand behind the session. */
  #add(line: object, wall_ms: number, mono_us: number): void {
    const { event, session, time, ...fields } = line as Record<string, unknown>;
    this.#recording.add({ time, event, session, wall_ms, mono_us, ...fields });
  }
}
