/**
 * Starts a command for the demo and follows its events.
 *
 * @module
 */
import type { Event, EventName } from "../lib/events.ts";
import type { Role } from "../lib/protocol.ts";

/** A running command. */
export class DemoCommand {
  /** Its events so far. */
  readonly events: Event[] = [];
  readonly #role: Role;
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  #changed = Promise.withResolvers<void>();
  #over = false;

  /** Starts a command; `onEvent` hears each of its events. */
  constructor(role: Role, args: readonly string[], onEvent: (role: Role, event: Event) => void) {
    const std = Deno.env.get("STD");
    this.#role = role;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        ...(std ? [std] : []),
        `-P=${role}`,
        `${role}.ts`,
        "--json",
        ...args,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#reading = this.#read(onEvent);
  }

  /** Waits for an event of a name. */
  async event<Name extends EventName>(
    name: Name,
    which: (event: Extract<Event, { event: Name }>) => boolean = () => true,
  ): Promise<Extract<Event, { event: Name }>> {
    const isIt = (event: Event): event is Extract<Event, { event: Name }> =>
      event.event === name && which(event as Extract<Event, { event: Name }>);
    for (;;) {
      const found = this.events.find(isIt);
      if (found) return found;
      if (this.#over) throw new Error(`the ${this.#role} ended without: ${name}`);
      await this.#changed.promise;
    }
  }

  /** Waits for its end, and gives its exit status. */
  async ended(): Promise<number> {
    await this.#reading;
    return (await this.#process.status).code;
  }

  /** Ends it, whatever it is doing. */
  kill(): void {
    if (!this.#over) this.#process.kill("SIGKILL");
  }

  async #read(onEvent: (role: Role, event: Event) => void): Promise<void> {
    let rest = "";
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const event = JSON.parse(line) as Event;
        this.events.push(event);
        onEvent(this.#role, event);
      }
      this.#wake();
    }
    this.#over = true;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
