/**
 * What one or both sides saw of an outage, and what follows from it. This file: how a connection was used,
 * and what the ends of a session's connections have in common: cut after the same idle time, at the same
 * age, or right after a pause. `session_trace` decides what is recorded of a session, with `last_frames` in
 * memory; `recording` thins and formats that.
 *
 * `outages` judges an outage by what one or both sides saw (`side`), from recordings and accounts alike:
 * `directions` by its frames, `verdict` in words. `clock_bounds` bounds the offset of two hosts' clocks,
 * `wall_clock` finds steps of one; `ledgers` reconciles what both sides counted.
 *
 * `session/` notes the facts and emits the conclusions. Nothing here reads a clock, sends or emits.
 *
 * @module
 */

/** Shorter times than this, in milliseconds, are no pause, no idle timeout and no limit on the age. */
export const SHORTEST_PAUSE_MS = 500;

/** How soon after a pause, in milliseconds, an end is taken for an answer to what ended the pause. */
const ANSWER_MS = 1_000;

/** How soon after it was to be sent, in milliseconds, something is taken for sent: its write takes so long. */
const SENT_MS = 50;

/** When a connection was opened and used; times in monotonic milliseconds. */
export class ConnectionUse {
  /** When it was opened. */
  readonly opened_ms: number;
  /** The longest pause before the last one, which the connection has survived. */
  #survived_ms = 0;
  #traffic_ms: number;
  /** The last pause, and when it ended. */
  #pause_ms = 0;
  #pauseEnded_ms?: number;
  /** The pause that ended with the first message of the last silence, if one did. */
  #unanswered?: Required<Pick<Cut, "pause_ms" | "survived_ms">> & { since_ms: number };

  /** Starts with the opening of the connection, which is traffic. */
  constructor(opened_ms: number) {
    this.opened_ms = this.#traffic_ms = opened_ms;
  }

  /** Notes that something was sent or received, other than `TERMINATE`. */
  onTraffic(now_ms: number): void {
    const pause_ms = now_ms - this.#traffic_ms;
    this.#traffic_ms = now_ms;
    if (pause_ms < SHORTEST_PAUSE_MS) return;
    this.#survived_ms = Math.max(this.#survived_ms, this.#pause_ms);
    this.#pause_ms = pause_ms;
    this.#pauseEnded_ms = now_ms;
  }

  /** The silence begins that is counted from a message which was sent then and is not answered. */
  onUnanswered(since_ms: number): void {
    const isAfterPause = this.#pauseEnded_ms !== undefined &&
      Math.abs(this.#pauseEnded_ms - since_ms) <= SENT_MS;
    const [pause_ms, survived_ms] = [this.#pause_ms, this.#survived_ms];
    this.#unanswered = isAfterPause ? { since_ms, pause_ms, survived_ms } : undefined;
  }

  /**
   * As {@linkcode report}, when the peer is declared dead that has been silent since then. The last pauses were
   * those between heartbeats in vain: the one that counts had ended with the first message without an answer.
   */
  reportDeath(now_ms: number, since_ms: number): Cut {
    const { age_ms, idle_ms, survived_ms } = this.report(now_ms);
    const { since_ms: begin_ms, ...pause } = this.#unanswered ?? {};
    return { age_ms, idle_ms, survived_ms, ...begin_ms === since_ms && pause, isDeath: true };
  }

  /** How long it was idle, and how old it was; and the pause that ended just before, if one did. */
  report(now_ms: number): Cut {
    const idle_ms = now_ms - this.#traffic_ms;
    const isAnswer = idle_ms < SHORTEST_PAUSE_MS && this.#pauseEnded_ms !== undefined &&
      now_ms - this.#pauseEnded_ms < ANSWER_MS;
    return {
      idle_ms,
      age_ms: now_ms - this.opened_ms,
      survived_ms: isAnswer ? this.#survived_ms : Math.max(this.#survived_ms, this.#pause_ms),
      ...isAnswer && { pause_ms: this.#pause_ms },
    };
  }
}

/** The end of a connection. */
export interface Cut {
  /** How long nothing had been sent or received before, in milliseconds. */
  readonly idle_ms: number;
  /** How long the connection had been open, in milliseconds. */
  readonly age_ms: number;
  /** The longest pause in the traffic, in milliseconds, that the connection survived. */
  readonly survived_ms: number;
  /** The pause in the traffic, in milliseconds, that had ended just before; absent without one. */
  readonly pause_ms?: number;
  /** Set if it ended since the peer was declared dead: then age and idle time are those of that moment. */
  readonly isDeath?: true;
}

/** How far short times may differ, in milliseconds, and still be alike. */
const TOLERANCE_MS = 150;

/** Whether times differ by a tenth at most, or by little. */
function areAlike(times_ms: readonly number[]): boolean {
  const least_ms = Math.min(...times_ms);
  const most_ms = Math.max(...times_ms);
  return least_ms >= SHORTEST_PAUSE_MS &&
    most_ms - least_ms <= Math.max(TOLERANCE_MS, most_ms / 10);
}

/** How much of an idle timeout a data interval may take, to stay clear of it. */
const SAFE_SHARE = 0.8;

/** How many of the last cuts are compared, and counted. */
const MAX_COMPARED = 100;

/** Idle timeouts in seconds that are some product's default: docs/idle-timeouts.md has the sources. */
export const KNOWN_IDLE_TIMEOUTS: Readonly<Record<number, string>> = {
  60: "AWS Application Load Balancer",
  240: "Azure Load Balancer and Azure NAT Gateway",
  300: "F5 BIG-IP",
  350: "AWS Network Load Balancer, NAT gateway and Network Firewall",
  600: "nginx (proxy_timeout of a stream) and the firewall of Google Cloud",
  900: "Linux IPVS, as Docker Swarm and Kubernetes use it",
  1200: "Google Cloud NAT",
  1800: "Juniper SRX",
  3600: "Cisco ASA, Palo Alto Networks and FortiGate firewalls, and of Envoy's TCP proxy",
  7440: "NATs that keep to the minimum of RFC 5382",
  86400: "pf, as in OpenBSD and pfSense, and of kube-proxy",
  432000: "Linux conntrack",
};

/**
 * What keeps a session's traffic going: data messages at an interval; or, of a client that sends its input,
 * heartbeats while there is none. A server does not know which.
 */
export type Pace = "interval" | "heartbeats" | "unknown";

/** Compares the cuts of one session, one after the other. */
export class CutPattern {
  readonly #pace: Pace;
  #cuts: Cut[] = [];

  /** Compares nothing yet; `pace` is what can be set so that the connections stay open. */
  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** Adds a cut; returns the conclusion, as a sentence, from the second alike on. */
  add(cut: Cut): string | undefined {
    this.#cuts.push(cut);
    if (this.#cuts.length > MAX_COMPARED) this.#cuts.shift();
    for (let count = this.#cuts.length; count >= 2; count--) {
      const conclusion = conclusionOf(this.#cuts.slice(-count), this.#pace);
      if (conclusion) return conclusion;
    }
    return undefined;
  }
}

function conclusionOf(cuts: readonly Cut[], pace: Pace): string | undefined {
  const hasDeath = cuts.some(({ isDeath }) => isDeath);
  const ages_ms = cuts.map(({ age_ms }) => age_ms);
  const idles_ms = cuts.map(({ idle_ms }) => idle_ms);
  // What has survived as long a pause before is not cut for being idle: with a fixed data interval a limit
  // on the age makes the idle times alike, too.
  const isIdle = !hasDeath && areAlike(idles_ms) &&
    cuts.every(({ idle_ms, survived_ms }) => survived_ms < idle_ms - TOLERANCE_MS);
  const start = `${hasDeath ? "lost" : "cut"} ${cuts.length} times, each`;
  if (isIdle) {
    const idle_ms = meanOf(idles_ms);
    const when = `${inSeconds(idle_ms)} s after the last traffic`;
    const below = `below ${inSeconds(idle_ms * SAFE_SHARE)} s`;
    return `${start} ${when}: something on the path closes idle connections` +
      `${knownText(idle_ms / 1000)}; ${remedy(pace, below)}`;
  }
  const pauses_ms = cuts.map(({ pause_ms }) => pause_ms ?? 0);
  const isForgotten = areAlike(pauses_ms) &&
    cuts.every(({ survived_ms }, i) => survived_ms < pauses_ms[i]! - TOLERANCE_MS);
  if (isForgotten) {
    const pause_ms = meanOf(pauses_ms);
    const when = `at the first traffic after a pause of ${inSeconds(pause_ms)} s`;
    return `${start} ${when}: something on the path forgets connections that are idle so long, ` +
      `or less long${knownText(pause_ms / 1000)}; ${remedy(pace, "far below that")}`;
  }
  // The age of a connection without traffic since its opening equals its idle time.
  const wereUsed = cuts.every(({ age_ms, idle_ms }) => !areAlike([age_ms, idle_ms]));
  if (hasDeath || !wereUsed || !areAlike(ages_ms)) return undefined;
  const age = `${inSeconds(meanOf(ages_ms))} s`;
  return `${start} at an age of ${age}: something on the path limits the age of connections; ` +
    "no timer changes that";
}

/** What to set so that pauses in the traffic stay so short; either side's heartbeats are traffic. */
function remedy(pace: Pace, below: string): string {
  const interval = `a data_interval ${below} keeps them open`;
  const heartbeats = `a data_threshold and a heart_beat_interval ${below}`;
  return {
    interval,
    heartbeats: `${heartbeats} keep them open, by heartbeats while there is no input`,
    unknown: `${interval}, or, of a client that sends its input, ${heartbeats}`,
  }[pace];
}

function knownText(idle_s: number): string {
  const known = Object.entries(KNOWN_IDLE_TIMEOUTS).find(([seconds]) =>
    Math.abs(idle_s - Number(seconds)) <= Math.max(1, 0.01 * Number(seconds))
  );
  return known ? ` (${known[0]} s is the default of ${known[1]})` : "";
}

function meanOf(times_ms: readonly number[]): number {
  return times_ms.reduce((sum, each) => sum + each, 0) / times_ms.length;
}

/** Seconds with a digit or two behind the point, as far as they say something. */
function inSeconds(ms: number): string {
  const s = ms / 1000;
  return s < 10 ? s.toFixed(1) : s.toFixed(0);
}
