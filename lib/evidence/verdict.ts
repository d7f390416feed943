/**
 * What a side concludes of an outage: the verdict in one sentence, and what it does not prove.
 *
 * @module
 */
import type { Role } from "../wire/protocol.ts";
import { areOne, bothSeen, type Exchange, type PeerAccount } from "./account.ts";
import { CLEARLY, type Flow } from "./directions.ts";
import { type OutageLog, ownSeen } from "./outage_log.ts";
import { judge, type Judgement } from "./outages.ts";
import type { Cause, FrameSeen } from "./side.ts";

/** A verdict for people. */
export interface Verdict {
  /** What is proven. */
  readonly verdict: string;
  /** What is not. */
  readonly not_proven: string;
}

/** A number of each side, where it is known. */
export type BySide = Readonly<Record<Role, number | null>>;

/** What a side concludes. */
export interface Conclusion
  extends Verdict, Pick<Judgement, "began" | "cause" | "first_noticed_by" | "by_ms"> {
  /** The side that the cause lies at, where it is one. */
  readonly at: Role | null;
  /** How late a silence was to be noticed, or a peer declared dead, in milliseconds. */
  readonly predicted_ms: BySide;
  /** How late it was. */
  readonly detected_ms: BySide;
  /** How many data messages were in doubt. */
  readonly in_doubt: number | null;
  /** How many of them had arrived. */
  readonly settled: number | null;
  /** Whether the peer's account of this outage is known, and agrees. */
  readonly peer: "agrees" | "contradicts" | "unknown";
}

/** The peer's account, and when it came. */
export interface ReceivedAccount extends Exchange {
  /** The account. */
  readonly account: PeerAccount;
}

/** Whether the peer's account may tell of the same outage. */
export function maySeeOne(role: Role, log: OutageLog, peer: ReceivedAccount): boolean {
  const both = bothSeen(role, log, peer.account, { received_ms: peer.received_ms });
  return both !== undefined && areOne(both, true);
}

/**
 * What a heartbeat that the peer has answered shows: that what lasts here is over, that it is `over for both`, as
 * the peer's account says, or that all is well; `undefined` if nothing yet.
 */
export function shownByAnswer(
  role: Role,
  log: OutageLog | undefined,
  peer: ReceivedAccount | undefined,
  isSettled: boolean,
  now_ms: number,
): "over" | "over for both" | "well" | undefined {
  const isServer = role === "server";
  if (!log) return isServer && isSettled ? "well" : undefined;
  if (log.over_ms !== undefined || !log.onAnswer(isSettled, now_ms) || !isServer) return undefined;
  if (!log.noticed) return log.isIdle ? "well" : undefined;
  if (!peer) return log.hasMissed ? "over" : "well";
  const isOver = peer.account.over_ms !== undefined && maySeeOne(role, log, peer);
  return isOver ? "over for both" : undefined;
}

/** What a side concludes from what it saw until now, and from the peer's account if there is one. */
export function conclusionOf(
  role: Role,
  log: OutageLog | undefined,
  now_ms: number,
  peer?: ReceivedAccount,
): Conclusion {
  const hasBoth = log !== undefined && peer?.account.isSeen === true;
  const both = hasBoth ? bothSeen(role, log, peer.account, peer) : undefined;
  const noticed_ms = both?.[OTHER[role]].noticed?.at[1] ?? Infinity;
  // What the peer had noticed before the last outage was over here is that one.
  const isEarlier = log !== undefined && noticed_ms < log.after_ms;
  const isOne = both !== undefined && areOne(both) && !isEarlier;
  const own = log && ownSeen(role, log, now_ms);
  const seen = judge(isOne ? both : { [role]: own });
  const judged = log?.isEcho && ECHOED.includes(seen.cause) ? { ...seen, ...ECHO } : seen;
  // Who has not noticed the loss of a connection may have noticed an outage just before, and told of that.
  const wasLost = log?.over_ms !== undefined && log.closed_ms! < log.over_ms;
  const judgement = wasLost && judged.by_ms === null
    ? { ...judged, first_noticed_by: null }
    : judged;
  const { at, began, by_ms, cause, first_noticed_by } = judgement;
  // What the peer says of another outage is no part of this one.
  const theirs = both && !isOne ? undefined : peer?.account;
  const of = (own: number | null = null, peers: number | null = null) =>
    role === "client" ? { client: own, server: peers } : { client: peers, server: own };
  // Only the client knows what it has sent.
  const doubts = role === "client" ? log : theirs;
  return {
    began,
    cause,
    at: at ?? null,
    first_noticed_by,
    by_ms: by_ms && [rounded(by_ms[0]), rounded(by_ms[1])],
    predicted_ms: of(log?.measured?.predicted_ms, theirs?.measured?.predicted_ms),
    detected_ms: of(log?.measured?.detected_ms, theirs?.measured?.detected_ms),
    in_doubt: doubts?.in_doubt ?? null,
    settled: doubts?.settled ?? null,
    ...verdictOf(judgement),
    peer: isOne ? "agrees" : hasBoth && !both ? "contradicts" : "unknown",
  };
}

/** Causes that look the same as a path that is whole again, while TCP still waits to send what was lost before. */
const ECHOED: readonly Cause[] = ["path_cut", "large_packets", "process_not_running", "unknown"];

/** What is known then: the distance between retransmissions doubles (RFC 6298, section 5.5). */
const ECHO = {
  began: "unknown",
  cause: "unknown",
  at: undefined,
  isLikely: false,
  to_client: null,
  to_server: null,
} as const;

function rounded(ms: number): number {
  return Math.round(1_000 * ms) / 1_000;
}

/**
 * Words a judgement. Of an outage that only one side noticed, `recordingEnded_ms` is how long before that the
 * other side's recording ends, if it does.
 */
export function verdictOf(judgement: Judgement, recordingEnded_ms?: number): Verdict {
  const { not_proven, verdict } = causeText(judgement);
  const noticed = noticedText(judgement, recordingEnded_ms);
  return { verdict: `${verdict}${noticed && `; ${noticed}`}`, not_proven };
}

const OTHER: Readonly<Record<Role, Role>> = { client: "server", server: "client" };

const WHERE = "where on the path, and by what";

function causeText(judgement: Judgement): Verdict {
  const { at, began, cause } = judgement;
  switch (cause) {
    case "path_cut":
      return { verdict: cutText(judgement), not_proven: cutDoubt(judgement) };
    case "process_not_running":
      return {
        verdict: `the ${
          at ?? "peer"
        }'s process did not run: its host, or a proxy in front of it, acknowledged all that was sent`,
        not_proven: "why it did not run; that it was the host and not a proxy that acknowledged",
      };
    case "local_stall":
      return {
        verdict: `the ${
          at ?? "peer"
        }'s process did not run for a time, as it says itself: the path is not to blame`,
        not_proven: "why it did not run",
      };
    case "not_reading":
      return {
        verdict: `the ${at ?? "peer"}'s process did not read what its host received`,
        not_proven: "why it did not read",
      };
    case "large_packets":
      return {
        verdict: `large packets were dropped${directionText(began)}, while small ones came through`,
        not_proven: WHERE,
      };
    case "held":
      return {
        verdict: "confirmations waited at the server for its store, its output or room, " +
          "not for the network",
        not_proven: "what held up the store or the output",
      };
    case "reset":
      return {
        verdict: `the connection was reset (RST)${directionText(began)}`,
        not_proven: "who sent the reset: the peer's host, or something on the path",
      };
    case "closed":
      return {
        verdict: "the connection was closed (FIN) without a TERMINATE",
        not_proven: "who closed it: the peer's host when its process ended, or a proxy on the path",
      };
    default:
      return {
        verdict: began === "unknown"
          ? "what was seen does not show the cause"
          : `${lostText(judgement)}; what was seen does not show why`,
        not_proven: "whether the path was cut, or a process or a host did not run",
      };
  }
}

function directionText(began: Judgement["began"]): string {
  if (began === "to_server") return " on the way to the server";
  return began === "to_client" ? " on the way to the client" : "";
}

function cutText(judgement: Judgement): string {
  const { began } = judgement;
  if (began === "unknown") return "the path was cut: what was sent did not arrive";
  if (began === "both") {
    return "the path was cut in both directions: nothing came through any more";
  }
  return `the path was cut towards the ${towards(judgement)}: ${lostText(judgement)}`;
}

function lostText(judgement: Judgement): string {
  const { began, isLikely } = judgement;
  if (began === "both") return "frames of both directions were lost";
  const to = towards(judgement);
  const { question, vain } = lostFlow(judgement) ?? {};
  // Of the other direction only the question is known to have come through.
  return isLikely && question && vain
    ? `the ${OTHER[to]}'s ${frameText(vain)} did not arrive, though ${frameText(question)} had`
    : `what the ${OTHER[to]} sent did not arrive, while what the ${to} sent still came through`;
}

function frameText({ frame, n }: FrameSeen): string {
  return n === undefined ? frame : `${frame} ${n}`;
}

function cutDoubt(judgement: Judgement): string {
  const { began, isLikely, to_client, to_server } = judgement;
  if (began === "unknown") return `in which direction it began; ${WHERE}`;
  const likely = `which is only likely, some ${CLEARLY} to 1`;
  if (began === "both") {
    const isServerFirst = to_server!.vain!.at[0] < to_client!.vain!.at[0];
    const second = isServerFirst ? "client" : "server";
    return isLikely
      ? `that the way to the ${second} was cut, too, ${likely}; ${WHERE}`
      : `that both directions were cut at the same moment; ${WHERE}`;
  }
  const other = OTHER[towards(judgement)];
  return isLikely
    ? `that the way to the ${other} was whole then, ${likely}; ${WHERE}`
    : `whether the way to the ${other} was cut later, too; ${WHERE}`;
}

/** The side that what was sent to it did not reach first. */
function towards({ began }: Judgement): Role {
  return began === "to_server" ? "server" : "client";
}

function lostFlow(judgement: Judgement): Flow | null {
  return towards(judgement) === "server" ? judgement.to_server : judgement.to_client;
}

function noticedText({ by_ms, first_noticed_by }: Judgement, recordingEnded_ms?: number): string {
  if (first_noticed_by === null) return "";
  if (by_ms === null) {
    const only = `only the ${first_noticed_by} noticed it`;
    if (recordingEnded_ms === undefined || first_noticed_by === "too_close") return only;
    return `${only}: the ${OTHER[first_noticed_by]}'s recording ends ` +
      `${timeText(recordingEnded_ms)} before that`;
  }
  const [low_ms, high_ms] = by_ms;
  if (first_noticed_by === "too_close") {
    const most_ms = Math.max(Math.abs(low_ms), Math.abs(high_ms));
    return `which side noticed it first is too close to tell (± ${timeText(most_ms)})`;
  }
  const around_ms = (low_ms + high_ms) / 2;
  return `the ${first_noticed_by} noticed it first, by ${timeText(around_ms)} ` +
    `(± ${timeText((high_ms - low_ms) / 2)})`;
}

/** A time for people, in the unit in which it can be read. */
export function timeText(ms: number): string {
  if (ms < 999.5) return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
  if (ms < 119_999.5) return `${(ms / 1_000).toFixed(3)} s`;
  const s = Math.round(ms / 1_000);
  const parts = [[Math.floor(s / 3_600), "h"], [Math.floor(s / 60) % 60, "min"], [s % 60, "s"]];
  return parts.filter(([count]) => count !== 0).map(([count, unit]) => `${count} ${unit}`).join(
    " ",
  );
}
