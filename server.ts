/**
 * The server command: arguments in, exit status out.
 *
 * @module
 */
import { systemRandom } from "./lib/platform/secrets.ts";
import { commandMain } from "./lib/cli/command.ts";
import { type Settings, timersOf } from "./lib/cli/settings.ts";
import { systemClock } from "./lib/platform/clock.ts";
import type { ServerPem } from "./lib/platform/net/tls/server.ts";
import type { ServingTls } from "./lib/platform/net/tls/tls.ts";
import { tcpTransport } from "./lib/platform/net/tcp.ts";
import { OriginalProtocol } from "./lib/original/protocol.ts";
import type { ServerOptions } from "./lib/server/options.ts";
import { Server } from "./lib/server/server.ts";
import { checkThreads, startWorkerThread } from "./lib/server/workers/worker_handle.ts";
import { WorkerPool } from "./lib/server/workers/worker_pool.ts";
import { EventSource } from "./lib/session/events.ts";
import { openOutput } from "./lib/store/output_file.ts";
import { openSqliteStore } from "./lib/store/sqlite/sqlite_store.ts";
import { openStoredOutput } from "./lib/store/stored_output.ts";

/** What a server shows with TLS, and what makes TLS of it; its files are watched. */
interface OpenTls {
  /** What its files had at the start. */
  readonly pem: ServerPem;
  /** What a server without workers uses, which makes it of what the files have now. */
  readonly serving: ServingTls;
  /** Called with what the files have when they have changed. */
  changed?: (pem: ServerPem) => void;
}

async function openTls(settings: Settings, events: EventSource): Promise<OpenTls> {
  // Loaded only with TLS.
  const { watchServerTls } = await import("./lib/cli/files/tls_files.ts");
  const { serverTls } = await import("./lib/platform/net/tls/tls.ts");
  const report = (level: "info" | "warning", text: string) =>
    void events.emit("notice", { level, text });
  let first: ServerPem | undefined;
  let opened: OpenTls | undefined;
  const use = (pem: ServerPem) => {
    first ??= pem;
    opened?.serving.use(pem);
    opened?.changed?.(pem);
  };
  watchServerTls({ settings, report, clock: systemClock, use });
  return opened = { pem: first!, serving: await serverTls(first!) };
}

if (import.meta.main) {
  if (Deno.args[0] === "report") {
    // Loaded only here: sessions do not need it.
    const { reportMain } = await import("./lib/cli/commands/report.ts");
    Deno.exit(reportMain("server", Deno.args.slice(1)));
  }
  const status = await commandMain(
    "server",
    Deno.args,
    async ({ settings, commandLine, sink }) => {
      const events = new EventSource(sink, systemClock);
      const tell = (text: string) => events.emit("notice", { level: "warning", text });
      // If one thing cannot be opened, those before it are closed again.
      await using opened = new AsyncDisposableStack();
      const store = settings.store === ""
        ? undefined
        : await openSqliteStore(settings.store, { tell });
      if (store) opened.defer(() => store.close());
      const output = settings.output === ""
        ? undefined
        : store
        ? await openStoredOutput(store, settings.output, { tell })
        : await openOutput(settings.output, { tell });
      if (output) opened.defer(() => output.close());
      const tls = settings.tls_cert === "" ? undefined : await openTls(settings, events);
      const { once } = commandLine;
      const { workers } = settings;
      // One session has no use for more than one thread.
      const isOne = once || workers === 1;
      const options: ServerOptions = {
        address: settings,
        timers: timersOf(settings),
        maxMessageBytes: settings.max_message_bytes,
        maxSessions: settings.max_sessions,
        sessionLifetime_ms: settings.session_lifetime * 1000,
        resumeWithoutToken: settings.resume_without_token,
        store,
        output,
        once,
        original: settings.original && !tls,
        tls: tls?.pem,
        legacy: new OriginalProtocol(),
        random: systemRandom,
        transport: tls && isOne ? tls.serving.on(tcpTransport) : tcpTransport,
        clock: systemClock,
        sink,
      };
      if (isOne) {
        const server = Server.listen(options);
        opened.move();
        return server;
      }
      checkThreads(workers);
      const startThread = startWorkerThread;
      const pool = await WorkerPool.listen({ ...options, workers, startThread });
      if (tls) tls.changed = (pem) => pool.useTls(pem);
      opened.move();
      return pool;
    },
  );
  Deno.exit(status);
}
