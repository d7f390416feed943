/**
 * The client command: arguments in, exit status out.
 *
 * @module
 */
import { Client } from "./lib/client.ts";
import { systemClock } from "./lib/clock.ts";
import { readLines } from "./lib/input.ts";
import { runProgram } from "./lib/program.ts";
import { timersOf, windowOf } from "./lib/settings.ts";
import { IntervalSource, QueueSource } from "./lib/source.ts";
import { tcpTransport } from "./lib/transport.ts";

if (import.meta.main) {
  const status = await runProgram(
    "client",
    Deno.args,
    ({ settings, commandLine, sink }) => {
      const timers = timersOf(settings);
      const payload = new TextEncoder().encode(settings.message);
      const source = commandLine.stdin
        ? new QueueSource()
        : new IntervalSource(payload, timers.data_interval_ms);
      if (source instanceof QueueSource) {
        readLines(Deno.stdin, source, settings.max_message_bytes);
      }
      return new Client({
        address: settings,
        timers,
        source,
        window: windowOf(settings, commandLine.stdin),
        maxMessageBytes: settings.max_message_bytes,
        count: commandLine.count,
        reconnect: settings.reconnect ? { limit: settings.reconnect_limit } : undefined,
        original: settings.original,
        transport: tcpTransport,
        clock: systemClock,
        random: (bytes) => crypto.getRandomValues(bytes),
        sink,
      });
    },
  );
  Deno.exit(status);
}
