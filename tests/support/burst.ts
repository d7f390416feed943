/**
 * Bursts of small data messages, all at once.
 *
 * @module
 */
import { MAX_WINDOW } from "../../lib/wire/protocol.ts";
import { RawClient } from "./raw_client.ts";

/** Sends that many empty messages in a session of its own, and waits until all of them are confirmed. */
export class Burst {
  /** The frames of all messages. */
  readonly #frames: Uint8Array;
  readonly #count: number;

  /** Makes one; by default it has as many messages as may be unconfirmed. */
  constructor(count: number = MAX_WINDOW) {
    this.#count = count;
    const frames = Array.from({ length: count }, (_, i) => `DATA ${i + 1} 0\n\n`);
    this.#frames = new TextEncoder().encode(frames.join(""));
  }

  /** Sends it; `onConfirmed` hears at the end, also at an early one, up to which message is confirmed. */
  async send(
    port: number,
    session: string,
    onConfirmed: (seq: number) => void = () => {},
  ): Promise<void> {
    using client = await RawClient.open(port, session);
    try {
      const confirmed = client.hears(`CONFIRM ${this.#count}\n`);
      await Promise.all([client.say(this.#frames), confirmed]);
      await client.say("TERMINATE done\n");
    } finally {
      onConfirmed(client.confirmed);
    }
  }
}
