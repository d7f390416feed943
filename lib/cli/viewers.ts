/**
 * Who wants to see all sessions while a command runs: a live view, a web page, an exporter of metrics. Only if
 * somebody does, there is a monitor.
 *
 * To add one: make a {@linkcode Viewer} of it in {@linkcode viewersFor}.
 *
 * @module
 */
import type { TimeName } from "../monitor/buckets.ts";
import type { Monitor } from "../monitor/monitor.ts";
import type { SessionMonitor } from "../monitor/session_monitor.ts";
import type { ProcessWatch } from "../monitor/watch.ts";
import { exportsTelemetry, loadMeter } from "../output/metrics/meter.ts";
import type { MetricExport } from "../output/metrics/open_telemetry.ts";
import type { LineOutput } from "../output/line_output.ts";
import type { LiveView } from "../output/live/live_view.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import { ownTerminal, standardTerminals } from "../platform/terminal/terminal.ts";
import { type EventSink, EventSource } from "../session/events.ts";
import type { Role } from "../wire/protocol.ts";
import type { CommandLine } from "./args.ts";
import { showsLiveView } from "./conflicts.ts";
import { VERSION } from "./help.ts";
import { type Settings, timersOf } from "./settings.ts";
import { onTerminalSignals } from "./signals.ts";

/** Shows what a monitor knows. */
export interface Viewer {
  /**
   * Begins, before the command opens anything.
   *
   * @throws {TransportError} If it cannot listen.
   * @throws {UserError} If it cannot begin for another reason that its user can change.
   */
  start(monitor: SessionMonitor): void | Promise<void>;
  /** Ends, when no more events come; nothing of it is left behind. */
  stop(): void | Promise<void>;
  /** Gives the terminal back at once, if it uses one: this may be the last moment of this process. */
  giveBack?(): void;
}

/** What a web page is made of. */
export interface WebParts {
  /** Which side this is. */
  readonly role: Role;
  /** The settings, of which `web` is one. */
  readonly settings: Settings;
  /** What is shown. */
  readonly monitor: Monitor;
  /** Time. */
  readonly clock: Clock;
  /** Logs what happens to it. */
  readonly report: (level: "info" | "warning" | "error", text: string) => void;
}

/**
 * Serves the web page until that is disposed of, and logs where.
 *
 * @throws {UserError} If it cannot listen, or a file that it needs cannot be used.
 */
export type OpenWeb = (parts: WebParts) => Promise<Disposable>;

/** What viewers are made from. */
export interface ViewerOptions {
  /** Which side the command is. */
  role: Role;
  /** The settings: flags before file before defaults. */
  settings: Settings;
  /** The arguments. */
  commandLine: CommandLine;
  /** Receives lines for people. */
  stderr: LineOutput;
  /** Aborted when the command is to end in order; whoever aborts it asks for that. */
  stopping: AbortController;
  /** Receives events. */
  sink: EventSink;
  /** Serves the web page. */
  openWeb: OpenWeb;
}

/** The viewers that settings and arguments ask for. */
export function viewersFor(options: ViewerOptions): Viewer[] {
  const { commandLine, settings } = options;
  const hasLiveView = showsLiveView(settings, commandLine, standardTerminals());
  return [
    ...hasLiveView ? [new LiveViewer(options)] : [],
    ...exportsTelemetry() ? [new TelemetryViewer()] : [],
    ...settings.web === "" ? [] : [new WebViewer(options)],
  ];
}

/** Shows what is so now below the lines of stderr. */
class LiveViewer implements Viewer {
  readonly #options: ViewerOptions;
  readonly #shown = new DisposableStack();
  #view?: LiveView;

  constructor(options: ViewerOptions) {
    this.#options = options;
  }

  async start(monitor: SessionMonitor): Promise<void> {
    // Loaded only on a terminal.
    const { LiveView } = await import("../output/live/live_view.ts");
    const { stderr: output, stopping } = this.#options;
    const [terminal, hasColours] = [ownTerminal(), !Deno.noColor];
    const stop = () => stopping.abort();
    const options = { monitor, output, terminal, hasColours, clock: systemClock, stop };
    const view = this.#view = this.#shown.use(new LiveView(options));
    this.#shown.use(onTerminalSignals(view, systemClock));
    // Who started this process may end before it does at Ctrl-C; then its terminal is a shell's already.
    stopping.signal.addEventListener("abort", () => view.closeKeys(), { once: true });
  }

  stop(): void {
    this.#shown.dispose();
  }

  giveBack(): void {
    this.#view?.giveBack();
  }
}

/** Serves the web page. */
class WebViewer implements Viewer {
  readonly #options: ViewerOptions;
  #web?: Disposable;

  constructor(options: ViewerOptions) {
    this.#options = options;
  }

  async start(monitor: SessionMonitor): Promise<void> {
    const { openWeb, role, settings, sink } = this.#options;
    const events = new EventSource(sink, systemClock);
    const report: WebParts["report"] = (level, text) => void events.emit("notice", { level, text });
    this.#web = await openWeb({ role, settings, monitor, clock: systemClock, report });
  }

  stop(): void {
    this.#web?.[Symbol.dispose]();
  }
}

/** Exports metrics by OpenTelemetry. */
class TelemetryViewer implements Viewer {
  #exported?: MetricExport;

  async start(monitor: SessionMonitor): Promise<void> {
    // Loaded only here: sessions do not need it.
    const { MetricExport } = await import("../output/metrics/open_telemetry.ts");
    const exported = new MetricExport(await loadMeter("pulsewire", VERSION), monitor, VERSION);
    for (const [name, times] of Object.entries(monitor.times)) {
      times.recorder = exported.recorders[name as TimeName];
    }
    this.#exported = exported;
  }

  /** Records the last values, which Deno exports when the process exits. */
  async stop(): Promise<void> {
    await this.#exported?.update();
  }
}

/** A command, as its viewers see it. */
export class Viewing {
  readonly #options: ViewerOptions;
  readonly #viewers: readonly Viewer[];
  readonly #started: Viewer[] = [];
  #monitor?: SessionMonitor;

  /** Makes the viewers that are asked for. */
  constructor(options: ViewerOptions) {
    this.#options = options;
    // A search for idle timeouts has no sessions that could be shown.
    this.#viewers = options.commandLine["find-idle-timeout"] ? [] : viewersFor(options);
  }

  /** Receives the events, once the viewers have been started. */
  get sink(): EventSink {
    return this.#monitor?.sink ?? this.#options.sink;
  }

  /** Takes the sessions, if there are viewers, once they have been started. */
  get watch(): ProcessWatch | undefined {
    return this.#monitor;
  }

  /** Starts the viewers, in order; if there are any, with a monitor that passes events on. */
  async start(): Promise<void> {
    if (this.#viewers.length === 0) return;
    // Loaded only here: most processes have no viewer.
    const { SessionMonitor } = await import("../monitor/session_monitor.ts");
    const { role, settings, sink } = this.#options;
    const timers = timersOf(settings);
    const monitor = new SessionMonitor({ role, timers, clock: systemClock, sink });
    this.#monitor = monitor;
    for (const viewer of this.#viewers) {
      await viewer.start(monitor);
      this.#started.push(viewer);
    }
  }

  /** Stops those that were started, the last one first. */
  async stop(): Promise<void> {
    for (const viewer of this.#started.reverse()) await viewer.stop();
    this.#monitor?.[Symbol.dispose]();
  }

  /** Gives the terminal back at once. */
  giveBack(): void {
    for (const viewer of this.#started) viewer.giveBack?.();
  }
}
