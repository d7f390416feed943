/**
 * In which direction an outage began, by the frames that one side sent and the other has or has not received.
 *
 * On TCP a cut of one direction soon silences both: what arrives is no longer acknowledged, so the sender
 * holds back the rest. What counts is therefore the first frame that was lost in either direction, and what
 * still came through in the other one after it was sent. A frame that was late because its receiver did not
 * run says nothing of the path.
 *
 * @module
 */
import type { Interval } from "./clock_bounds.ts";
import type { FrameSeen, SideSeen } from "./side.ts";

/** A direction of a session's path. */
export type Direction = "to_server" | "to_client";

/** How frames came through in one direction. */
export interface Flow {
  /** The last frame that came through in time, before `vain` and before the path carried frames again. */
  readonly through?: FrameSeen;
  /** When that was received. */
  readonly through_received?: Interval;
  /** The first frame that did not come through, or came late, as it was sent; absent if all came. */
  readonly vain?: FrameSeen;
  /** When `vain`, or the first frame after it, was received; absent if none was. */
  readonly again?: Interval;
  /**
   * What `vain` was lost or late for: the `path`, for its receiver ran and did not have it; a `stall` of the
   * receiver, for it read it right after; that of its host, or the path besides, for it did not (`frozen`); or
   * any.
   */
  readonly fault?: "path" | "stall" | "frozen" | "unknown";
  /** Whether the receiver's host was suspended in that stall, and so acknowledged nothing. */
  readonly isSuspended?: boolean;
  /** Until when the frame had certainly not come through, on the path's account. */
  readonly broken_until_ms: number;
  /** The frame that `vain` answers, as this side received it; absent if it is no answer. */
  readonly question?: FrameSeen;
  /** The time that a frame usually takes, at most, in milliseconds. */
  readonly usual_ms: number;
  /** Whether `vain` was transmitted, not held back behind what was not acknowledged; absent if not known. */
  readonly transmitted?: boolean;
}

/** Both directions. */
export interface Flows {
  /** From the client to the server. */
  readonly to_server: Flow;
  /** From the server to the client. */
  readonly to_client: Flow;
}

/** What is taken for usual where no frame shows it, in milliseconds. */
const UNKNOWN_USUAL_MS = 1_000;

/** How much longer than usual a frame must take to be late: less than a first retransmission costs. */
const LATE_MS = 150;

/** How soon after a stall, in milliseconds, a frame is read that had been waiting. */
const READ_MS = 1_000;

/** Frames of which a connection has one of each name, or of each name and number. */
const MATCHED = /^(?:HELLO|WELCOME|TERMINATE|DATA|CONFIRM|HEARTBEAT|HEARTBEAT_REPLY)$/;

function kindOf({ connection, frame }: FrameSeen): string {
  return `${connection} ${frame}`;
}

function keyOf(frame: FrameSeen): string {
  return `${kindOf(frame)} ${frame.n ?? ""}`;
}

/** Follows the frames of both directions. */
export function flowsOf(client: SideSeen, server: SideSeen): Flows {
  const toServer = flowOf(client, server);
  const toClient = flowOf(server, client);
  return {
    to_server: withoutLater(toServer, toClient),
    to_client: withoutLater(toClient, toServer),
  };
}

/** A flow, and all its frames that came through in time. */
interface OpenFlow extends Flow {
  readonly inTime: readonly Fate[];
}

/** Leaves out frames that were sent when the other direction may have been whole again, as for a later connection. */
function withoutLater({ inTime, ...flow }: OpenFlow, other: Flow): Flow {
  const until_ms = other.vain ? other.broken_until_ms : Infinity;
  const upTo = other.vain?.connection ?? Infinity;
  const last = inTime.findLast(({ sent }) => sent.at[1] < until_ms && sent.connection <= upTo);
  return { ...flow, ...last && { through: last.sent, through_received: last.received } };
}

/** A frame that was sent, and what became of it. */
interface Fate {
  readonly sent: FrameSeen;
  /** When it was received; absent if that is not known. */
  readonly received?: Interval;
  /** When it had been received at the latest, as it shows itself or one behind it on the same connection. */
  readonly arrived?: Interval;
}

function flowOf(sender: SideSeen, receiver: SideSeen): OpenFlow {
  const fates = fatesOf(sender.sent, receiver.received);
  const usual_ms = usualDelay(fates);
  const late_ms = 2 * usual_ms + LATE_MS;
  const open_ms = receiver.open_until?.[0] ?? -Infinity;
  const { since_ms = -Infinity } = receiver;
  const isLate = ({ received, sent }: Fate) =>
    received !== undefined && received[0] - sent.at[1] > late_ms && received[1] >= since_ms;
  const first = connectionBefore(receiver, since_ms) ?? -Infinity;
  const isLost = ({ arrived, sent }: Fate) =>
    !arrived && open_ms > sent.at[1] + late_ms && sent.connection >= first;
  const at = fates.findIndex((fate) => isLate(fate) || isLost(fate));
  // Of an excerpt, one that is left out may have come as late as the one behind it.
  const inTime = (at < 0 ? fates : fates.slice(0, at)).filter(({ arrived, sent }) =>
    arrived && (!receiver.isExcerpt || arrived[0] - sent.at[1] <= late_ms)
  );
  if (at < 0) return { usual_ms, inTime, broken_until_ms: -Infinity };
  const { received, sent: vain } = fates[at]!;
  const again = received ??
    receiver.received.find((frame) => frame.at[0] > vain.at[1] + late_ms)?.at;
  const question = questionOf(vain, sender.received);
  const end_ms = received ? received[0] : open_ms;
  return {
    usual_ms,
    inTime,
    vain,
    ...faultOf(vain, received, receiver, late_ms),
    // The distance between retransmissions doubles: the last one in vain was sent about half-way.
    broken_until_ms: (vain.at[0] + end_ms) / 2,
    ...again && { again },
    ...question && { question },
    ...sender.transmits !== undefined && { transmitted: sender.transmits },
  };
}

/** The last connection on which something had come before a moment: earlier ones had been given up by then. */
function connectionBefore({ received }: SideSeen, time_ms: number): number | undefined {
  const before = received.filter(({ at }) => at[1] < time_ms).map(({ connection }) => connection);
  return before.length === 0 ? undefined : Math.max(...before);
}

/** What became of each frame, in the order in which they were sent. */
function fatesOf(sent: readonly FrameSeen[], received: readonly FrameSeen[]): Fate[] {
  const arrivals = new Map(received.map((frame) => [keyOf(frame), frame.at]));
  // TCP keeps the order: what is received proves that all before it on its connection arrived.
  const proven = new Map<number, Interval>();
  const ofKind = Map.groupBy(received, kindOf);
  // Of frames of one moment the first was sent first.
  const backwards = sent.toSorted((a, b) => a.at[0] - b.at[0]).reverse().map((frame): Fate => {
    const { connection, n } = frame;
    const received = MATCHED.test(frame.frame) ? arrivals.get(keyOf(frame)) : undefined;
    const later = ofKind.get(kindOf(frame))?.find((each) => n! <= (each.n ?? -1))?.at;
    const arrived = received ?? earlier(proven.get(connection), later);
    if (arrived) proven.set(connection, arrived);
    return { sent: frame, received, arrived };
  });
  return backwards.reverse().filter(({ sent }) => MATCHED.test(sent.frame));
}

function earlier(a: Interval | undefined, b: Interval | undefined): Interval | undefined {
  return a && b && b[0] < a[0] ? b : a ?? b;
}

/** The least of the longest times that frames may have taken: in an outage most of them are late. */
function usualDelay(fates: readonly Fate[]): number {
  const delays_ms = fates.flatMap(({ received, sent }) =>
    received ? [Math.max(0, received[1] - sent.at[0])] : []
  );
  return Math.min(...delays_ms, UNKNOWN_USUAL_MS);
}

function questionOf(vain: FrameSeen, received: readonly FrameSeen[]): FrameSeen | undefined {
  const asks = { CONFIRM: "DATA", HEARTBEAT_REPLY: "HEARTBEAT" }[vain.frame];
  return received.find(({ connection, frame, n }) =>
    frame === asks && n === vain.n && connection === vain.connection
  );
}

/** What a frame was lost or late for. */
function faultOf(
  vain: FrameSeen,
  received: Interval | undefined,
  receiver: SideSeen,
  late_ms: number,
): Pick<Flow, "fault" | "isSuspended"> {
  const expected_ms = vain.at[1] + late_ms;
  const end_ms = received ? received[0] : receiver.open_until?.[0] ?? -Infinity;
  const stall = receiver.stalls.find(({ earliest_ms, to_ms }) =>
    earliest_ms <= expected_ms && to_ms >= vain.at[0] &&
    // The distance between retransmissions doubles: the last one before it ended may have been half-way.
    (!received || end_ms <= to_ms + (to_ms - vain.at[0]) + READ_MS)
  );
  if (stall) {
    const isRead = received && end_ms <= stall.to_ms + READ_MS;
    const most_ms = (end_ms - vain.at[1] - (isRead ? 0 : READ_MS)) / 2;
    const isMost = stall.to_ms - stall.from_ms >= most_ms;
    const fault = !isMost ? "unknown" : isRead ? "stall" : "frozen";
    return { fault, isSuspended: stall.kind === "suspended" };
  }
  // What it did meanwhile, by its own timers, proves that it ran, and would have read the frame.
  const deeds = [
    ...receiver.sent.map(({ at }) => at),
    ...receiver.noticed ? [receiver.noticed.at] : [],
  ];
  const ran = deeds.some((at) => at[0] > expected_ms && at[1] < end_ms - LATE_MS);
  return { fault: ran ? "path" : "unknown" };
}

/**
 * By how much longer the time is in which a cut of one direction explains what was seen than the time in
 * which a cut of both would.
 */
export const CLEARLY = 100;

/** Until a host acknowledges what it received, at the latest, in milliseconds. */
const ACKNOWLEDGED_MS = 40;

/** The direction that was lost first. */
export interface Beginning {
  /** Which one. */
  readonly began: Direction | "both" | "unknown";
  /** Whether that is not certain, but {@linkcode CLEARLY} times as likely as anything else. */
  readonly isLikely: boolean;
}

const UNKNOWN: Beginning = { began: "unknown", isLikely: false };

/** Finds the direction that was lost first. */
export function beginningOf({ to_client, to_server }: Flows): Beginning {
  const isToServer = cameThroughAfter(to_client, to_server);
  const isToClient = cameThroughAfter(to_server, to_client);
  const mayServer = isToServer || isLostAnswer(to_server, to_client);
  const mayClient = isToClient || isLostAnswer(to_client, to_server);
  if (mayServer !== mayClient) {
    return mayServer
      ? { began: "to_server", isLikely: !isToServer }
      : { began: "to_client", isLikely: !isToClient };
  }
  if (mayServer || to_server.fault !== "path" || to_client.fault !== "path") return UNKNOWN;
  const [first, second] = to_server.vain!.at[0] < to_client.vain!.at[0]
    ? [to_server, to_client]
    : [to_client, to_server];
  // What was sent when the first direction may have been whole again is no sign of a cut of both.
  if (second.vain!.at[1] > first.broken_until_ms) return UNKNOWN;
  // If the last frame of the second direction was not acknowledged before the cut, its sender held back the
  // next one: that was lost without any cut of the second direction.
  if (second.transmitted !== undefined) {
    return second.transmitted ? { began: "both", isLikely: false } : UNKNOWN;
  }
  const acknowledged_ms = (second.through_received?.[1] ?? Infinity) + CLEARLY * ACKNOWLEDGED_MS;
  return first.vain!.at[0] > acknowledged_ms ? { began: "both", isLikely: true } : UNKNOWN;
}

/** Whether one direction still carried what was sent after the first frame in vain of the other one. */
function cameThroughAfter(other: Flow, lost: Flow): boolean {
  const { fault, usual_ms, vain } = lost;
  if (fault !== "path" || !other.through) return false;
  // Each frame is on its way for some time: two that cross both meet a cut of both directions.
  return other.through.at[0] > vain!.at[1] + 2 * (usual_ms + other.usual_ms);
}

/** Whether a question came through and its answer did not, long after the last frame that did. */
function isLostAnswer(lost: Flow, other: Flow): boolean {
  const { fault, question, through, usual_ms, vain } = lost;
  if (fault !== "path" || !question || !through) return false;
  const isFirst = !other.vain ||
    other.vain.at[0] > vain!.at[1] + 2 * (usual_ms + other.usual_ms);
  // A cut of both directions must have come between the question and its answer.
  const exchange_ms = vain!.at[1] - question.at[0] + usual_ms + other.usual_ms;
  return isFirst && vain!.at[0] - through.at[1] > CLEARLY * exchange_ms;
}
