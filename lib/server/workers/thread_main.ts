/**
 * Entry point of a worker's thread.
 *
 * @module
 */
import { OriginalProtocol } from "../../original/protocol.ts";
import { systemRandom } from "../../platform/secrets.ts";
import { systemClock } from "../../platform/clock.ts";
import { tcpTransport } from "../../platform/net/tcp.ts";
import type { Port } from "../../platform/thread_link.ts";
import { ServerWorker } from "./worker.ts";

new ServerWorker(self as unknown as Port, {
  transport: tcpTransport,
  clock: systemClock,
  random: systemRandom,
  legacy: new OriginalProtocol(),
  // Loaded only with TLS.
  serveTls: async (pem) => (await import("../../platform/net/tls/tls.ts")).serverTls(pem),
});
