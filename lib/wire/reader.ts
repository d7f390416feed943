/**
 * Reads a connection's messages until it closes.
 *
 * @module
 */
import { type Connection, transportError } from "../platform/net/transport.ts";

/** Size of the first read, in bytes: enough for a few short frames. */
export const SMALLEST_READ_BYTES = 256;

const LARGEST_READ_BYTES = 65_536;

/**
 * How many bytes are discarded after an error, while the connection is closed in order: whoever goes on sending
 * has to wait then, and takes none of the time of other connections.
 */
export const MAX_DISCARDED_BYTES = 65_536;

/** A large buffer is released after so many small reads in a row. */
const SMALL_READS = 16;

/** Decodes messages from chunks of any size. */
export interface Decoder<Message> {
  /**
   * Sets the next chunk, the first `length` bytes of a buffer; the one before must have been decoded
   * completely with `next`.
   */
  push(buffer: Uint8Array, length: number): void;
  /** The next complete message, or `undefined` when more bytes are needed. */
  next(): Message | undefined;
}

/** Receives the messages of a connection. */
export interface MessageListener<Message> {
  /** Called for each message. */
  onMessage(message: Message): void;
  /**
   * Called after the messages of each read, of so many bytes, and when `isHeld` says so in the middle of
   * one; what follows waits for the promise.
   */
  onBatchEnd(bytes: number): void | Promise<void>;
  /** Whether no further message is to be taken before `onBatchEnd`, not even one that has been read. */
  readonly isHeld?: boolean;
  /** Called once, with an error that `onMessage`, `onBatchEnd` or the decoder threw. */
  onError(error: unknown): void;
  /** Called once, when the peer has closed its side, or with the `TransportError` that ended the connection. */
  onEnd(failure?: unknown): void;
}

/** Bytes that were read before, in a buffer that is free for further reads. */
export interface ReadAhead {
  /** The buffer. */
  readonly buffer: Uint8Array;
  /** How many bytes at its beginning were read. */
  readonly count: number;
}

/**
 * Reads messages until the peer closes its side. After an error it discards what it reads, up to
 * {@linkcode MAX_DISCARDED_BYTES}, and still notices when the connection closes.
 *
 * Callbacks, not an async function: of each idle session this is what waits, in half the memory.
 */
export class MessageReader<Message> {
  readonly #connection: Connection;
  readonly #decoder: Decoder<Message>;
  readonly #listener: MessageListener<Message>;
  #buffer: Uint8Array;
  #smallReads = 0;
  #hasFailed = false;
  #discarded = 0;
  #hasEnded = false;
  #ended?: PromiseWithResolvers<void>;

  /** Starts to read, beginning with what was read ahead. */
  constructor(
    connection: Connection,
    decoder: Decoder<Message>,
    listener: MessageListener<Message>,
    first?: ReadAhead,
  ) {
    this.#connection = connection;
    this.#decoder = decoder;
    this.#listener = listener;
    this.#buffer = first?.buffer ?? new Uint8Array(SMALLEST_READ_BYTES);
    if (first) Promise.resolve(first.count).then(this.#onRead);
    else this.#read();
  }

  /** Resolves once the connection, which this side has closed, gives nothing more. */
  closed(): Promise<void> {
    if (this.#hasEnough) this.#read();
    return this.ended();
  }

  /** Resolves when there is nothing more to read; not before `closed` after too much was discarded. */
  ended(): Promise<void> {
    if (this.#hasEnded) return Promise.resolve();
    return (this.#ended ??= Promise.withResolvers()).promise;
  }

  get #hasEnough(): boolean {
    return this.#discarded > MAX_DISCARDED_BYTES;
  }

  #read(): void {
    this.#connection.read(this.#buffer).then(this.#onRead, this.#onFailure);
  }

  readonly #onRead = (count: number | null): void => {
    if (count === null) return this.#end();
    if (this.#hasFailed) return this.#discard(count);
    const ready = this.#decode(count);
    this.#resize(count);
    if (ready) ready.catch((error) => this.#onError(error)).then(() => this.#read());
    else this.#read();
  };

  readonly #onFailure = (error: unknown): void => this.#end(transportError(error));

  #end(failure?: unknown): void {
    this.#hasEnded = true;
    this.#listener.onEnd(failure);
    this.#ended?.resolve();
  }

  #discard(count: number): void {
    this.#discarded += count;
    if (!this.#hasEnough) this.#read();
  }

  #decode(count: number): void | Promise<void> {
    try {
      this.#decoder.push(this.#buffer, count);
      return this.#deliver() ? this.#listener.onBatchEnd(count) : this.#deliverHeld(count);
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Delivers messages; false if the listener is held before all of a read are delivered. */
  #deliver(): boolean {
    for (let each = this.#decoder.next(); each !== undefined; each = this.#decoder.next()) {
      this.#listener.onMessage(each);
      if (this.#listener.isHeld) return false;
    }
    return true;
  }

  async #deliverHeld(count: number): Promise<void> {
    do await this.#listener.onBatchEnd(0); while (!this.#deliver());
    await this.#listener.onBatchEnd(count);
  }

  #onError(error: unknown): void {
    this.#hasFailed = true;
    this.#listener.onError(error);
  }

  /**
   * A full buffer means that more data is pending: grow. After small reads in a row, shrink: an idle
   * session should hold no more memory than it needs.
   */
  #resize(count: number): void {
    const { length } = this.#buffer;
    this.#smallReads = count <= SMALLEST_READ_BYTES ? this.#smallReads + 1 : 0;
    if (count === length && count < LARGEST_READ_BYTES) this.#buffer = new Uint8Array(2 * count);
    else if (this.#smallReads === SMALL_READS && length > 2 * SMALLEST_READ_BYTES) {
      this.#buffer = new Uint8Array(SMALLEST_READ_BYTES);
    }
  }
}
