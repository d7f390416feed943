/**
 * The server command: arguments in, exit status out.
 *
 * @module
 */
import { systemClock } from "./lib/clock.ts";
import { EventSource } from "./lib/events.ts";
import { openOutput } from "./lib/output_file.ts";
import { runProgram } from "./lib/program.ts";
import { Server } from "./lib/server.ts";
import type { ServerOptions } from "./lib/server_options.ts";
import { timersOf } from "./lib/settings.ts";
import { openStore } from "./lib/store.ts";
import { openStoredOutput } from "./lib/stored_output.ts";
import { tcpTransport } from "./lib/transport.ts";
import { startThread, WorkerPool } from "./lib/worker_pool.ts";

if (import.meta.main) {
  const status = await runProgram(
    "server",
    Deno.args,
    async ({ settings, commandLine, sink }) => {
      const events = new EventSource(sink, systemClock);
      const tell = (text: string) => events.emit("notice", { level: "warning", text });
      const store = settings.store === "" ? undefined : await openStore(settings.store, { tell });
      const output = settings.output === ""
        ? undefined
        : store
        ? await openStoredOutput(store, settings.output, { tell })
        : await openOutput(settings.output, { tell });
      const { once } = commandLine;
      const options: ServerOptions = {
        address: settings,
        timers: timersOf(settings),
        maxMessageBytes: settings.max_message_bytes,
        maxSessions: settings.max_sessions,
        sessionLifetime_ms: settings.session_lifetime * 1000,
        store,
        output,
        once,
        original: settings.original,
        random: (bytes) => crypto.getRandomValues(bytes),
        transport: tcpTransport,
        clock: systemClock,
        sink,
      };
      const { workers } = settings;
      // One session has no use for more than one thread.
      if (once || workers === 1) return Server.listen(options);
      return await WorkerPool.listen({ ...options, workers, startThread });
    },
  );
  Deno.exit(status);
}
