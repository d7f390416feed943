/**
 * When the kernel is asked about a connection while its session is silent, and what follows from the answers.
 *
 * @module
 */
import type { Clock, Timer } from "../platform/clock.ts";
import type {
  Connection,
  KernelAnswer,
  KernelReceiver,
  KernelView,
} from "../platform/net/transport.ts";
import {
  figuresOf,
  KernelEvidence,
  type KernelOccasion,
  type KernelReport,
  type KernelVerdict,
  repeatedIn,
} from "./kernel.ts";
import type { Cause } from "./side.ts";

/**
 * How long before a heartbeat counts as missed the kernel is asked, in milliseconds, or half its time if that is
 * less: the answer takes a tenth of a second, and longer with thousands of connections.
 */
const ASK_AHEAD_MS = 500;

/** What a {@linkcode KernelWatch} sees of its session. */
export interface WatchedSession {
  /** How many frames have come on the connection. */
  readonly framesReceived: number;
  /** Whether the peer may have sent what takes large packets. */
  readonly mayHearLarge: boolean;
  /** Receives what the kernel said. */
  onKernel(report: KernelReport): void;
}

/** Options for {@linkcode KernelWatch}. */
export interface KernelWatchOptions {
  /** The clock. */
  clock: Clock;
  /** The connection. */
  connection: Connection;
  /** The session. */
  session: WatchedSession;
}

/** What the kernel has shown of a silence, for whoever judges the outage. */
export interface KernelSeen {
  /** What followed from the last view. */
  readonly cause?: Cause;
  /** Whether nothing was being transmitted again when the silence began. */
  readonly transmits?: boolean;
}

/** Watches one connection of a session, from its first silence on. */
export class KernelWatch {
  readonly #options: KernelWatchOptions;
  readonly #timer: Timer;
  /** Of the present silence; `undefined` while there is none. */
  #evidence?: KernelEvidence;
  /** Whether nothing was due when that began. */
  #isIdle = false;
  /** When something was last handed to the network. */
  #written_ms = NaN;
  /** The view of the last heartbeat, before that is missed. */
  #view?: KernelView;
  /** Whether the view of a heartbeat that was missed has not come yet. */
  #isLate = false;
  /** How often in a row something had been sent again at the last view. */
  #repeated = 0;
  #hasEnded = false;
  #seen: KernelSeen = {};

  /** Creates a watch that does nothing until a silence begins. */
  constructor(options: KernelWatchOptions) {
    this.#options = options;
    this.#timer = options.clock.timer(KernelWatch.#ask, this);
  }

  /** A silence has begun, the peer having last been heard at a time; in an idle one, nothing was due. */
  silent(heard_ms: number, isIdle: boolean): void {
    this.#isIdle = isIdle;
    this.#isLate = false;
    this.#evidence = new KernelEvidence(heard_ms, isIdle, this.#repeated);
    this.#seen = {};
    if (!isIdle) this.#look("silence");
  }

  /** Something has been handed to the network. */
  onWritten(): void {
    this.#written_ms = this.#options.clock.now();
  }

  /** A heartbeat is sent, whose answer is due in so many milliseconds. */
  judgedIn(ms: number): void {
    this.#view = undefined;
    this.#timer.set(this.#options.clock.now() + Math.max(ms - ASK_AHEAD_MS, ms / 2));
  }

  /** It was answered. While something is repeated in vain all the same, the kernel is asked once more. */
  answered(): void {
    this.#timer.clear();
    this.#evidence?.heard(this.#options.clock.now());
    if (this.#evidence?.isInVain) this.#look("heartbeat_missed");
  }

  /** It was missed. */
  missed(): void {
    this.#timer.clear();
    this.#evidence?.missed();
    if (this.#view) this.#emit("heartbeat_missed", this.#view);
    else this.#isLate = true;
  }

  /** What the kernel has shown of the present silence. */
  get seen(): KernelSeen {
    return this.#seen;
  }

  /** The silence is over: data was heard again. Returns what the kernel has shown of it. */
  recovered(): KernelSeen {
    this.#timer.clear();
    this.#evidence = undefined;
    if (!this.#isIdle) this.#look("recovery");
    return this.#seen;
  }

  /** The connection has ended: returns what follows from the views of the silence, if there is one. */
  end(): KernelVerdict | undefined {
    this.#timer.clear();
    this.#hasEnded = true;
    return this.#verdict();
  }

  #verdict(): KernelVerdict | undefined {
    const { clock, session } = this.#options;
    const { framesReceived: frames, mayHearLarge: mayBeLarge } = session;
    return this.#evidence?.verdict({ now_ms: clock.now(), frames, mayBeLarge });
  }

  static readonly #ask = (watch: KernelWatch) => watch.#look("heartbeat_missed");

  #look(at: KernelOccasion): void {
    const { clock, connection } = this.#options;
    connection.kernelView?.(clock, new Look(this, at, this.#evidence));
  }

  /** The answer to a look: of no use if the silence, or the time without one, is over meanwhile. */
  onLook(at: KernelOccasion, evidence: KernelEvidence | undefined, view: KernelAnswer): void {
    const { session } = this.#options;
    if (!view || this.#hasEnded) return;
    if ("unreadable" in view) return session.onKernel({ unknown: view.unreadable });
    this.#repeated = repeatedIn(view);
    if (this.#evidence !== evidence) return;
    evidence?.add({ view, written_ms: this.#written_ms, frames: session.framesReceived });
    // What a heartbeat shows is emitted once that has been missed.
    if (at === "heartbeat_missed" && !this.#isLate) this.#view = view;
    else this.#emit(at, view);
    if (at === "heartbeat_missed") this.#isLate = false;
  }

  #emit(at: KernelOccasion, view: KernelView): void {
    const verdict = this.#verdict();
    const { figures = figuresOf(view), ...conclusion } = verdict ?? {};
    const cause = verdict?.cause ?? this.#seen.cause;
    const { transmits = view.retransmissions === 0 } = this.#seen;
    if (at !== "recovery") this.#seen = { cause, transmits };
    this.#options.session.onKernel({ at, ...figures, ...conclusion });
  }
}

/** One look of a watch, for an occasion in a silence, or in the time without one. */
class Look implements KernelReceiver {
  readonly #watch: KernelWatch;
  readonly #at: KernelOccasion;
  readonly #evidence?: KernelEvidence;

  constructor(watch: KernelWatch, at: KernelOccasion, evidence?: KernelEvidence) {
    this.#watch = watch;
    this.#at = at;
    this.#evidence = evidence;
  }

  onKernelView(answer: KernelAnswer): void {
    this.#watch.onLook(this.#at, this.#evidence, answer);
  }
}
