/**
 * The server command: arguments in, exit status out.
 *
 * @module
 */
import { systemRandom } from "./lib/platform/secrets.ts";
import { type Check, commandMain } from "./lib/cli/command.ts";
import type { OpenWeb } from "./lib/cli/viewers.ts";
import { isFileEntry } from "./lib/cli/check.ts";
import { useAddressLists } from "./lib/cli/files/address_files.ts";
import { useKeys } from "./lib/cli/files/key_file.ts";
import { type Settings, timersOf } from "./lib/cli/settings.ts";
import { systemClock } from "./lib/platform/clock.ts";
import { tcpTransport } from "./lib/platform/net/tcp.ts";
import { openFilesLimit } from "./lib/platform/proc.ts";
import type { ServerPem } from "./lib/platform/net/tls/server.ts";
import type { ServingTls } from "./lib/platform/net/tls/tls.ts";
import { OriginalProtocol } from "./lib/original/protocol.ts";
import { ReachableServer } from "./lib/server/access/reachable_server.ts";
import { defaultUnopened, ServerAccess } from "./lib/server/access/server_access.ts";
import type { ServerOptions } from "./lib/server/options.ts";
import { Server } from "./lib/server/server.ts";
import { checkThreads, startWorkerThread } from "./lib/server/workers/worker_handle.ts";
import { WorkerPool } from "./lib/server/workers/worker_pool.ts";
import { EventSource } from "./lib/session/events.ts";
import { KeyRing } from "./lib/wire/proof.ts";
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

/** How many connections may have opened no session: sessions, and all else, are left half of the open files. */
async function unopenedLimit(
  { max_sessions, max_unopened }: Settings,
  events: EventSource,
): Promise<number> {
  const wanted = max_unopened || defaultUnopened(max_sessions);
  const possible = ((await openFilesLimit()) ?? Infinity) / 2;
  if (possible >= wanted) return wanted;
  const text =
    `max_unopened is ${Math.floor(possible)}, half of the files that this process may have ` +
    `open (ulimit -n), instead of ${wanted}`;
  events.emit("notice", { level: "info", text });
  return Math.floor(possible);
}

/** Loaded only if it is asked for: sessions do not need it. */
const check: Check = async (...args) => {
  const { preflight } = await import("./lib/cli/commands/preflight.ts");
  const { watchServerTls } = await import("./lib/cli/files/tls_files.ts");
  return await preflight(...args, {
    keys: useKeys,
    lists: useAddressLists,
    tls: watchServerTls,
  });
};

/** Loaded only if it is asked for. */
const openWeb: OpenWeb = async (parts) => {
  const { openWeb } = await import("./lib/cli/outputs/web.ts");
  const { watchServerTls } = await import("./lib/cli/files/tls_files.ts");
  return await openWeb(parts, { keys: useKeys, tls: watchServerTls });
};

if (import.meta.main) {
  if (Deno.args[0] === "report") {
    // Loaded only here: sessions do not need it.
    const { reportMain } = await import("./lib/cli/commands/report.ts");
    Deno.exit(reportMain("server", Deno.args.slice(1)));
  }
  const status = await commandMain("server", Deno.args, {
    check,
    openWeb,
    start: async ({ settings, commandLine, sink, watch }) => {
      const events = new EventSource(sink, systemClock);
      const tell = (text: string) => events.emit("notice", { level: "warning", text });
      // If one thing cannot be opened, those before it are closed again.
      await using opened = new AsyncDisposableStack();
      const store = settings.store === ""
        ? undefined
        : await openSqliteStore(settings.store, { tell });
      if (store) opened.defer(() => store.close());
      if (store && watch) {
        // Loaded only where somebody looks on.
        const { MAX_OUTAGES } = await import("./lib/monitor/outages.ts");
        watch.remember(await store.past(MAX_OUTAGES));
      }
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
      const access = new ServerAccess({
        clock: systemClock,
        maxSessionsPerAddress: settings.max_sessions_per_address ||
          Math.ceil(settings.max_sessions / 2),
        maxNewPerSecond: settings.max_new_per_second,
        hasAllow: settings.allow.length > 0,
        hasDeny: settings.deny.length > 0,
      });
      const lists = useAddressLists(settings, {
        clock: systemClock,
        report: (level, text) => events.emit("notice", { level, text }),
        use: (lists) => access.setLists(lists),
      });
      opened.use(lists);
      const keys = settings.key_file === "" ? undefined : new KeyRing([], systemRandom);
      if (keys) {
        opened.use(useKeys(settings.key_file, {
          role: "server",
          clock: systemClock,
          report: (level, text) => events.emit("notice", { level, text }),
          use: (read) => keys.replace(read),
        }));
      }
      const options: ServerOptions = {
        address: settings,
        timers: timersOf(settings),
        maxMessageBytes: settings.max_message_bytes,
        maxSessions: settings.max_sessions,
        maxUnopened: settings.max_unopened,
        access,
        keys,
        maxIdle_ms: settings.max_idle * 1000,
        sessionLifetime_ms: settings.session_lifetime * 1000,
        resumeWithoutToken: settings.resume_without_token,
        store,
        output,
        once,
        original: settings.original && !tls && !keys,
        tls: tls?.pem,
        legacy: new OriginalProtocol(),
        random: systemRandom,
        transport: tls && isOne ? tls.serving.on(tcpTransport) : tcpTransport,
        clock: systemClock,
        sink,
        watch,
      };
      if (!isOne) checkThreads(workers);
      if (!isOne) options.maxUnopened = await unopenedLimit(settings, events);
      const server = isOne ? Server.listen(options) : await WorkerPool.listen({
        ...options,
        monitor: watch,
        workers,
        startThread: startWorkerThread,
      });
      if (server instanceof Server) {
        // A child says how many files may be open: it takes a fifth of the start, and has not to be waited for.
        const limit = async () => server.maxUnopened = await unopenedLimit(settings, events);
        systemClock.afterInput(limit);
      }
      if (tls && server instanceof WorkerPool) tls.changed = (pem) => server.useTls(pem);
      opened.move();
      return new ReachableServer({
        server,
        opensFirewall: settings.open_firewall,
        firewall: async () => {
          // Loaded only here: sessions do not need it.
          const { firewallOf } = await import("./lib/platform/net/firewall/firewall.ts");
          // Of lists in files, which change, only the server knows the present entries.
          const allow = settings.allow.some(isFileEntry) ? [] : settings.allow;
          return firewallOf({ ...server.address, allow }, systemClock);
        },
        clock: systemClock,
        events,
      });
    },
  });
  Deno.exit(status);
}
