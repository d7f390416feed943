/**
 * A server on a virtual clock whose clients say what the test says, frame by frame.
 *
 * @module
 */
import type { ServerOptions } from "../../lib/server/options.ts";
import { Server } from "../../lib/server/server.ts";
import { callers } from "./callers.ts";
import { MemoryNetwork } from "./memory_network.ts";
import { serverOptions } from "./server_options.ts";
import { Recorder } from "./stage.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Starts a server; nobody has connected. */
export function stageRawServer(
  options: Partial<ServerOptions> = {},
  clock = new VirtualClock(),
) {
  const network = new MemoryNetwork(clock);
  const recorder = new Recorder(clock);
  const server = Server.listen(
    serverOptions({ clock, transport: network, sink: recorder, ...options }),
  );
  const status = server.run();
  return { clock, network, recorder, server, status, ...callers(network, clock) };
}
