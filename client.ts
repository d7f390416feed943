/**
 * The client command: arguments in, exit status out.
 *
 * @module
 */
import { type Check, commandMain } from "./lib/cli/command.ts";
import { useKeys } from "./lib/cli/files/key_file.ts";
import { timersOf, windowOf } from "./lib/cli/settings.ts";
import { Client, type ClientOptions } from "./lib/client/client.ts";
import { LoadRun } from "./lib/client/load.ts";
import { IntervalSource, QueueSource } from "./lib/client/source.ts";
import { readLines } from "./lib/client/stdin_lines.ts";
import { OriginalProtocol } from "./lib/original/protocol.ts";
import { systemClock } from "./lib/platform/clock.ts";
import { tcpTransport } from "./lib/platform/net/tcp.ts";
import { EventSource } from "./lib/session/events.ts";
import type { Key } from "./lib/wire/proof.ts";
import { systemRandom } from "./lib/platform/secrets.ts";

/** Loaded only if it is asked for: sessions do not need it. */
const check: Check = async (...args) =>
  (await import("./lib/cli/commands/preflight.ts")).preflight(...args, {});

if (import.meta.main) {
  if (Deno.args[0] === "report") {
    // Loaded only here: sessions do not need it.
    const { reportMain } = await import("./lib/cli/commands/report.ts");
    Deno.exit(reportMain("client", Deno.args.slice(1)));
  }
  const status = await commandMain(
    "client",
    Deno.args,
    ({ settings, commandLine, sink }) => {
      const timers = timersOf(settings);
      let key: Key | undefined;
      if (settings.key_file !== "") {
        const events = new EventSource(sink, systemClock);
        useKeys(settings.key_file, {
          role: "client",
          clock: systemClock,
          report: (level, text) => events.emit("notice", { level, text }),
          use: ([only]) => key = only,
        });
      }
      const newClient = (parts: Pick<ClientOptions, "roundTrips" | "sink" | "source">) =>
        new Client({
          address: { host: settings.host, port: settings.port },
          timers,
          source: parts.source,
          window: windowOf(settings, commandLine.stdin),
          maxMessageBytes: settings.max_message_bytes,
          count: commandLine.count,
          reconnect: settings.reconnect ? { limit: settings.reconnect_limit } : undefined,
          key: key && (() => key!),
          original: settings.original,
          legacy: new OriginalProtocol(),
          transport: tcpTransport,
          clock: systemClock,
          random: systemRandom,
          sink: parts.sink,
          roundTrips: parts.roundTrips,
        });
      if (commandLine.stdin) {
        const source = new QueueSource();
        readLines(Deno.stdin, source, settings.max_message_bytes);
        return newClient({ source, sink });
      }
      const payload = new TextEncoder().encode(settings.message);
      const newSource = () => new IntervalSource(payload, timers.data_interval_ms);
      const { ramp, sessions } = commandLine;
      if (sessions === undefined) return newClient({ source: newSource(), sink });
      return new LoadRun({
        sessions,
        ramp_ms: ramp === undefined ? sessions : ramp * 1000,
        newSession: (sink, roundTrips) => newClient({ source: newSource(), sink, roundTrips }),
        clock: systemClock,
        sink,
      });
    },
    check,
  );
  Deno.exit(status);
}
