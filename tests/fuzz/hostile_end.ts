/**
 * An end of a connection that does what an exchange says, and reads what comes.
 *
 * @module
 */
import { TransportError } from "../../lib/platform/net/transport.ts";
import type { End } from "../support/memory_network.ts";
import { type Step, textOf } from "./exchange.ts";

/** More characters than the first word of a frame has. */
const MAX_WORD = 24;

/** A hostile end of a connection. */
export class HostileEnd {
  readonly #end: End;
  readonly #onWord: (word: string) => void;
  #written: Promise<unknown> = Promise.resolve();
  #isDeaf = false;

  /** Takes over an end; `onWord` hears the first word of all that is read. */
  constructor(end: End, onWord: (word: string) => void) {
    this.#end = end;
    this.#onWord = onWord;
    this.#read();
  }

  /** Does a step. */
  act(step: Exclude<Step, { wait_ms: number }>): void {
    if ("bytes" in step) {
      this.#written = this.#written.then(() => this.#write(step.bytes)).catch(ignoreTransport);
    } else if (step.act === "close") this.close();
    else if (step.act === "finish") this.#end.finish();
    else if (step.act === "deafen") this.#isDeaf = true;
    else {
      this.#end.peerEnd.fail(new TransportError("reset", "reset"));
      this.close();
    }
  }

  /** Closes it. */
  close(): void {
    this.#end.close();
  }

  /** Whether the other side has closed its own end. */
  get isClosedThere(): boolean {
    return this.#end.peerEnd.closed;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await this.#end.write(rest));
    }
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(16_384);
    try {
      while (!this.#isDeaf) {
        const count = await this.#end.read(buffer);
        if (count === null) return this.#onWord("(end)");
        const text = textOf(buffer.subarray(0, Math.min(count, MAX_WORD)));
        this.#onWord(/^[A-Z_]+/.exec(text)?.[0] ?? "(rest)");
      }
    } catch (error) {
      ignoreTransport(error);
    }
  }
}

function ignoreTransport(error: unknown): void {
  if (!(error instanceof TransportError)) throw error;
}
