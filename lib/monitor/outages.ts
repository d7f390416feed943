/**
 * The outages of all sessions: those under way, and the latest of those that are over.
 *
 * @module
 */
import { isPolite } from "../session/close_reason.ts";
import type { Event } from "../session/events.ts";
import type { Outage } from "./reading.ts";
import type { Moment, SessionTrack } from "./track.ts";
import type { PastOutage } from "./watch.ts";

/** How many outages that are over are kept: the latest. */
export const MAX_OUTAGES = 10_000;

/** An outage, to which its end, and what is found of its cause, come later. */
type OpenOutage = { -readonly [Name in keyof Outage]: Outage[Name] } & {
  /** When something was last heard before it, in monotonic milliseconds; not known if another process heard it. */
  heard_ms?: number;
  /** Whether its connection was lost. */
  isLost?: true;
  /** Whether a heartbeat was missed in it. */
  hasMissed?: true;
  /** Whether the peer, which had answered all heartbeats, ended the session as asked. */
  isEndedByPeer?: true;
};

/** Takes outages from the events of sessions. */
export class Outages {
  readonly #lasting = new Map<string, OpenOutage>();
  #over: OpenOutage[] = [];
  /** The last outage of each session that had one lately: its account comes when it is over. */
  readonly #latest = new Map<string, OpenOutage>();

  /** Takes an event of a session; whether that has begun or ended an outage, or told more of one. */
  onEvent(event: Event, track: SessionTrack, at: Moment): boolean {
    switch (event.event) {
      case "phase":
        if (event.to === "data") return this.#dataHeard(track, event.silent_ms, at);
        if (event.to !== "heartbeat" || event.idle) return false;
        return this.#begin(track, at, at.now_ms - event.silent_ms);
      case "heartbeat_missed": {
        const lasting = this.#lasting.get(track.id);
        if (lasting) lasting.hasMissed = true;
        return false;
      }
      case "disconnected": {
        const { cause, silent_ms } = event;
        this.#begin(track, at, at.now_ms - (silent_ms ?? 0), cause);
        this.#lasting.get(track.id)!.isLost = true;
        return true;
      }
      case "resumed": {
        const lasting = this.#lasting.get(track.id);
        if (lasting && event.gap_ms !== null) lasting.silent_ms = event.gap_ms;
        return false;
      }
      case "account":
        return this.#account(event, track.id);
      case "terminated":
        return this.#ended(event, track, at);
      case "summary":
        return this.#settle(event, track.id);
      default:
        return false;
    }
  }

  /** Takes outages of earlier processes that are over, in their order. */
  remember(past: readonly PastOutage[]): void {
    for (const { gap_ms, isResumed, lost_at, over_at, peer, reason, session, who } of past) {
      if (over_at === undefined) continue;
      this.#over.push({
        session,
        ...who !== undefined && { who },
        peer,
        began_ms: lost_at,
        ended_ms: over_at,
        silent_ms: gap_ms ?? null,
        outcome: isResumed ? "resumed" : "lost",
        cause: reason === "closed" || reason === "reset" ? reason : "unknown",
      });
    }
  }

  /** A session is without a connection, and so long has been, that an earlier process has left in the store. */
  restored(track: SessionTrack, away_ms: number, at: Moment): void {
    this.#begin(track, { wall_ms: at.wall_ms - away_ms, now_ms: at.now_ms - away_ms });
    this.#lasting.get(track.id)!.isLost = true;
  }

  /** Those under way, the latest first, then those that are over, the latest first. */
  list(now_ms: number, count = Infinity, session?: string): Outage[] {
    const found: Outage[] = [];
    const isMeant = (each: OpenOutage) => session === undefined || each.session === session;
    const add = (outages: readonly OpenOutage[]) => {
      for (let at = outages.length - 1; at >= 0 && found.length < count; at--) {
        if (isMeant(outages[at]!)) found.push(read(outages[at]!, now_ms));
      }
    };
    add(session === undefined ? [...this.#lasting.values()] : this.#lastingOf(session));
    add(this.#over);
    return found;
  }

  #lastingOf(session: string): OpenOutage[] {
    const lasting = this.#lasting.get(session);
    return lasting ? [lasting] : [];
  }

  /** Begins an outage, unless one lasts, of which this tells more. */
  #begin(track: SessionTrack, at: Moment, heard_ms?: number, cause?: string): boolean {
    const { id: session, peer, who } = track;
    const lasting = this.#lasting.get(session);
    if (lasting) {
      if (cause !== undefined) lasting.cause = cause;
      return cause !== undefined;
    }
    const outage: OpenOutage = {
      session,
      ...who !== undefined && { who },
      peer,
      began_ms: at.wall_ms,
      ended_ms: null,
      silent_ms: null,
      outcome: "lasts",
      cause: cause ?? "unknown",
      ...heard_ms !== undefined && { heard_ms },
    };
    this.#lasting.set(session, outage);
    this.#latest.set(session, outage);
    return true;
  }

  #dataHeard({ id }: SessionTrack, silent_ms: number, at: Moment): boolean {
    const lasting = this.#lasting.get(id);
    if (!lasting) return false;
    if (!lasting.isLost) lasting.silent_ms = silent_ms;
    this.#conclude(lasting, lasting.isLost ? "resumed" : "recovered", at);
    return true;
  }

  #ended(event: Event & { event: "terminated" }, track: SessionTrack, at: Moment): boolean {
    const { cause, silent_ms } = event;
    if (!track.wasOpen) return false;
    if (!this.#lasting.has(track.id)) {
      if (isPolite(event) || track.state === "ended") return false;
      this.#begin(track, at, at.now_ms - (silent_ms ?? 0), cause);
    }
    const lasting = this.#lasting.get(track.id)!;
    if (cause !== undefined) lasting.cause = cause;
    // The event counts from the last frame, which may have been the answer to a heartbeat, and not from the last data.
    if (lasting.heard_ms === undefined) lasting.silent_ms = silent_ms;
    if (!lasting.isLost && !lasting.hasMissed && event.by === "peer" && isPolite(event)) {
      lasting.isEndedByPeer = true;
    }
    this.#conclude(lasting, "lost", at);
    return true;
  }

  #conclude(outage: OpenOutage, outcome: Outage["outcome"], at: Moment): void {
    outage.silent_ms ??= outage.heard_ms === undefined ? null : at.now_ms - outage.heard_ms;
    outage.ended_ms = at.wall_ms;
    outage.outcome = outcome;
    this.#lasting.delete(outage.session);
    this.#over.push(outage);
    // Not one by one: that would move all the others each time.
    if (this.#over.length < MAX_OUTAGES * 1.1) return;
    for (const gone of this.#over.splice(0, this.#over.length - MAX_OUTAGES)) {
      if (this.#latest.get(gone.session) === gone) this.#latest.delete(gone.session);
    }
  }

  #account(event: Event & { event: "account" }, session: string): boolean {
    const outage = this.#latest.get(session);
    if (!outage) return false;
    const { at, began, cause, first_noticed_by, in_doubt } = event;
    if (cause !== "unknown") outage.cause = cause;
    if (at !== null) outage.at = at;
    outage.began = began;
    if (first_noticed_by !== null) outage.first_noticed_by = first_noticed_by;
    if (in_doubt !== null) outage.in_doubt = in_doubt;
    return true;
  }

  /**
   * With its summary a session that is lost leaves in doubt what it has. Where that is nothing, a client that ended
   * its session had nothing to send: that its server was silent was no outage.
   */
  #settle({ in_doubt }: Event & { event: "summary" }, session: string): boolean {
    const outage = this.#latest.get(session);
    this.#latest.delete(session);
    if (outage?.outcome !== "lost") return false;
    if (outage.isEndedByPeer && in_doubt.length === 0) {
      this.#over.splice(this.#over.lastIndexOf(outage), 1);
      return true;
    }
    outage.in_doubt = in_doubt.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    return true;
  }
}

function read(open: OpenOutage, now_ms: number): Outage {
  const { hasMissed: _missed, heard_ms, isEndedByPeer: _ended, isLost: _lost, ...outage } = open;
  const silent_ms = outage.outcome === "lasts" && heard_ms !== undefined
    ? now_ms - heard_ms
    : outage.silent_ms;
  return { ...outage, silent_ms };
}
