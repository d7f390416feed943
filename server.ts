/**
 * The server command: arguments in, exit status out.
 *
 * @module
 */
import { systemClock } from "./lib/clock.ts";
import { openOutput } from "./lib/output_file.ts";
import { runProgram } from "./lib/program.ts";
import { Server } from "./lib/server.ts";
import { timersOf } from "./lib/settings.ts";
import { openStore } from "./lib/store.ts";
import { openStoredOutput } from "./lib/stored_output.ts";
import { tcpTransport } from "./lib/transport.ts";

if (import.meta.main) {
  const status = await runProgram(
    "server",
    Deno.args,
    async ({ settings, commandLine, sink }) => {
      const store = settings.store === "" ? undefined : await openStore(settings.store);
      const output = settings.output === ""
        ? undefined
        : store
        ? await openStoredOutput(store, settings.output)
        : await openOutput(settings.output);
      return Server.listen({
        address: settings,
        timers: timersOf(settings),
        maxMessageBytes: settings.max_message_bytes,
        maxSessions: settings.max_sessions,
        sessionLifetime_ms: settings.session_lifetime * 1000,
        store,
        output,
        once: commandLine.once,
        original: settings.original,
        random: (bytes) => crypto.getRandomValues(bytes),
        transport: tcpTransport,
        clock: systemClock,
        sink,
      });
    },
  );
  Deno.exit(status);
}
