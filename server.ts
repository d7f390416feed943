/**
 * The server command: arguments in, exit status out.
 *
 * @module
 */
import { systemClock } from "./lib/clock.ts";
import { runProgram } from "./lib/program.ts";
import { Server } from "./lib/server.ts";
import { timersOf } from "./lib/settings.ts";
import { tcpTransport } from "./lib/transport.ts";

if (import.meta.main) {
  const status = await runProgram(
    "server",
    Deno.args,
    ({ settings, commandLine, sink }) =>
      Server.listen({
        address: settings,
        timers: timersOf(settings),
        maxMessageBytes: settings.max_message_bytes,
        once: commandLine.once,
        original: settings.original,
        random: (bytes) => crypto.getRandomValues(bytes),
        transport: tcpTransport,
        clock: systemClock,
        sink,
      }),
  );
  Deno.exit(status);
}
