/**
 * Pairs of one side of ours and one stand-in for the original, as real processes with the same timers.
 *
 * @module
 */
import type { Role } from "../../lib/wire/protocol.ts";
import { type OriginalEvent, startOriginal } from "./original.ts";
import { freePort } from "./ports.ts";
import { type Command, type EventOf, startCommand } from "./process.ts";

/** Timers in seconds, as both sides have them. */
export interface PairTimers {
  dataInterval: number;
  dataThreshold: number;
  heartbeatInterval: number;
  heartbeatThreshold: number;
  /** One more than that is missed until death. */
  tries: number;
}

/** Timers that let a whole life pass in a few seconds. */
export const QUICK: PairTimers = {
  dataInterval: 0.1,
  dataThreshold: 0.5,
  heartbeatInterval: 0.1,
  heartbeatThreshold: 0.4,
  tries: 2,
};

/** The flags for timers, as our commands have them. */
export function flags(timers: Partial<PairTimers>): string[] {
  const { dataInterval, dataThreshold, heartbeatInterval, heartbeatThreshold, tries } = {
    ...QUICK,
    ...timers,
  };
  return [
    `--data-interval=${dataInterval}`,
    `--data-threshold=${dataThreshold}`,
    `--heartbeat-interval=${heartbeatInterval}`,
    `--heartbeat-threshold=${heartbeatThreshold}`,
    `--heartbeat-additional-tries=${tries}`,
  ];
}

/** The same, as the stand-ins have them. */
export function originalFlags(role: Role, timers: Partial<PairTimers>): string[] {
  const { tries } = { ...QUICK, ...timers };
  const beats = role === "client"
    ? `--heart-beat-additional-tries=${tries}`
    : `--heart-beats-missed=${tries + 1}`;
  return [
    ...flags(timers).slice(0, -1).map((flag) => flag.replace("--heartbeat", "--heart-beat")),
    beats,
  ];
}

/** What a pair is made of. */
export interface PairOptions {
  /** The timers of our side, where they differ from {@linkcode QUICK}. */
  timers?: Partial<PairTimers>;
  /** Further arguments of our side, separated by spaces. */
  ours?: string;
  /** The timers of the stand-in, where they differ from our side's. */
  originalTimers?: Partial<PairTimers>;
  /** Further arguments of the stand-in, separated by spaces. */
  original?: string;
}

const words = (text = "") => text === "" ? [] : text.split(" ");

/** A server of ours that listens. */
export async function startServer(
  { timers = {}, ours, port = freePort() }: PairOptions & { port?: number } = {},
): Promise<{ server: Command; port: number } & AsyncDisposable> {
  const server = startCommand("server", ["127.0.0.1", `${port}`, ...flags(timers), ...words(ours)]);
  await server.event("listening");
  return { server, port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** A stand-in for the original client. */
export function startOriginalClient(
  port: number,
  { timers = {}, originalTimers = {}, original }: PairOptions = {},
): Command<OriginalEvent> {
  const given = originalFlags("client", { ...timers, ...originalTimers });
  const args = ["127.0.0.1", `${port}`, "--reconnect-wait=0.2", ...given, ...words(original)];
  return startOriginal("client", args);
}

/** A stand-in for the original server that listens. */
export async function startOriginalServer(
  { timers = {}, originalTimers = {}, original, port = 0 }: PairOptions & { port?: number } = {},
): Promise<{ server: Command<OriginalEvent>; port: number } & AsyncDisposable> {
  const given = originalFlags("server", { ...timers, ...originalTimers });
  const args = ["127.0.0.1", `${port}`, ...given, ...words(original)];
  const server = startOriginal("server", args);
  const listening = await server.event("listening");
  const dispose = () => server[Symbol.asyncDispose]();
  return { server, port: listening.port, [Symbol.asyncDispose]: dispose };
}

/** A client of ours that speaks the original's wire. */
export function startClient(port: number, { timers = {}, ours }: PairOptions = {}): Command {
  return startCommand("client", [
    "127.0.0.1",
    `${port}`,
    "--original",
    ...flags(timers),
    ...words(ours),
  ]);
}

/** A server of ours with an original client. */
export async function startWithOriginalClient(options: PairOptions) {
  await using made = new AsyncDisposableStack();
  const { server, port } = made.use(await startServer(options));
  const client = made.use(startOriginalClient(port, options));
  const record = made.move();
  return { server, client, port, [Symbol.asyncDispose]: () => record.disposeAsync() };
}

/** A client of ours with an original server. */
export async function startWithOriginalServer(options: PairOptions) {
  await using made = new AsyncDisposableStack();
  const { server, port } = made.use(await startOriginalServer(options));
  const client = made.use(startClient(port, options));
  const record = made.move();
  return { server, client, port, [Symbol.asyncDispose]: () => record.disposeAsync() };
}

/** Waits for the end of the data phase, or for its return. */
export function enters(command: Command, to: "data" | "heartbeat"): Promise<EventOf<"phase">> {
  return command.event("phase", (phase) => phase.to === to && phase.from !== "connecting");
}

/**
 * What a command told, as `event field`: the fields that are the same each time. How many heartbeats come
 * from the peer is its affair.
 */
export function told({ events }: Command): string[] {
  return events.flatMap((event) => {
    switch (event.event) {
      case "started":
      case "heartbeat_received":
        return [];
      case "data_sent":
      case "data_received":
      case "data_confirmed":
        return `${event.event} ${event.seq}`;
      case "heartbeat_sent":
      case "heartbeat_answered":
        return `${event.event} ${event.n}`;
      case "heartbeat_missed":
        return `heartbeat_missed ${event.missed} ${event.left}`;
      case "phase":
        return `phase ${event.from} ${event.to}`;
      case "terminated":
        return `terminated ${event.by} ${event.reason}`;
      default:
        return event.event;
    }
  });
}

/**
 * Runs scenarios at once; fails when none of them runs any more.
 *
 * @throws {Error} With what failed, by name.
 */
export async function allAtOnce(scenarios: Record<string, () => Promise<void>>): Promise<void> {
  const entries = Object.entries(scenarios);
  const results = await Promise.allSettled(entries.map(([, run]) => run()));
  const failures = results.flatMap((result, at) => {
    if (result.status === "fulfilled") return [];
    const { reason } = result;
    return `${entries[at]![0]}: ${reason instanceof Error ? reason.stack : reason}`;
  });
  if (failures.length > 0) throw new Error(failures.join("\n\n"));
}
