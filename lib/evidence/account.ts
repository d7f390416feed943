/**
 * Accounts: what a side saw of an outage, as it tells its peer, and both sides' views beside each other.
 *
 * All times in an account are ages: how many milliseconds before it was made.
 *
 * @module
 */
import { stallKind } from "../platform/suspension.ts";
import { frameLine } from "../wire/line.ts";
import { HOLD_REASONS, type JsonObject, MAX_LINE_BYTES, type Role } from "../wire/protocol.ts";
import { ClockBounds, type Interval } from "./clock_bounds.ts";
import {
  type FrameNote,
  KEPT_FRAMES,
  type Measured,
  type Noticed,
  type OutageLog,
  ownSeen,
} from "./outage_log.ts";
import { type Cause, type FrameSeen, isCause, type SideSeen, type Stall } from "./side.ts";

/** How many times in which its process did not run an account names. */
const MAX_STALLS = 3;

/** Frames that have a number, as accounts name them. */
const NAMED: readonly string[] = ["DATA", "CONFIRM", "HEARTBEAT", "HEARTBEAT_REPLY"];

/** Which account it is: its number, or the number of the one that it answers (`true` if that has none). */
export type AccountHead = { readonly n: number } | { readonly answer: number | true };

/** Makes the account of an outage. Of frames as many are left out as do not fit a line. */
export function accountOf(log: OutageLog, now_ms: number, head?: AccountHead): JsonObject {
  for (let frames = 2 * KEPT_FRAMES;; frames -= 2) {
    const account = { ...head, ...fieldsOf(log, now_ms, frames) };
    if (frames === 0 || frameLine({ type: "ACCOUNT", account }).length <= MAX_LINE_BYTES) {
      return account;
    }
  }
}

function fieldsOf(log: OutageLog, now_ms: number, frames: number): JsonObject {
  const age = (at_ms: number) => Math.round((now_ms - at_ms) * 1000) / 1000;
  const { causes, closed_ms, held, in_doubt, measured, noticed, over_ms, received, sent } = log;
  const { settled, stalls, transmits } = log;
  return {
    sent: grouped(sent.ends(frames), age),
    received: grouped(received.ends(frames), age),
    ...noticed && { noticed: [noticed.how, age(noticed.at_ms)] },
    ...over_ms !== undefined && { over: age(over_ms) },
    ...closed_ms !== undefined && { closed: age(closed_ms) },
    ...measured && { detected: [measured.detected_ms, measured.predicted_ms] },
    ...stalls.length > 0 &&
      {
        stalls: stalls.slice(-MAX_STALLS).map(({ earliest_ms, from_ms, kind, to_ms }) => [
          ...[earliest_ms, from_ms, to_ms].map(age),
          ...kind === undefined ? [] : [kind],
        ]),
      },
    ...causes.length > 0 && { causes },
    ...transmits !== undefined && { transmits },
    ...held && { held },
    ...in_doubt !== undefined && { in_doubt, settled },
  };
}

/** Frames by their first words: `{"DATA": [[42, 8100.25, 19]]}`, number, age and size. */
function grouped(notes: readonly FrameNote[], age: (at_ms: number) => number): JsonObject {
  const groups: Record<string, number[][]> = {};
  for (const { at_ms, bytes, frame, n } of notes) {
    (groups[frame] ??= []).push([n, age(at_ms), ...bytes === undefined ? [] : [bytes]]);
  }
  return groups;
}

/** An account as it came: the peer's word, of the right form. Ages in milliseconds. */
export interface PeerAccount {
  /** What the peer sent: first words, numbers and ages. */
  readonly sent: readonly FrameAge[];
  /** What the peer received. */
  readonly received: readonly FrameAge[];
  /** When and as what it noticed the outage. */
  readonly noticed?: { readonly how: Noticed; readonly age_ms: number };
  /** When it received data again. */
  readonly over_ms?: number;
  /** When it closed the connection on which the outage began. */
  readonly closed_ms?: number;
  /** When its process did not run: ages. */
  readonly stalls: readonly Stall[];
  /** What its kernel's views said. */
  readonly causes: readonly Cause[];
  /** Whether its kernel had nothing to transmit again. */
  readonly transmits?: boolean;
  /** What confirmations waited for at it. */
  readonly held?: string;
  /** How many data messages were in doubt for it. */
  readonly in_doubt?: number;
  /** Of these, how many the server turned out to have. */
  readonly settled?: number;
  /** How late it noticed it, by silence. */
  readonly measured?: Measured;
  /** Its number, which an answer repeats. */
  readonly n?: number;
  /** Whether it answers an account. */
  readonly isAnswer: boolean;
  /** The number of the account that it answers. */
  readonly answers?: number;
  /** Whether the peer knows anything of the outage. */
  readonly isSeen: boolean;
}

/** A frame of an account. */
export interface FrameAge {
  /** Its first word. */
  readonly frame: string;
  /** Its number. */
  readonly n: number;
  /** How long before the account it was sent or received, in milliseconds. */
  readonly age_ms: number;
  /** The size of a data message. */
  readonly bytes?: number;
}

const HOWS: readonly string[] = ["silent", "reset", "closed", "other"];

/** Reads an account. What is not of the right form is left out: it is not known then. */
export function readAccount(account: JsonObject): PeerAccount {
  const { answer, held, transmits } = account;
  const [how, noticed_ms] = listOf(account.noticed);
  const age_ms = ageOf(noticed_ms);
  const [detected_ms, predicted_ms] = listOf(account.detected).map(ageOf);
  const stalls = listOf(account.stalls).slice(-MAX_STALLS).flatMap((each): Stall[] => {
    const [earliest_ms, from_ms, to_ms] = listOf(each).map(ageOf);
    if (earliest_ms === undefined || from_ms === undefined || to_ms === undefined) return [];
    if (earliest_ms < from_ms || from_ms < to_ms) return [];
    const kind = stallKind(listOf(each)[3]);
    return [{ earliest_ms, from_ms, to_ms, ...kind && { kind } }];
  });
  const causes = listOf(account.causes).filter(isCause);
  return {
    sent: framesOf(account.sent),
    received: framesOf(account.received),
    ...age_ms !== undefined && HOWS.includes(how as string) &&
      { noticed: { how: how as Noticed, age_ms } },
    over_ms: ageOf(account.over),
    closed_ms: ageOf(account.closed),
    stalls,
    causes,
    ...typeof transmits === "boolean" && { transmits },
    ...typeof held === "string" && (HOLD_REASONS as readonly string[]).includes(held) && { held },
    in_doubt: ageOf(account.in_doubt),
    settled: ageOf(account.settled),
    ...detected_ms !== undefined && predicted_ms !== undefined &&
      { measured: { detected_ms, predicted_ms } },
    n: ageOf(account.n),
    isAnswer: answer === true || ageOf(answer) !== undefined,
    answers: ageOf(answer),
    isSeen: isGroups(account.sent) && isGroups(account.received),
  };
}

function framesOf(groups: unknown): FrameAge[] {
  if (!isGroups(groups)) return [];
  return NAMED.flatMap((frame) =>
    listOf(groups[frame]).slice(0, 2 * KEPT_FRAMES).flatMap((each) => {
      const [n, age_ms, bytes] = listOf(each).map(ageOf);
      if (n === undefined || age_ms === undefined) return [];
      return [{ frame, n, age_ms, ...bytes !== undefined && { bytes } }];
    })
  );
}

function isGroups(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function ageOf(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && Number.isFinite(value) ? value : undefined;
}

/** Both sides' views of one outage, as the judge takes them: all times on this side's clock. */
export interface BothSeen {
  /** The client's. */
  readonly client: SideSeen;
  /** The server's. */
  readonly server: SideSeen;
}

/** When the account came and this side's own went out, in monotonic milliseconds. */
export interface Exchange {
  /** When the peer's account was received. */
  readonly received_ms: number;
  /** When this side's account was sent, if the peer's answers it. */
  readonly asked_ms?: number;
}

/**
 * Places the peer's account beside what this side saw: `undefined` if they contradict each other.
 *
 * A frame cannot be received before it was sent: so each frame that both sides name bounds the peer's clock.
 */
export function bothSeen(
  role: Role,
  log: OutageLog,
  peer: PeerAccount,
  exchange: Exchange,
): BothSeen | undefined {
  const { received_ms } = exchange;
  const placed = placer(role, log, peer, exchange);
  if (!placed) return undefined;
  const own = ownSeen(role, log, received_ms);
  const peers: SideSeen = {
    role: role === "client" ? "server" : "client",
    sent: peer.sent.map(placed.frame),
    received: peer.received.map(placed.frame),
    ...peer.noticed && { noticed: { how: peer.noticed.how, at: placed.at(peer.noticed.age_ms) } },
    isExcerpt: true,
    ...peer.over_ms !== undefined && { over: placed.at(peer.over_ms) },
    // What this side sent later may have been behind its own account, still on its way.
    open_until: earlier(placed.at(peer.closed_ms ?? 0), log.over_ms ?? Infinity),
    stalls: peer.stalls.map(({ earliest_ms, from_ms, to_ms, ...kind }) => ({
      ...kind,
      earliest_ms: placed.at(earliest_ms)[0],
      from_ms: placed.at(from_ms)[1],
      to_ms: placed.at(to_ms)[1],
    })),
    causes: peer.causes,
    ...peer.transmits !== undefined && { transmits: peer.transmits },
    ...peer.held && { held: peer.held },
  };
  return role === "client" ? { client: own, server: peers } : { client: peers, server: own };
}

/**
 * Whether both sides saw one and the same outage: for neither it was over before the other noticed it, certainly
 * or, with `perhaps`, as far as is known.
 */
export function areOne({ client, server }: BothSeen, perhaps = false): boolean {
  const isBefore = ({ over }: SideSeen, { noticed }: SideSeen) => {
    if (!over || !noticed) return false;
    return perhaps ? over[1] < noticed.at[0] : over[0] < noticed.at[1];
  };
  return !isBefore(client, server) && !isBefore(server, client);
}

function earlier([low, high]: Interval, limit_ms: number): Interval {
  return [Math.min(low, limit_ms), Math.min(high, limit_ms)];
}

/** Places moments of the peer on this side's clock. */
interface Placer {
  at(age_ms: number): Interval;
  frame(each: FrameAge): FrameSeen;
}

function placer(
  role: Role,
  log: OutageLog,
  peer: PeerAccount,
  { asked_ms, received_ms }: Exchange,
): Placer | undefined {
  const bounds = new ClockBounds();
  /** A frame from this side to the peer, or back: times on this side's clock, and as the peer's age. */
  const there = (own_ms: number, age_ms: number) =>
    role === "client" ? bounds.addToServer(own_ms, -age_ms) : bounds.addToClient(own_ms, -age_ms);
  const back = (own_ms: number, age_ms: number) =>
    role === "client" ? bounds.addToClient(-age_ms, own_ms) : bounds.addToServer(-age_ms, own_ms);
  for (const [mine, theirs] of matched(log.sent.all, peer.received)) {
    there(mine.at_ms, theirs.age_ms);
  }
  for (const [mine, theirs] of matched(log.received.all, peer.sent)) {
    back(mine.at_ms, theirs.age_ms);
  }
  back(received_ms, 0);
  if (asked_ms !== undefined) there(asked_ms, 0);
  const offset = bounds.at(role === "client" ? received_ms : 0)?.offset_ms;
  if (!offset) return undefined;
  // The offset is the server's clock minus the client's; the peer's clock reads minus the age.
  const [low, high] = role === "client" ? [-offset[1], -offset[0]] : offset;
  const at = (age_ms: number): Interval => [low - age_ms, high - age_ms];
  return { at, frame: ({ age_ms, ...note }) => ({ ...note, connection: 1, at: at(age_ms) }) };
}

function matched(
  notes: readonly FrameNote[],
  ages: readonly FrameAge[],
): [mine: FrameNote, theirs: FrameAge][] {
  return notes.flatMap((mine) => {
    const theirs = ages.find(({ frame, n }) => frame === mine.frame && n === mine.n);
    return theirs ? [[mine, theirs] as [FrameNote, FrameAge]] : [];
  });
}
