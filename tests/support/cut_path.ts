/**
 * A session over a path that is cut, on a model of TCP: what both sides would have recorded of it.
 *
 * What TCP does matters here: a sender whose frames are not acknowledged transmits the first of them again,
 * at intervals that double, and holds back the others.
 *
 * @module
 */
import type { Random } from "./random.ts";

/** The cut of a path. */
export interface Cut {
  readonly direction: "to_server" | "to_client" | "both";
  readonly from_ms: number;
  readonly to_ms: number;
}

/** A time in which the process of one side does not run, though its host does. */
export interface Stop {
  readonly side: "client" | "server";
  readonly from_ms: number;
  readonly to_ms: number;
}

/** A frame that a side sent or received, in true time. */
export interface Seen {
  readonly frame: "DATA" | "CONFIRM" | "HEARTBEAT" | "HEARTBEAT_REPLY";
  readonly n: number;
  readonly at_ms: number;
}

/** What one side saw, in true time. */
export interface SideLog {
  readonly sent: Seen[];
  readonly received: Seen[];
  noticed_ms?: number;
  over_ms?: number;
  dead_ms?: number;
  /** Stalls that it noticed: when it last did something, when a deadline was due, when it ran again. */
  readonly stalls: { since_ms: number; due_ms: number; to_ms: number }[];
  /** Whether anything had been transmitted again, and was still unacknowledged, when it noticed. */
  transmits?: boolean;
}

/** The timers of the model, in milliseconds. */
export const MODEL_TIMERS = { threshold: 12_000, heartbeat: 6_000, tries: 3 };

type Name = "client" | "server";
const OTHER = { client: "server", server: "client" } as const;

interface Timed {
  readonly at_ms: number;
  readonly act: () => void;
}

/** The model: events in true time, a path with a place where it is cut, and two sides. */
export class CutPath {
  readonly logs: Record<Name, SideLog>;
  /** The next one last. */
  readonly #queue: Timed[] = [];
  readonly #random: Random;
  readonly #cut: Cut;
  readonly #stop?: Stop;
  readonly #interval_ms: number;
  /** How long a packet takes, in the directions of its senders. */
  readonly #delay_ms: Record<Name, number>;
  /** How much of the path lies between the client and the cut. */
  readonly #place: number;
  readonly #streams: Record<Name, Stream>;
  #now_ms = 0;

  constructor(random: Random, cut: Cut, interval_ms: number, stop?: Stop) {
    this.#stop = stop;
    this.#random = random;
    this.#interval_ms = interval_ms;
    this.#cut = cut;
    const delay = () => random.pick([0.2, 3, 15]) * (1 + random.below(1000) / 1000);
    this.#delay_ms = { client: delay(), server: delay() };
    this.#place = random.below(1001) / 1000;
    const log = (): SideLog => ({ sent: [], received: [], stalls: [] });
    this.logs = { client: log(), server: log() };
    this.#streams = { client: new Stream(this, "client"), server: new Stream(this, "server") };
  }

  get now_ms(): number {
    return this.#now_ms;
  }

  /** Runs the session to a moment. */
  run(end_ms: number): void {
    this.#client();
    this.#server();
    while ((this.#queue.at(-1)?.at_ms ?? Infinity) <= end_ms) {
      const next = this.#queue.pop()!;
      this.#now_ms = next.at_ms;
      next.act();
    }
  }

  after(ms: number, act: () => void): void {
    const at_ms = this.#now_ms + ms;
    let low = 0;
    for (let high = this.#queue.length; low < high;) {
      const middle = (low + high) >> 1;
      if (this.#queue[middle]!.at_ms > at_ms) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, { at_ms, act });
  }

  /** Carries a packet, unless it meets the cut. */
  carry(from: Name, act: () => void): void {
    const delay_ms = this.#delay_ms[from] * (1 + this.#random.below(100) / 1000);
    const part = from === "client" ? this.#place : 1 - this.#place;
    const passes_ms = this.#now_ms + delay_ms * part;
    const { direction, from_ms, to_ms } = this.#cut;
    const isHit = direction === "both" || direction === `to_${OTHER[from]}`;
    if (isHit && passes_ms >= from_ms && passes_ms < to_ms) return;
    this.after(delay_ms, act);
  }

  /** The stream of a sender. */
  stream(from: Name): Stream {
    return this.#streams[from];
  }

  /** For how long a process is still stopped. */
  stopped_ms(side: Name): number {
    const { from_ms, side: stopped, to_ms } = this.#stop ?? {};
    const isStopped = stopped === side && this.#now_ms >= from_ms! && this.#now_ms < to_ms!;
    return isStopped ? to_ms! - this.#now_ms : 0;
  }

  /** A deadline of a process: one that passes late after a stop is a local stall, and has its time again. */
  #deadline(side: Name, ms: number, act: () => void): void {
    this.after(ms, () => {
      const due_ms = this.#now_ms;
      const stopped_ms = this.stopped_ms(side);
      if (stopped_ms === 0) return act();
      // What is waiting is read first.
      this.after(stopped_ms + 0.1, () => {
        if (stopped_ms < 250) return act();
        const { from_ms: since_ms } = this.#stop!;
        this.logs[side].stalls.push({ since_ms, due_ms, to_ms: this.#now_ms });
        this.#deadline(side, ms, act);
      });
    });
  }

  /** How long a host waits before it acknowledges. */
  acknowledges_ms(): number {
    return this.#random.pick([0, 40]);
  }

  send(from: Name, frame: Seen["frame"], n: number): void {
    const seen = { frame, n, at_ms: this.#now_ms };
    this.logs[from].sent.push(seen);
    this.#streams[from].send(seen);
  }

  /** A side receives a frame, as soon as it runs. */
  receive(at: Name, { frame, n }: Seen): void {
    const log = this.logs[at];
    const stopped_ms = this.stopped_ms(at);
    if (stopped_ms > 0) {
      return this.after(stopped_ms, () => this.receive(at, { frame, n, at_ms: 0 }));
    }
    if (log.dead_ms !== undefined) return;
    log.received.push({ frame, n, at_ms: this.#now_ms });
    if (frame === "HEARTBEAT") this.send(at, "HEARTBEAT_REPLY", n);
    if (frame === "DATA") this.send(at, "CONFIRM", n);
    this.#heard[at](frame);
  }

  readonly #heard: Record<Name, (frame: Seen["frame"]) => void> = {
    client: () => {},
    server: () => {},
  };

  #client(): void {
    let seq = 0;
    let confirmed = 0;
    const phase = this.#heartbeats("client");
    const next = () => {
      const stopped_ms = this.stopped_ms("client");
      if (stopped_ms > 0) return this.after(stopped_ms, next);
      if (phase.isSilent || this.logs.client.dead_ms !== undefined) return;
      this.send("client", "DATA", ++seq);
      const due = seq;
      this.#deadline("client", MODEL_TIMERS.threshold, () => {
        if (confirmed < due) phase.silent();
      });
    };
    this.#heard.client = (frame) => {
      phase.signOfLife();
      if (frame !== "CONFIRM") return;
      confirmed++;
      phase.data();
      this.after(this.#interval_ms, next);
    };
    this.after(0, next);
  }

  #server(): void {
    const phase = this.#heartbeats("server");
    let received = 0;
    this.#heard.server = (frame) => {
      phase.signOfLife();
      if (frame !== "DATA") return;
      phase.data();
      const count = ++received;
      this.#deadline("server", MODEL_TIMERS.threshold, () => {
        if (received === count) phase.silent();
      });
    };
  }

  /** The heartbeat phase of a side. */
  #heartbeats(at: Name) {
    const log = this.logs[at];
    let n = 0;
    let missed = 0;
    let heard = false;
    const beat = () => {
      if (!phase.isSilent || log.dead_ms !== undefined) return;
      heard = false;
      this.send(at, "HEARTBEAT", ++n);
      const number = n;
      this.#deadline(at, MODEL_TIMERS.heartbeat, () => {
        if (!phase.isSilent || number !== n) return;
        missed = heard ? 0 : missed + 1;
        if (missed > MODEL_TIMERS.tries) log.dead_ms = this.#now_ms;
        else beat();
      });
    };
    const phase = {
      isSilent: false,
      silent: () => {
        if (phase.isSilent) return;
        phase.isSilent = true;
        log.transmits ??= !this.#streams[at].isStuck;
        log.noticed_ms ??= this.#now_ms;
        beat();
      },
      data: () => {
        if (phase.isSilent) log.over_ms ??= this.#now_ms;
        phase.isSilent = false;
        missed = 0;
      },
      signOfLife: () => {
        heard = true;
      },
    };
    return phase;
  }
}

/** One direction of a TCP connection. */
class Stream {
  readonly #path: CutPath;
  readonly #from: Name;
  readonly #frames: Seen[] = [];
  /** How many were handed to the path, acknowledged to the sender, and received. */
  #transmitted = 0;
  #acknowledged = 0;
  #received = 0;
  readonly #arrived = new Set<number>();
  #timer = 0;
  #retries = 0;

  constructor(path: CutPath, from: Name) {
    this.#path = path;
    this.#from = from;
  }

  /** Whether something is being transmitted again. */
  get isStuck(): boolean {
    return this.#retries > 0;
  }

  send(frame: Seen): void {
    this.#frames.push(frame);
    this.#push();
  }

  #push(): void {
    if (this.isStuck) return;
    for (; this.#transmitted < this.#frames.length; this.#transmitted++) {
      this.#transmit(this.#transmitted);
    }
    this.#arm();
  }

  #transmit(at: number): void {
    // Each packet acknowledges what its sender has received.
    const back = this.#path.stream(OTHER[this.#from]);
    const backUp = back.#received;
    this.#path.carry(this.#from, () => {
      back.#acknowledge(backUp);
      this.#arrived.add(at);
      while (this.#arrived.has(this.#received)) {
        this.#path.receive(OTHER[this.#from], this.#frames[this.#received++]!);
      }
      const up = this.#received;
      const delayed_ms = this.#path.acknowledges_ms();
      this.#path.after(delayed_ms, () => {
        this.#path.carry(OTHER[this.#from], () => this.#acknowledge(up));
      });
    });
  }

  #acknowledge(up: number): void {
    if (up <= this.#acknowledged) return;
    this.#acknowledged = up;
    this.#retries = 0;
    this.#timer++;
    this.#push();
  }

  #arm(): void {
    const timer = ++this.#timer;
    if (this.#acknowledged === this.#transmitted) return;
    this.#path.after(Math.min(200 * 2 ** this.#retries, 120_000), () => {
      if (timer !== this.#timer) return;
      this.#retries++;
      this.#transmit(this.#acknowledged);
      this.#arm();
    });
  }
}
