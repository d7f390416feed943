/**
 * Why a connection is silent, by what the kernel knows of it.
 *
 * What the acknowledgements prove is that whoever ends the TCP connection lives: the peer's host, or a proxy
 * in front of it. Where a cause is not certain, it is `unknown`.
 *
 * @module
 */
import type { KernelTimer, KernelView } from "../platform/net/transport.ts";
import type { Cause } from "./side.ts";

/** The fields of an event that says what the kernel knows. */
export interface KernelFigures {
  /** Bytes that were sent, or wait here to be, and are not acknowledged. */
  readonly unacked_bytes: number;
  /** Bytes that have arrived and were not read. */
  readonly unread_bytes: number;
  /** How often in a row what is not acknowledged was sent again. */
  readonly retransmissions: number;
  /** What the connection's timer waits for. */
  readonly timer: KernelTimer;
  /** Set if what is not acknowledged was sent less than a retransmission time-out ago: it proves nothing yet. */
  readonly too_early?: true;
}

/** The figures of a view. */
export function figuresOf(view: KernelView): KernelFigures {
  const { unacked_bytes, unread_bytes, retransmissions, timer } = view;
  const isEarly = unacked_bytes > 0 && retransmissions === 0 && timer === "retransmit";
  return {
    unacked_bytes,
    unread_bytes,
    retransmissions,
    timer,
    ...isEarly && { too_early: true as const },
  };
}

/** A view, and what the session knew when it was taken. */
export interface Sighting {
  /** What the kernel said. */
  readonly view: KernelView;
  /** When something was last handed to the network, in monotonic milliseconds; `NaN` if nothing since. */
  readonly written_ms: number;
  /** How many frames the peer had sent on the connection. */
  readonly frames: number;
}

/** What the session knows when it asks for a verdict, while no answer has come. */
export interface VerdictContext {
  /** The time, in monotonic milliseconds. */
  readonly now_ms: number;
  /** How many frames the peer has sent on the connection. */
  readonly frames: number;
  /**
   * Whether the peer may have sent something that takes large packets: where the path drops those, the peer's
   * host acknowledges all, and no answer comes either.
   */
  readonly mayBeLarge: boolean;
}

/** What follows from the views of one silence. */
export interface KernelVerdict {
  /** Why the connection is silent. */
  readonly cause: Cause;
  /** The figures of the last view. */
  readonly figures: KernelFigures;
  /**
   * How long TCP alone would have repeated what is not acknowledged, in milliseconds, before it gave up;
   * `null` if for ever; absent if that is not known.
   */
  readonly tcp_gives_up_ms?: number | null;
}

/** When the kernel was asked: at the start of a silence, just before a heartbeat was missed, at its end. */
export type KernelOccasion = "silence" | "heartbeat_missed" | "recovery";

/** What the kernel said of a silent connection, and what follows; or why that cannot be known here. */
export type KernelReport =
  | { at: KernelOccasion } & KernelFigures & Partial<Omit<KernelVerdict, "figures">>
  | { unknown: string };

/** How often something must have been sent again in vain: one loss, or a jump of the delay, repeats it once. */
const IN_VAIN = 2;

/** How long an answer may take besides, in milliseconds: a first retransmission, and the process itself. */
const OVERDUE_MS = 500;

/**
 * How many frames must have come from the peer while this side repeated something in vain. The peer's TCP
 * sends so many, one after the other, only if it receives acknowledgements, which are small packets.
 */
const FRAMES_THAT_PROVE = 3;

/**
 * What is no larger is in one packet of a size that every path carries, in bytes.
 */
const SMALL_BYTES = 400;

/** A heartbeat takes so many bytes at most, up to the billionth; with any frame before it, it takes more. */
const MAX_HEARTBEAT_BYTES = 20;

/** The longest retransmission time-out of Linux, in milliseconds. */
const MAX_RTO_MS = 120_000;

/** The shortest one, in milliseconds: that of a path without a long delay. */
const LEAST_RTO_MS = 200;

/** Judges the views of one connection in one silence, one after the other. */
export class KernelEvidence {
  readonly #isIdle: boolean;
  #last?: Sighting;
  /** When the first of the views was taken in which all was acknowledged, of those in a row. */
  #acknowledged_ms = NaN;
  /** When the peer was last heard in the silence; and ever. */
  #heard_ms = -Infinity;
  #lastHeard_ms: number;
  /** The first of the views in a row in which something was repeated in vain. */
  #vain?: Sighting;
  /** Whether the peer's window was closed in the last views, as one of them has proved. */
  #isClosed = false;
  /** Whether a heartbeat was missed since the peer was last heard. */
  #hasMissed = false;
  /** The first view: at the start of the silence, when one heartbeat had been sent. */
  #first?: Sighting;
  /** How often in a row something had been sent again in vain before the silence. */
  #before: number;

  /**
   * Judges nothing yet. `heard_ms` is when the peer was last heard before the silence; of an idle one it is known
   * that only heartbeats are sent. `before` is how often in a row something was sent again in vain in the silence
   * before: TCP still waits to send that once more, and the path may be whole.
   */
  constructor(heard_ms: number, isIdle = false, before = 0) {
    this.#lastHeard_ms = heard_ms;
    this.#isIdle = isIdle;
    this.#before = before;
  }

  /** Adds a view. */
  add(sighting: Sighting): void {
    const { view, written_ms } = sighting;
    this.#first ??= sighting;
    if (view.retransmissions < this.#before) this.#before = 0;
    const isProbed = written_ms > this.#heard_ms && written_ms < view.read_ms;
    const isAcknowledged = isProbed && view.unacked_bytes === 0;
    if (!isAcknowledged) this.#acknowledged_ms = NaN;
    else if (Number.isNaN(this.#acknowledged_ms)) this.#acknowledged_ms = view.read_ms;
    this.#vain = isInVain(view, this.#before) ? this.#vain ?? sighting : undefined;
    this.#isClosed = isProbing(view) && (this.#isClosed || isRefused(view));
    this.#last = sighting;
  }

  /** The peer was heard: that it acknowledges what was sent before says nothing of its process after that. */
  heard(now_ms: number): void {
    this.#heard_ms = this.#lastHeard_ms = now_ms;
    this.#acknowledged_ms = NaN;
    this.#hasMissed = false;
  }

  /** A heartbeat was missed. */
  missed(): void {
    this.#hasMissed = true;
  }

  /** Whether something is being repeated in vain. */
  get isInVain(): boolean {
    return this.#vain !== undefined;
  }

  /** What follows from the views so far; `undefined` without any. */
  verdict(context: VerdictContext): KernelVerdict | undefined {
    if (!this.#last) return undefined;
    const cause = this.#cause(this.#last.view, context);
    const givesUp_ms = this.#givesUp_ms(cause);
    return {
      cause,
      figures: figuresOf(this.#last.view),
      ...givesUp_ms !== undefined && { tcp_gives_up_ms: givesUp_ms },
    };
  }

  #cause(view: KernelView, { frames, mayBeLarge, now_ms }: VerdictContext): Cause {
    // Whatever the peer has sent may be among what this process has not read.
    if (view.unread_bytes > 0) return "unknown";
    if (this.#vain) return this.#causeInVain(view, frames - this.#vain.frames);
    if (this.#isClosed) return "not_reading";
    const isOverdue = now_ms >= this.#answerDue_ms;
    return this.#hasMissed && isOverdue && !mayBeLarge ? "process_not_running" : "unknown";
  }

  /**
   * By when a process that runs has answered what its host acknowledged. What it sent after it was last heard may
   * have been lost, and holds back all that follows until it is sent again: the distance between retransmissions
   * doubles (RFC 6298, section 5.5), so that is after as much time again as the path may have been cut.
   */
  get #answerDue_ms(): number {
    const mayBeCut_ms = this.#acknowledged_ms - this.#lastHeard_ms;
    return this.#acknowledged_ms + mayBeCut_ms + OVERDUE_MS;
  }

  /** Something is repeated in vain; since then so many frames have come. */
  #causeInVain({ unacked_bytes }: KernelView, frames: number): Cause {
    if (!isLarge(unacked_bytes)) return "path_cut";
    if (frames >= FRAMES_THAT_PROVE) return "large_packets";
    // Were it for large packets alone, the peer's own heartbeats would have come.
    return this.#hasMissed && frames === 0 ? "path_cut" : "unknown";
  }

  #givesUp_ms(cause: Cause): number | null | undefined {
    if (cause === "process_not_running" || cause === "not_reading") return null;
    if (cause !== "path_cut" && cause !== "large_packets") return undefined;
    const { view, written_ms } = this.#first!;
    if (view.retransmissions > 0 && !this.#isIdle) return tcpGivesUp_ms(this.#last!.view);
    // TCP without anything to repeat notices nothing.
    const isHeartbeat = view.unacked_bytes <= MAX_HEARTBEAT_BYTES && written_ms < view.read_ms;
    return isHeartbeat || this.#isIdle ? null : undefined;
  }
}

/** Whether bytes, or probes of a closed window, were sent again and again without any answer, in this silence. */
function isInVain(view: KernelView, before: number): boolean {
  const count = view.timer === "window_probe" ? view.probes : repeatedIn(view) - before;
  return view.unacked_bytes > 0 && count >= IN_VAIN;
}

/** How often in a row what is not acknowledged was sent again. */
export function repeatedIn({ retransmissions, timer }: KernelView): number {
  return timer === "retransmit" ? retransmissions : 0;
}

/** Whether bytes wait to be sent: for the peer's window, or for this host to send anything at all. */
function isProbing({ probes, timer, unacked_bytes }: KernelView): boolean {
  return timer === "window_probe" && probes === 0 && unacked_bytes > 0;
}

/**
 * Whether the peer's host has answered probes, and its window stays closed: the pauses between them grow only
 * then. Where this host cannot send, whatever comes in ends the pause.
 */
function isRefused({ rto_ms, timer_ms }: KernelView): boolean {
  return timer_ms > 1.5 * Math.max(rto_ms, LEAST_RTO_MS);
}

/** How long TCP repeats what is not acknowledged before it gives up: the time-out doubles each time. */
export function tcpGivesUp_ms(view: KernelView): number | undefined {
  const { retransmissions, retries, rto_ms, timer } = view;
  if (retries === undefined || timer !== "retransmit") return undefined;
  let wait_ms = rto_ms >= MAX_RTO_MS ? LEAST_RTO_MS : rto_ms / 2 ** retransmissions;
  let total_ms = 0;
  for (let count = 0; count <= retries; count++) {
    total_ms += wait_ms;
    wait_ms = Math.min(2 * wait_ms, MAX_RTO_MS);
  }
  return Math.round(total_ms);
}

/** Whether something of this size takes more than a small packet. */
export function isLarge(bytes: number): boolean {
  return bytes > SMALL_BYTES;
}
