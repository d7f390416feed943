/**
 * The options of a server in tests: all of them, but for those that the test names.
 *
 * @module
 */
import { OriginalProtocol } from "../../lib/original/protocol.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import { DEFAULT_TIMERS } from "./stage.ts";

/** Where servers in memory listen. */
export const ADDRESS = { host: "server", port: 4000 };

/** How many sessions a server holds, for how long, and that it does so for raw clients, which know no tokens. */
export const KEEPING = {
  maxSessions: 10_000,
  maxUnopened: 1_000,
  maxIdle_ms: 7_500_000,
  sessionLifetime_ms: 3_600_000,
  resumeWithoutToken: true,
};

/** What a test has to name: its network, its clock and its recorder. */
type Needed = Pick<ServerOptions, "clock" | "sink" | "transport">;

/** A server at {@linkcode ADDRESS} that takes original clients too, and many sessions. */
export function serverOptions(over: Needed & Partial<ServerOptions>): ServerOptions {
  return {
    ...KEEPING,
    address: ADDRESS,
    timers: DEFAULT_TIMERS,
    maxMessageBytes: 1_000,
    original: true,
    legacy: new OriginalProtocol(),
    once: false,
    random: (bytes) => bytes.fill(0xff),
    ...over,
  };
}
