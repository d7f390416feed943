/**
 * Judges an outage by what one or both sides saw of it: direction, cause, who noticed first. It takes plain
 * data, from recordings and from accounts alike. What that does not prove is `unknown`.
 *
 * @module
 */
import type { Role } from "../wire/protocol.ts";
import type { Interval } from "./clock_bounds.ts";
import { type Beginning, beginningOf, type Flow, flowsOf } from "./directions.ts";
import type { Cause, SideSeen } from "./side.ts";

/** Which side noticed an outage first. */
export type FirstNoticed = Role | "too_close";

/** What is proven of an outage. */
export interface Judgement extends Beginning {
  /** Why. */
  readonly cause: Cause;
  /** The side that the cause lies at, where it is one. */
  readonly at?: Role;
  /** Which side noticed first; `null` if only one side is known, or the clocks are not. */
  readonly first_noticed_by: FirstNoticed | null;
  /**
   * By how many milliseconds it was first; if it is too close to tell, how much later the server noticed,
   * and earlier if negative. `null` if only one side noticed.
   */
  readonly by_ms: Interval | null;
  /** Frames towards the server; `null` without both sides. */
  readonly to_server: Flow | null;
  /** Frames towards the client. */
  readonly to_client: Flow | null;
}

/** What both sides, or one of them, saw of one outage. */
export interface OutageSeen {
  /** The client's view, if known. */
  readonly client?: SideSeen;
  /** The server's view, if known. */
  readonly server?: SideSeen;
}

/** Data messages from this size on, in bytes, may be what a path drops for its size. */
const LARGE_BYTES = 512;

/** Judges an outage. */
export function judge(seen: OutageSeen): Judgement {
  const { client, server } = seen;
  const isComparable = client !== undefined && server !== undefined &&
    [...client.sent, ...client.received, ...server.sent, ...server.received]
      .every(({ at }) => Number.isFinite(at[0]) && Number.isFinite(at[1]));
  const known = isComparable ? flowsOf(client, server) : undefined;
  const flows = known ?? { to_server: null, to_client: null };
  const { at, cause } = causeOf(seen, flows.to_server, flows.to_client);
  // A process that did not run is no direction of the path.
  const isPath = ["path_cut", "large_packets", "reset", "unknown"].includes(cause);
  const isTold = isPath && !(cause === "unknown" && mayBeSlow(flows.to_server));
  const beginning = known && isTold
    ? beginningOf(known)
    : { began: "unknown", isLikely: false } as const;
  return { ...beginning, cause, at, ...firstNoticed(seen), ...flows };
}

function firstNoticed(
  { client, server }: OutageSeen,
): Pick<Judgement, "first_noticed_by" | "by_ms"> {
  const [c, s] = [client?.noticed?.at, server?.noticed?.at];
  if (!client || !server) return { first_noticed_by: null, by_ms: null };
  if (!c || !s) return { first_noticed_by: c ? "client" : s ? "server" : null, by_ms: null };
  // How much later the server noticed.
  const [low, high] = [s[0] - c[1], s[1] - c[0]];
  if (!Number.isFinite(low) || !Number.isFinite(high)) {
    return { first_noticed_by: null, by_ms: null };
  }
  if (low > 0) return { first_noticed_by: "client", by_ms: [low, high] };
  if (high < 0) return { first_noticed_by: "server", by_ms: [-high, -low] };
  return { first_noticed_by: "too_close", by_ms: [low, high] };
}

type Found = Pick<Judgement, "cause" | "at">;

function causeOf(
  seen: OutageSeen,
  toServer: Flow | null,
  toClient: Flow | null,
): Found {
  const sides = [seen.client, seen.server].filter((side) => side !== undefined);
  const kernel = kernelCause(sides);
  // A host whose process alone is stopped acknowledges what it receives.
  const hidden = [toServer, toClient].find((flow) => isStall(flow) && !flow?.isSuspended);
  const isHidden = hidden && kernel?.cause === "path_cut";
  const isPath = toServer?.fault === "path" || toClient?.fault === "path";
  if (isHidden && !isPath) return { cause: "unknown" };
  const stalled = toServer?.fault === "stall"
    ? "server"
    : toClient?.fault === "stall"
    ? "client"
    : undefined;
  if (stalled) {
    const isFrozen = kernel?.cause === "process_not_running" && kernel.at === stalled;
    return { cause: isFrozen ? "process_not_running" : "local_stall", at: stalled };
  }
  const how = firstHow(sides);
  if (how === "reset" || how === "closed") return { cause: how };
  // A connection that both sides found reset or closed was so whatever confirmations waited for.
  const isLost = sides.every(({ noticed }) =>
    noticed?.how === "reset" || noticed?.how === "closed"
  );
  if (sides.some(({ held }) => held) && !isLost) return { cause: "held", at: "server" };
  // Where its own frames show that it ran, something on the path acknowledged what it did not receive.
  const hasRun = (kernel?.at === "server" ? toServer : toClient)?.fault === "path";
  if (kernel && !(kernel.cause === "process_not_running" && hasRun)) return kernel;
  const isCut = isCutByFrames(toServer) || isCutByFrames(toClient);
  return { cause: isCut ? "path_cut" : "unknown" };
}

/** Whether a frame was lost or late for a stall, if for nothing else besides. */
function isStall(flow: Flow | null): boolean {
  return flow?.fault === "stall" || flow?.fault === "frozen";
}

/** As what the side noticed it that was first; not known if that is too close to tell, and they differ. */
function firstHow(sides: readonly SideSeen[]): NonNullable<SideSeen["noticed"]>["how"] | undefined {
  const [first, second] = sides.flatMap(({ noticed }) => noticed ? [noticed] : [])
    .sort((a, b) => a.at[0] - b.at[0]);
  const isClear = !second || first!.how === second.how || first!.at[1] < second.at[0];
  return isClear ? first?.how : undefined;
}

/** What only the kernel's view shows. */
const OF_KERNEL: readonly Cause[] = [
  "process_not_running",
  "path_cut",
  "not_reading",
  "large_packets",
];

/** What the kernels' views at both sides say, if they do not contradict each other. */
function kernelCause(sides: readonly SideSeen[]): Found | undefined {
  const found = sides.flatMap(({ causes, role }): Found[] => {
    const cause = kernelCauseOf(causes);
    if (cause === undefined) return [];
    const isPeers = cause === "process_not_running" || cause === "not_reading";
    return [isPeers ? { cause, at: role === "client" ? "server" : "client" } : { cause }];
  });
  const [first, second] = found;
  const agree = !second || first!.cause === second.cause && first!.at === second.at;
  return agree ? first : undefined;
}

/**
 * What the kernel's views at one side say together. When a cut path is whole again, all is acknowledged, while
 * the peer's TCP still waits before it transmits again: that is no sign of a process that does not run.
 */
function kernelCauseOf(causes: readonly Cause[]): Cause | undefined {
  const said = causes.filter((each) => OF_KERNEL.includes(each));
  const wasCut = said[0] === "path_cut" || said[0] === "large_packets";
  const left = new Set(wasCut ? said.filter((each) => each !== "process_not_running") : said);
  // Which packets are dropped is told later than that some are.
  if (left.has("large_packets")) left.delete("path_cut");
  return left.size === 1 ? [...left][0] : undefined;
}

/** Whether a frame alone proves a cut: it was lost on the path, and no path would drop it for its size. */
function isCutByFrames(flow: Flow | null): boolean {
  return flow?.fault === "path" && !isLarge(flow);
}

/** Whether what came late may only have been long under way, for its size on a narrow path. */
function mayBeSlow(flow: Flow | null): boolean {
  return flow?.fault === "path" && isLarge(flow) && flow.again !== undefined;
}

function isLarge({ vain }: Flow): boolean {
  const { bytes = Infinity, frame } = vain!;
  return frame === "DATA" && bytes >= LARGE_BYTES;
}
