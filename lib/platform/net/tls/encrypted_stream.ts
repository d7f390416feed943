/**
 * A connection as a stream that `node:tls` reads and writes encrypted bytes on.
 *
 * @module
 */
import { Duplex } from "node:stream";
import { afterTurn } from "../../clock.ts";
import type { Connection } from "../transport.ts";

/** Size of the smallest read, in bytes: each idle connection holds as much. */
const SMALLEST_READ_BYTES = 1_024;

const LARGEST_READ_BYTES = 65_536;

/** How many of the first bytes of a connection are kept until its handshake is complete. */
const FIRST_BYTES = 64;

/** The encrypted side: a stream of `node:tls` on a connection. */
export class EncryptedStream extends Duplex {
  /** The first bytes that came, if they were read ahead. */
  first = new Uint8Array(0);
  /** Called with why reading or writing failed, as the connection says it. */
  onceFailed?: (failure: unknown) => void;
  /** Whether nothing is to be written any more. */
  isShut = false;
  /** Resolves when everything is written, or cannot be. */
  sent: Promise<void> = Promise.resolve();
  readonly #connection: Connection;
  readonly #isWanted: () => boolean;
  #size = SMALLEST_READ_BYTES;
  #isReading = false;
  /** What was read ahead. */
  #ahead?: Uint8Array | null;
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
    const ahead = this.#ahead;
    this.#ahead = undefined;
    // While a socket of `node:tls` begins, an error would be nobody's: what was read ahead comes a turn later.
    if (ahead) afterTurn(() => this.#received(ahead));
    else this.#receive().then((bytes) => bytes !== undefined && this.#received(bytes));
  }

  /** Reads ahead, before anybody reads the stream; resolves to `null` if there is nothing to read. */
  async readAhead(): Promise<Uint8Array | null> {
    const bytes = await this.#receive() ?? null;
    if (bytes) this.first = bytes.slice(0, FIRST_BYTES);
    return this.#ahead = bytes;
  }

  /** Reads; resolves to `null` if the peer has closed its side, and to nothing if the connection has failed. */
  async #receive(): Promise<Uint8Array | null | undefined> {
    const buffer = new Uint8Array(this.#size);
    try {
      const count = await this.#connection.read(buffer);
      return count === null ? null : buffer.subarray(0, count);
    } catch (error) {
      this.#fail(error);
    }
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
    let rest = this.isShut ? new Uint8Array(0) : bytes;
    while (rest.length > 0) rest = rest.subarray(await this.#connection.write(rest));
  }

  #received(bytes: Uint8Array | null): void {
    this.#isReading = false;
    if (bytes === null) return void this.push(null);
    const { length } = bytes;
    if (length === this.#size) this.#size = Math.min(2 * length, LARGEST_READ_BYTES);
    else if (length <= SMALLEST_READ_BYTES) this.#size = SMALLEST_READ_BYTES;
    this.push(bytes);
  }

  #fail(error: unknown): void {
    this.onceFailed?.(error);
    this.destroy(error instanceof Error ? error : undefined);
  }
}
