/**
 * An end of a connection in memory that sends what the test says, and records what it receives.
 *
 * @module
 */
import { type Connection, TransportError } from "../../lib/platform/net/transport.ts";
import { settle, type VirtualClock } from "./virtual_clock.ts";

/** One end of a connection, which a test reads and writes. */
export class ScriptedEnd {
  /** What each read gave, as `time text`. */
  readonly heard: string[] = [];
  /** How the other side ended it, as `time closed` or `time reset`. */
  over?: string;
  /** Answers what a read gave, if this is set and gives an answer. */
  answer?: (text: string) => string | undefined;
  readonly #connection: Connection;
  readonly #clock: VirtualClock;
  #isPaused = false;

  /** Takes over a connection, and reads it. */
  constructor(connection: Connection, clock: VirtualClock) {
    this.#connection = connection;
    this.#clock = clock;
    this.#listen();
  }

  /** Sends a text as it is, and lets the other side act on it. */
  async say(text: string): Promise<void> {
    this.#write(text);
    await settle();
  }

  /** Reads nothing more. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Closes both sides, and lets the other side act on it. */
  async hangUp(): Promise<void> {
    this.#connection.close();
    await settle();
  }

  async #listen(): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      for (;;) {
        const count = await this.#connection.read(buffer);
        if (count === null) return void (this.over = `${this.#clock.now()} closed`);
        if (this.#isPaused) return;
        this.receive(new TextDecoder().decode(buffer.subarray(0, count)));
      }
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (error.kind === "reset") this.over = `${this.#clock.now()} reset`;
    }
  }

  /** Records what a read gave, and answers it. */
  protected receive(text: string): void {
    this.heard.push(`${this.#clock.now()} ${text}`);
    const answer = this.answer?.(text);
    if (answer !== undefined) this.#write(answer);
  }

  /** What the other side will not read, because it has closed, is lost. */
  #write(text: string): void {
    this.#connection.write(new TextEncoder().encode(text)).catch(() => {});
  }
}
