/**
 * The outages of a session: what each side recorded of one and the same outage is put together, and judged.
 *
 * @module
 */
import { judge, type Judgement } from "../evidence/outages.ts";
import type { FrameSeen, SideSeen } from "../evidence/side.ts";
import type { Role } from "../wire/protocol.ts";
import { type Clocks, type MatchedSession, onClock, type Side } from "./matching.ts";
import type { SideOutage } from "./side_history.ts";
import { type FrameAt, OutageWindow } from "./windows.ts";

/** How long before a silence, and after an outage, frames are looked at, in milliseconds. */
const FRAMES_BEFORE_MS = 120_000;
const FRAMES_AFTER_MS = 10_000;

/** The same of frames that are sent: they are given time to be received. */
const SENT_AFTER_MS = 5_000;

/** The same of the lines that are shown. */
const LINES_BEFORE_MS = 1_000;

/** How long an outage may have lasted that is looked at to its end. */
const LONGEST_MS = 86_400_000;

/** How long after a stall, in milliseconds, a side finds out what came about meanwhile. */
const WOKEN_MS = 1_000;

/** By how much outages may overlap that follow each other, in milliseconds: times are rounded. */
const TOUCH_MS = 1;

/** What one run recorded of an outage. */
export interface SidePart {
  /** The side of the session in that run. */
  readonly side: Side;
  /** What it noticed; empty if it noticed nothing. */
  readonly outages: readonly SideOutage[];
  /** Its frames and lines of that time. */
  readonly window: OutageWindow;
}

/** One outage of a session. */
export interface Outage {
  /** The session. */
  readonly session: MatchedSession;
  /** The side on whose clock its moments are: that of the session, unless it cannot be placed on that. */
  readonly clock: Side;
  /** What each run recorded. */
  readonly parts: readonly SidePart[];
  /** When it began. */
  readonly from_ms: number;
  /** When data was heard again, at the side that heard it last; absent if it was not. */
  readonly over_ms?: number;
}

/** An outage, and what is proven of it. */
export interface JudgedOutage {
  /** What was found. */
  readonly outage: Outage;
  /** What is proven of it. */
  readonly judgement: Judgement;
}

/** Places a moment of a side's clock on another one; not finite if the clocks are not known. */
type Place = (side: Side, at_ms: number) => number;

/** How far the clock of a side is ahead of the one on which moments are placed, about; `NaN` if that is not known. */
function aheadOf(side: Side, place: Place): number {
  // Near enough to look at lines: the distance changes by a thousandth at most.
  const near_ms = [side.history.first_ms, side.history.last_ms];
  return near_ms.map((each) => each - place(side, each)).find(Number.isFinite) ?? NaN;
}

/** An outage of one side, on the clock of its session. */
interface Span {
  readonly side: Side;
  readonly outage: SideOutage;
  readonly from_ms: number;
  /** When it was over, or else its session ended, or nothing more was recorded of that. */
  readonly to_ms: number;
  /** Whether data was received again. */
  readonly isOver: boolean;
}

/**
 * Makes the span of an outage. If its side recorded no end of it, as when its process was killed, the next data phase
 * of any side ends it.
 */
function spanOf(side: Side, outage: SideOutage, data_ms: readonly number[], place: Place): Span {
  const from_ms = place(side, silentSince_ms(side, outage));
  const { closed_ms = side.history.last_ms, over_ms } = outage;
  const end_ms = place(side, over_ms ?? closed_ms);
  const again_ms = over_ms === undefined ? data_ms.find((each) => each >= end_ms) : end_ms;
  return { side, outage, from_ms, to_ms: again_ms ?? end_ms, isOver: again_ms !== undefined };
}

/** When data phases began at these sides, in order. */
function dataPhases(sides: readonly Side[], place: Place): number[] {
  return sides.flatMap((side) =>
    side.history.phases.filter(({ phase }) => phase === "data")
      .map(({ from_ms }) => place(side, from_ms))
  ).filter(Number.isFinite).sort((a, b) => a - b);
}

/**
 * Since when a side heard nothing. Whose process was stopped counts silence from when it ran again; what it
 * finds out then, it could have found out all the while.
 */
function silentSince_ms({ history }: Side, { noticed_ms, silent_ms }: SideOutage): number {
  const since_ms = noticed_ms - silent_ms;
  const stall = history.stalls.findLast(({ from_ms, to_ms }) =>
    from_ms < since_ms && to_ms <= noticed_ms && to_ms + WOKEN_MS >= noticed_ms
  );
  return stall?.from_ms ?? since_ms;
}

/** Finds the outages of a session, in order. */
export function outagesOf(session: MatchedSession, clocks: Clocks): Outage[] {
  const sides = [...session.client ? [session.client] : [], ...session.servers];
  const place: Place = (side, at_ms) => {
    const [low_ms, high_ms] = onClock(clocks, session, side, at_ms);
    return (low_ms + high_ms) / 2;
  };
  const data_ms = dataPhases(sides, place);
  const spans = sides.flatMap((side) =>
    side.history.outages.map((outage) => spanOf(side, outage, data_ms, place))
  );
  // Where the clocks are not known, each side's outages stand for themselves.
  const apart = spans.filter(({ from_ms, to_ms }) => !Number.isFinite(from_ms + to_ms));
  const groups: Span[][] = [];
  let end_ms = -Infinity;
  for (const span of spans.filter((each) => !apart.includes(each)).sort(byStart)) {
    const began_ms = groups.at(-1)?.[0]?.from_ms ?? -Infinity;
    // One that begins with the resume that ends another one is another one.
    if (span.from_ms > Math.max(end_ms - TOUCH_MS, began_ms)) groups.push([]);
    groups.at(-1)!.push(span);
    end_ms = Math.max(end_ms, span.to_ms);
  }
  return [
    ...groups.map((group, at) => {
      // What was lost in the outage before, or is lost in the next one, says nothing of this one.
      const after_ms = Math.max(...(groups[at - 1] ?? []).map((each) => each.to_ms));
      const before_ms = groups[at + 1]?.[0]?.from_ms ?? Infinity;
      const parts = sides.flatMap((side) => {
        const own = group.find((each) => each.side === side);
        const ahead_ms = own
          ? silentSince_ms(side, own.outage) - own.from_ms
          : aheadOf(side, place);
        // Of a side whose clock is not known nobody can say that it noticed nothing.
        return Number.isFinite(ahead_ms) ? [{ side, ahead_ms }] : [];
      });
      return together(session, session.clock, group, parts, { after_ms, before_ms });
    }),
    ...apart.map(({ outage, side }) => {
      const own: Place = (_, at_ms) => at_ms;
      const alone = spanOf(side, outage, dataPhases([side], own), own);
      return together(session, side, [alone], [{ side, ahead_ms: 0 }]);
    }),
  ];
}

function byStart(a: Span, b: Span): number {
  return a.from_ms - b.from_ms;
}

/** Makes an outage of spans on one clock. `ahead_ms` is about how far the clock of a side is ahead of that clock. */
function together(
  session: MatchedSession,
  clock: Side,
  spans: readonly Span[],
  sides: readonly { readonly side: Side; readonly ahead_ms: number }[],
  { after_ms, before_ms } = { after_ms: -Infinity, before_ms: Infinity },
): Outage {
  const from_ms = Math.min(...spans.map((each) => each.from_ms));
  const to_ms = Math.max(...spans.map((each) => each.to_ms));
  const over_ms = Math.max(...spans.filter(({ isOver }) => isOver).map((each) => each.to_ms));
  const isLasting = spans.some(({ isOver, outage }) => !isOver && outage.closed_ms === undefined);
  const parts = sides.map(({ ahead_ms, side }): SidePart => {
    const own = spans.filter((each) => each.side === side).map(({ outage }) => outage)
      .sort((a, b) => a.noticed_ms - b.noticed_ms);
    const at = (ms: number) => ms + ahead_ms;
    const noticed_ms = own[0]?.noticed_ms ?? at(from_ms);
    const end_ms = Math.min(at(to_ms), at(from_ms) + LONGEST_MS);
    const window = new OutageWindow({
      from_ms: Math.max(at(after_ms), at(from_ms) - FRAMES_BEFORE_MS),
      linesFrom_ms: at(from_ms) - LINES_BEFORE_MS,
      noticed_ms,
      sentTo_ms: Math.min(at(before_ms), end_ms + SENT_AFTER_MS),
      to_ms: end_ms + FRAMES_AFTER_MS,
    });
    return { side, outages: own, window };
  });
  return {
    session,
    clock,
    parts,
    from_ms,
    ...Number.isFinite(over_ms) && !isLasting && { over_ms },
  };
}

/** Reads the frames and lines of all outages. */
export function readWindows(outages: readonly Outage[]): void {
  const runs = new Set(outages.flatMap(({ parts }) => parts.map(({ side }) => side.run)));
  for (const run of runs) {
    const windows = new Map<string, OutageWindow[]>();
    let [from_us, to_us] = [Infinity, -Infinity];
    for (const { parts, session } of outages) {
      for (const { side, window } of parts) {
        if (side.run !== run) continue;
        windows.set(session.id, [...windows.get(session.id) ?? [], window]);
        from_us = Math.min(from_us, 1_000 * window.limits.from_ms);
        to_us = Math.max(to_us, 1_000 * window.limits.to_ms);
      }
    }
    const wants = (line: string) => {
      const at = line.indexOf('"mono_us":');
      const us = at < 0 ? NaN : parseInt(line.slice(at + 10, at + 30), 10);
      return us >= from_us && us <= to_us;
    };
    run.forEachEntry((entry, line) => {
      for (const window of windows.get(entry.session ?? "") ?? []) window.take(entry, line);
    }, wants);
  }
}

/** Judges an outage whose frames have been read. */
export function judged(outage: Outage, clocks: Clocks): JudgedOutage {
  const seen = (role: Role) => {
    const parts = outage.parts.filter(({ side }) => side.run.role === role);
    return parts.length === 0 ? undefined : seenBy(role, parts, outage, clocks);
  };
  const [client, server] = [seen("client"), seen("server")];
  const judgement = judge({ ...client && { client }, ...server && { server } });
  return { outage, judgement };
}

/** What one side saw, in all of its runs. */
function seenBy(
  role: Role,
  parts: readonly SidePart[],
  { from_ms, session }: Outage,
  clocks: Clocks,
): SideSeen {
  const frames = (which: "sent" | "received") =>
    parts.flatMap(({ side, window }) =>
      window[which].flatMap((frame): FrameSeen[] => seenFrame(frame, side, window, session, clocks))
    );
  const outages = parts.flatMap((part) => part.outages.map((own) => ({ own, part })));
  const first = outages[0];
  const moment = (part: SidePart, at_ms: number) => onClock(clocks, session, part.side, at_ms);
  const last = outages.at(-1);
  const held = outages.find(({ own }) => own.held)?.own.held;
  const transmits = first?.own.transmits;
  return {
    role,
    sent: frames("sent"),
    received: frames("received"),
    since_ms: from_ms,
    ...first && {
      noticed: { at: moment(first.part, first.own.noticed_ms), how: first.own.how },
      open_until: moment(first.part, first.own.ended_ms ?? first.part.side.history.last_ms),
    },
    ...last?.own.over_ms !== undefined && { over: moment(last.part, last.own.over_ms) },
    stalls: parts.flatMap((part) =>
      part.side.history.stalls.map(({ earliest_ms, from_ms, kind, to_ms }) => ({
        kind,
        earliest_ms: moment(part, earliest_ms)[0],
        from_ms: moment(part, from_ms)[0],
        to_ms: moment(part, to_ms)[1],
      }))
    ),
    causes: outages.flatMap(({ own }) => own.causes),
    ...transmits !== undefined && { transmits },
    ...held !== undefined && { held },
  };
}

function seenFrame(
  { at_ms, connection, frame, n }: FrameAt,
  side: Side,
  { bytes }: OutageWindow,
  session: MatchedSession,
  clocks: Clocks,
): FrameSeen[] {
  const common = session.connectionAtClient(side.run, connection);
  if (common === undefined) return [];
  const size = frame === "DATA" ? bytes.get(n ?? 0) : undefined;
  return [{
    frame,
    ...n !== undefined && { n },
    connection: common,
    at: onClock(clocks, session, side, at_ms),
    ...size !== undefined && { bytes: size },
  }];
}
