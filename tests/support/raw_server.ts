/**
 * A server on a virtual clock whose clients say what the test says, frame by frame.
 *
 * @module
 */
import { OriginalProtocol } from "../../lib/original/protocol.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import { Server } from "../../lib/server/server.ts";
import { ADDRESS, callers } from "./callers.ts";
import { MemoryNetwork } from "./memory_network.ts";
import { DEFAULT_TIMERS, KEEPING, Recorder } from "./stage.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Starts a server; nobody has connected. */
export function stageRawServer(
  options: Partial<ServerOptions> = {},
  clock = new VirtualClock(),
) {
  const network = new MemoryNetwork(clock);
  const recorder = new Recorder(clock);
  const server = Server.listen({
    timers: DEFAULT_TIMERS,
    maxMessageBytes: 1_000,
    transport: network,
    clock,
    original: true,
    legacy: new OriginalProtocol(),
    random: (bytes) => bytes.fill(0xff),
    ...KEEPING,
    address: ADDRESS,
    once: false,
    sink: recorder,
    ...options,
  });
  const status = server.run();
  return { clock, network, recorder, server, status, ...callers(network, clock) };
}
