/**
 * A server whose port this host's firewall may close: opens it while the server runs, and says what to do if
 * nobody connects.
 *
 * @module
 */
import type { Clock } from "../../platform/clock.ts";
import type { Address } from "../../platform/net/transport.ts";
import type { ExitStatus } from "../../session/close_reason.ts";
import type { EventSource } from "../../session/events.ts";

/** How long, in milliseconds, nobody may connect before the firewall is looked at. */
export const QUIET_MS = 60_000;

/** A server that listens already. */
export interface ListeningServer {
  /** Where it listens. */
  readonly address: Address;
  /** Whether anybody has connected. */
  readonly wasReached: boolean;
  /** Runs to the end. */
  run(): Promise<ExitStatus>;
  /** Ends in order. */
  stop(reason: "done" | "shutdown"): void;
}

/** A rule of the firewall for the port. */
export interface PortRule {
  /** Adds it; says what was done, or why it could not and what to do instead. */
  open(): Promise<{ readonly isOpen: boolean; readonly text: string }>;
  /** Removes it; says why it could not. */
  close(): Promise<string | undefined>;
}

/** Options for {@linkcode ReachableServer}. */
export interface ReachableServerOptions {
  /** The server. */
  server: ListeningServer;
  /** Whether the port is to be opened in the firewall. */
  opensFirewall: boolean;
  /** The firewall: the rule for the port, and what to do when nobody connects, in a line. */
  firewall: () => Promise<{ readonly rule: PortRule; advice(): Promise<string> }>;
  /** Time. */
  clock: Clock;
  /** Emits the events of the server as a whole. */
  events: EventSource;
}

/** Runs a server, and its rule in the firewall. */
export class ReachableServer {
  readonly #options: ReachableServerOptions;
  #isRunning = false;
  #stopReason?: "done" | "shutdown";

  /** Wraps a server. */
  constructor(options: ReachableServerOptions) {
    this.#options = options;
  }

  /** Runs the server to its end. The rule is there before the server says that it listens. */
  async run(): Promise<ExitStatus> {
    const { clock, firewall, opensFirewall, server } = this.#options;
    const rule = opensFirewall ? (await firewall()).rule : undefined;
    const quiet = clock.timer(() => void this.#advise());
    try {
      if (rule) {
        const { isOpen, text } = await rule.open();
        this.#notice(isOpen ? "info" : "warning", text);
      }
      const running = server.run();
      this.#isRunning = true;
      if (this.#stopReason) server.stop(this.#stopReason);
      quiet.set(clock.now() + QUIET_MS);
      return await running;
    } finally {
      this.#isRunning = false;
      quiet.clear();
      const problem = await rule?.close();
      if (problem !== undefined) this.#notice("warning", problem);
    }
  }

  /** Ends the server in order: once it runs, if the firewall is being changed. */
  stop(reason: "done" | "shutdown"): void {
    this.#stopReason ??= reason;
    if (this.#isRunning) this.#options.server.stop(reason);
  }

  async #advise(): Promise<void> {
    const { firewall, server } = this.#options;
    if (server.wasReached) return;
    const text = await (await firewall()).advice();
    if (this.#isRunning && !server.wasReached) {
      this.#notice("info", `nobody has connected for ${QUIET_MS / 1000} s: ${text}`);
    }
  }

  #notice(level: "info" | "warning", text: string): void {
    this.#options.events.emit("notice", { level, text });
  }
}
