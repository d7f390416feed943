/**
 * The thread of one worker of a server.
 *
 * @module
 */
import { systemClock } from "./clock.ts";
import { ServerWorker } from "./server_worker.ts";
import type { Port } from "./thread_link.ts";
import { tcpTransport } from "./transport.ts";

new ServerWorker(self as unknown as Port, {
  transport: tcpTransport,
  clock: systemClock,
  random: (bytes) => crypto.getRandomValues(bytes),
});
