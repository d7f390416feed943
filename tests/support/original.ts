/**
 * Stand-ins for the original program, in Python, as real processes: a client and a server that behave
 * as the original does, and that go wrong where a test asks for it.
 *
 * @module
 */
import type { Role } from "../../lib/wire/protocol.ts";
import { Command } from "./process.ts";
import { whyNot } from "./skip.ts";

/** What the original's messages say. */
export const ORIGINAL = {
  data: "CLIENT_DATA_MESSAGE",
  confirmation: "SERVER_DATA_REPLY",
  heartbeat: "MSG_HEARTBEAT",
  terminate: "TERMINATE",
} as const;

/** Both addresses of a connection, each as `host:port`. */
interface Addresses {
  local: string;
  remote: string;
}

/** An event's own fields, by its name. `n` counts from 1; `text` is what one recv gave. */
interface OriginalFields {
  /** The server waits: for its data connection, and the second time for heartbeats. */
  listening: { host: string; port: number };
  /** The data connection is there. */
  connected: Addresses;
  /** The client's connection was refused. */
  not_connected: { connection: "data" | "heartbeats"; error: string };
  /** The client sent data, or lost it because of `--lose-after`. */
  data_sent: { n: number };
  data_lost: { n: number };
  /** The server read data. */
  data_received: { n: number; text: string };
  /** The server confirmed what it had read. */
  reply_sent: { n: number };
  /** The client heard a reply. */
  reply: { n: number; text: string };
  /** The data threshold ran out; `n`: of the client's data that was not answered. */
  data_timeout: { n?: number };
  terminate_sent: { n: number };
  terminate_received: Record<never, never>;
  /** The heartbeat connection is there. */
  heartbeat_connected: Addresses;
  /** The client sent a heartbeat. */
  heartbeat_sent: { n: number };
  /** The server read a heartbeat. */
  heartbeat_received: { n: number; text: string };
  /** The server echoed a heartbeat, or the client heard the echo. */
  heartbeat_answered: { n: number; text: string };
  /** The heartbeat threshold ran out; how many times in a row by now. */
  heartbeat_missed: { n?: number; missed: number };
  /** A connection is over: closed by this side, closed by the peer, or reset. */
  closed: { connection: "data" | "heartbeats"; by: "self" | "peer" | "reset" };
  /** It stays as it is from now on, because of `--vanish-after`. */
  vanished: Record<never, never>;
  /** The process ends. */
  ended: { reason: "terminated" | "dead" | "closed" | "not_connected" | "close_after" };
}

/** The name of an event of a stand-in. */
export type OriginalEventName = keyof OriginalFields;

/**
 * One event of a stand-in: `time_ms` is monotonic, and of the same clock for all processes here;
 * `client` tells the clients of one process apart (`--clients`).
 */
export type OriginalEvent = {
  [Name in OriginalEventName]:
    & { time_ms: number; event: Name; client?: number }
    & OriginalFields[Name];
}[OriginalEventName];

const NEEDED = "import sys; sys.version_info < (3, 9) and sys.exit('3.9 or later is needed')";

/** Why there can be no stand-ins here: there is no Python, or an old one; `undefined` if they can. */
export const whyNoOriginal: string | undefined = whyNot("python3", "-c", NEEDED);

/** Why no stand-in can call from 127.0.0.2 here; `undefined` if it can. */
export const whyNoAddress: string | undefined = whyNoOriginal ??
  (Deno.build.os === "linux" ? undefined : "only Linux has 127.0.0.2 as it is");

/**
 * Starts a stand-in: `HOST PORT` and its options; `--help` tells them all. A server given port 0
 * tells in `listening` which one it has.
 */
export function startOriginal(role: Role, args: readonly string[]): Command<OriginalEvent> {
  const script = decodeURIComponent(new URL(`original_${role}.py`, import.meta.url).pathname);
  // -B: it must not leave compiled files among the sources.
  return new Command(`original ${role} ${args.join(" ")}`, ["python3", "-B", script, ...args]);
}

/** The events up to now as `name field field`, without times, addresses and which client it was. */
export function story({ events }: Pick<Command<OriginalEvent>, "events">): string[] {
  return events.map(({ time_ms: _time, event, ...fields }) => {
    const told = Object.entries(fields).filter(([name]) =>
      !/^(local|remote|host|port|client)$/.test(name)
    );
    return [event, ...told.map(([, value]) => value)].join(" ");
  });
}

/** The times, in milliseconds, of the events of one name. */
export function times({ events }: Command<OriginalEvent>, name: OriginalEventName): number[] {
  return events.filter(({ event }) => event === name).map(({ time_ms }) => time_ms);
}

/** What each read of data, or of replies, gave. */
export function texts({ events }: Command<OriginalEvent>): string[] {
  return events.flatMap((each) =>
    each.event === "data_received" || each.event === "reply" ? each.text : []
  );
}
