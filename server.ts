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
import { checkThreads, startThread } from "./lib/server_threads.ts";
import { timersOf } from "./lib/settings.ts";
import { openStore } from "./lib/store.ts";
import { openStoredOutput } from "./lib/stored_output.ts";
import { tcpTransport } from "./lib/transport.ts";
import { WorkerPool } from "./lib/worker_pool.ts";

if (import.meta.main) {
  const status = await runProgram(
    "server",
    Deno.args,
    async ({ settings, commandLine, sink }) => {
      const events = new EventSource(sink, systemClock);
      const tell = (text: string) => events.emit("notice", { level: "warning", text });
      // If one thing cannot be opened, those before it are closed again.
      await using opened = new AsyncDisposableStack();
      const store = settings.store === "" ? undefined : await openStore(settings.store, { tell });
      if (store) opened.defer(() => store.close());
      const output = settings.output === ""
        ? undefined
        : store
        ? await openStoredOutput(store, settings.output, { tell })
        : await openOutput(settings.output, { tell });
      if (output) opened.defer(() => output.close());
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
      const isOne = once || workers === 1;
      if (!isOne) checkThreads(workers);
      const server = isOne
        ? Server.listen(options)
        : await WorkerPool.listen({ ...options, workers, startThread });
      opened.move();
      return server;
    },
  );
  Deno.exit(status);
}
