/**
 * The options of a client in tests: all of them, but for those that the test names.
 *
 * @module
 */
import type { ClientOptions } from "../../lib/client/client.ts";
import { DEFAULT_TIMERS, saying } from "./stage.ts";

/** What a test has to name: its network, its clock and its recorder. */
type Needed = Pick<ClientOptions, "clock" | "sink" | "transport">;

/** A client that sends `x` every `data_interval`, one at a time, to `server:4000`. */
export function clientOptions(over: Needed & Partial<ClientOptions>): ClientOptions {
  const timers = over.timers ?? DEFAULT_TIMERS;
  return {
    address: { host: "server", port: 4000 },
    timers,
    ...saying("x", timers),
    maxMessageBytes: 1_000,
    random: (bytes) => bytes.fill(0x5a),
    ...over,
  };
}
