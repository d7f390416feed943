/**
 * A connection as a stream that `node:tls` reads and writes encrypted bytes on.
 *
 * @module
 */
import { Duplex } from "node:stream";
import type { Connection } from "../transport.ts";

/** Size of the smallest read, in bytes: each idle connection holds as much. */
const SMALLEST_READ_BYTES = 1_024;

const LARGEST_READ_BYTES = 65_536;

/** How many of the first bytes of a connection are kept until its handshake is complete. */
const FIRST_BYTES = 64;

/** The encrypted side: a stream of `node:tls` on a connection. */
export class EncryptedStream extends Duplex {
  /** The first bytes that came. */
  first = new Uint8Array(0);
  /** Called with why reading or writing failed, as the connection says it. */
  onceFailed?: (failure: unknown) => void;
  /** Resolves when everything is written, or cannot be. */
  sent: Promise<void> = Promise.resolve();
  readonly #connection: Connection;
  readonly #isWanted: () => boolean;
  #size = SMALLEST_READ_BYTES;
  #isReading = false;
  /** Whether it was to read when nothing was wanted. */
  #isDue = false;

  /** Makes the stream of a connection, which reads as long as that is wanted. */
  constructor(connection: Connection, isWanted: () => boolean) {
    super({ allowHalfOpen: true, readableHighWaterMark: LARGEST_READ_BYTES });
    this.#connection = connection;
    this.#isWanted = isWanted;
    // Whoever reads or writes hears of it.
    this.on("error", () => {});
  }

  /** Called by the stream when it has room. */
  override _read(): void {
    if (this.#isReading) return;
    this.#isDue = !this.#isWanted();
    if (this.#isDue) return;
    this.#isReading = true;
    const buffer = new Uint8Array(this.#size);
    this.#connection.read(buffer).then(
      (count) => this.#received(count === null ? null : buffer.subarray(0, count)),
      (error) => this.#fail(error),
    );
  }

  /** Reads on, if it was to. */
  poll(): void {
    if (this.#isDue) this._read();
  }

  /**
   * Writes at once, also when the stream has been destroyed: with an error of TLS it is, before the alert is
   * written that says so.
   */
  override write(bytes: Uint8Array, ...others: unknown[]): boolean {
    const done = others.find((each) => typeof each === "function") as (() => void) | undefined;
    this.sent = this.sent
      .then(() => this.#writeAll(bytes))
      .catch((error) => this.#fail(error))
      .then(done);
    return true;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(await this.#connection.write(rest));
  }

  #received(bytes: Uint8Array | null): void {
    this.#isReading = false;
    if (bytes === null) return void this.push(null);
    const { length } = bytes;
    if (this.first.length < FIRST_BYTES) {
      const more = bytes.subarray(0, FIRST_BYTES - this.first.length);
      this.first = new Uint8Array([...this.first, ...more]);
    }
    if (length === this.#size) this.#size = Math.min(2 * length, LARGEST_READ_BYTES);
    else if (length <= SMALLEST_READ_BYTES) this.#size = SMALLEST_READ_BYTES;
    this.push(bytes);
  }

  #fail(error: unknown): void {
    this.onceFailed?.(error);
    this.destroy(error instanceof Error ? error : undefined);
  }
}
