/**
 * The client command: arguments in, exit status out.
 *
 * @module
 */
import { Client } from "./lib/client.ts";
import { systemClock } from "./lib/clock.ts";
import { runProgram } from "./lib/program.ts";
import { timersOf } from "./lib/settings.ts";
import { tcpTransport } from "./lib/transport.ts";

if (import.meta.main) {
  const status = await runProgram(
    "client",
    Deno.args,
    ({ settings, commandLine, sink }) =>
      new Client({
        address: settings,
        timers: timersOf(settings),
        payload: new TextEncoder().encode(settings.message),
        maxMessageBytes: settings.max_message_bytes,
        count: commandLine.count,
        original: settings.original,
        transport: tcpTransport,
        clock: systemClock,
        random: (bytes) => crypto.getRandomValues(bytes),
        sink,
      }),
  );
  Deno.exit(status);
}
