/**
 * The client command: arguments in, exit status out.
 *
 * @module
 */
import { Client, type ClientOptions } from "./lib/client.ts";
import { systemClock } from "./lib/clock.ts";
import { Crowd } from "./lib/crowd.ts";
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
      const common: Omit<ClientOptions, "source"> = {
        address: settings,
        timers,
        window: windowOf(settings, commandLine.stdin),
        maxMessageBytes: settings.max_message_bytes,
        count: commandLine.count,
        reconnect: settings.reconnect ? { limit: settings.reconnect_limit } : undefined,
        original: settings.original,
        transport: tcpTransport,
        clock: systemClock,
        random: (bytes) => crypto.getRandomValues(bytes),
        sink,
      };
      if (commandLine.stdin) {
        const source = new QueueSource();
        readLines(Deno.stdin, source, settings.max_message_bytes);
        return new Client({ ...common, source });
      }
      const said = () => new IntervalSource(payload, timers.data_interval_ms);
      const { ramp, sessions } = commandLine;
      if (sessions === undefined) return new Client({ ...common, source: said() });
      return new Crowd({
        sessions,
        ramp_ms: ramp === undefined ? sessions : ramp * 1000,
        member: (sink, roundTrips) => new Client({ ...common, source: said(), sink, roundTrips }),
        clock: systemClock,
        sink,
      });
    },
  );
  Deno.exit(status);
}
