/**
 * What one end of a connection reads, seen from outside: which frames came, and when.
 *
 * @module
 */
import type { End } from "../support/memory_connection.ts";
import type { Link, Route } from "./link.ts";
import type { SimulatedProcess } from "./process.ts";

const LF = 0x0a;
const decoder = new TextDecoder();

/** One end of a connection, and what its process has read from it. */
export class Wire {
  /** Whose end it is. */
  readonly process: SimulatedProcess;
  /** Who is at the other end. */
  readonly peer: SimulatedProcess;
  /** What it goes over. */
  readonly link: Link;
  /** The connection. */
  readonly route: Route;
  /** When the connection was there for its process. */
  readonly opened_ms: number;
  /** When the last complete frame, or bytes of a data message under way, were read. */
  lastSignOfLife_ms = -Infinity;
  /** When anything was read last. */
  lastRead_ms = -Infinity;
  /** Told of the line of each complete frame. */
  onFrame?: (line: string) => void;
  /** Told of bytes that are part of a data message, and complete nothing. */
  onPartialData?: () => void;
  /** Told that the process reads again, and for how long it did not. */
  onHoldEnd?: (held_ms: number) => void;
  readonly #end: End;
  /** The numbers of the heartbeat replies that were read last, all at one time. */
  #replies: number[] = [];
  #replied_ms = NaN;
  #line = "";
  /** How many bytes of a data message and its line end are still to come. */
  #payload = 0;

  constructor(
    { end, link, process, peer, route }: {
      end: End;
      link: Link;
      process: SimulatedProcess;
      peer: SimulatedProcess;
      route: Route;
    },
  ) {
    this.process = process;
    this.peer = peer;
    this.link = link;
    this.route = route;
    this.opened_ms = process.now();
    this.#end = end;
    this.lastRead_ms = this.opened_ms;
    end.onRead = (bytes) => {
      this.lastRead_ms = process.now();
      if (this.#read(bytes) || this.#payload === 0) return;
      this.lastSignOfLife_ms = process.now();
      this.onPartialData?.();
    };
    end.onReading = () => {
      const held_ms = process.now() - this.lastRead_ms;
      if (held_ms > 0) this.onHoldEnd?.(held_ms);
    };
  }

  /** Whether part of a data message has been read. */
  get isMidData(): boolean {
    return this.#payload > 0;
  }

  /** Whether a reply to one of these heartbeats is read now. */
  isReplyTo(numbers: readonly number[]): boolean {
    return this.#replied_ms === this.process.now() &&
      this.#replies.some((each) => numbers.includes(each));
  }

  /** Whether its process has read nothing for some time, though it could. */
  get isHeld(): boolean {
    return !this.#end.isReading && this.lastRead_ms < this.process.now();
  }

  /** Reads on; whether a frame was completed. */
  #read(bytes: Uint8Array): boolean {
    let isComplete = false;
    for (let at = 0; at < bytes.length;) {
      if (this.#payload > 0) {
        const skipped = Math.min(this.#payload, bytes.length - at);
        at += skipped;
        this.#payload -= skipped;
        if (this.#payload > 0) continue;
        this.#complete();
        isComplete = true;
        continue;
      }
      const end = bytes.indexOf(LF, at);
      this.#line += decoder.decode(bytes.subarray(at, end < 0 ? undefined : end));
      at = end < 0 ? bytes.length : end + 1;
      if (end < 0) continue;
      if (this.#line.startsWith("DATA ")) this.#payload = Number(this.#line.split(" ")[2]) + 1;
      else {
        this.#complete();
        isComplete = true;
      }
    }
    return isComplete;
  }

  #complete(): void {
    this.lastSignOfLife_ms = this.process.now();
    const [word, n] = this.#line.split(" ");
    if (word === "HEARTBEAT_REPLY") this.#addReply(Number(n));
    this.onFrame?.(this.#line);
    this.#line = "";
  }

  #addReply(n: number): void {
    const now_ms = this.process.now();
    if (now_ms !== this.#replied_ms) this.#replies = [];
    this.#replied_ms = now_ms;
    this.#replies.push(n);
  }
}
