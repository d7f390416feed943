/**
 * The client command: arguments in, exit status out.
 *
 * @module
 */
import { type Check, commandMain } from "./lib/cli/command.ts";
import type { OpenWeb } from "./lib/cli/viewers.ts";
import { useKeys } from "./lib/cli/files/key_file.ts";
import { type Settings, timersOf, windowOf } from "./lib/cli/settings.ts";
import { Client, type ClientOptions } from "./lib/client/client.ts";
import { LoadRun } from "./lib/client/load.ts";
import { IntervalSource, QueueSource } from "./lib/client/source.ts";
import { readLines } from "./lib/client/stdin_lines.ts";
import { OriginalProtocol } from "./lib/original/protocol.ts";
import { systemClock } from "./lib/platform/clock.ts";
import type { Transport } from "./lib/platform/net/transport.ts";
import { type EventSink, EventSource } from "./lib/session/events.ts";
import { tcpTransport } from "./lib/platform/net/tcp.ts";
import type { Key } from "./lib/wire/proof.ts";
import { systemRandom } from "./lib/platform/secrets.ts";

/** Loaded only if it is asked for: sessions do not need it. */
const check: Check = async (...args) => {
  const { preflight } = await import("./lib/cli/commands/preflight.ts");
  const { watchClientTls } = await import("./lib/cli/files/tls_files.ts");
  return await preflight(...args, { keys: useKeys, tls: watchClientTls });
};

/** TCP with TLS, whose files are watched. */
async function tlsTransport(settings: Settings, sink: EventSink): Promise<Transport> {
  // Loaded only with TLS.
  const { watchClientTls } = await import("./lib/cli/files/tls_files.ts");
  const { ClientTlsTransport } = await import("./lib/platform/net/tls/tls.ts");
  const events = new EventSource(sink, systemClock);
  const report = (level: "info" | "warning", text: string) =>
    void events.emit("notice", { level, text });
  const tls = new ClientTlsTransport({});
  watchClientTls({ settings, report, clock: systemClock, use: (pem) => tls.use(pem) });
  return tls.on(tcpTransport);
}

/** Loaded only if it is asked for. */
const openWeb: OpenWeb = async (parts) => {
  const { openWeb } = await import("./lib/cli/outputs/web.ts");
  return await openWeb(parts, { keys: useKeys });
};

if (import.meta.main) {
  if (Deno.args[0] === "report") {
    // Loaded only here: sessions do not need it.
    const { reportMain } = await import("./lib/cli/commands/report.ts");
    Deno.exit(reportMain("client", Deno.args.slice(1)));
  }
  const status = await commandMain("client", Deno.args, {
    check,
    openWeb,
    start: async ({ settings, commandLine, sink, stderr, watch }) => {
      const transport = settings.tls ? await tlsTransport(settings, sink) : tcpTransport;
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
      if (commandLine["find-idle-timeout"]) {
        // Loaded only here: sessions do not need it.
        const { findIdleTimeout } = await import("./lib/cli/commands/find_idle_timeout.ts");
        return findIdleTimeout({
          ...{ clock: systemClock, random: systemRandom, transport, timers },
          ...{ commandLine, settings, sink, stderr },
          maxMessageBytes: settings.max_message_bytes,
          key: key && (() => key!),
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
          transport,
          clock: systemClock,
          random: systemRandom,
          sink: parts.sink,
          roundTrips: parts.roundTrips,
          watch,
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
  });
  Deno.exit(status);
}
