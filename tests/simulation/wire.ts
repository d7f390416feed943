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
  /** When the last complete frame was read. */
  lastFrame_ms = -Infinity;
  /** The number of the last heartbeat reply that was read. */
  lastReply = 0;
  /** Told of the line of each complete frame. */
  onFrame?: (line: string) => void;
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
    end.onRead = (bytes) => this.#read(bytes);
  }

  #read(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#payload > 0) {
        const skipped = Math.min(this.#payload, bytes.length - at);
        at += skipped;
        this.#payload -= skipped;
        if (this.#payload === 0) this.#complete();
        continue;
      }
      const end = bytes.indexOf(LF, at);
      this.#line += decoder.decode(bytes.subarray(at, end < 0 ? undefined : end));
      at = end < 0 ? bytes.length : end + 1;
      if (end < 0) continue;
      if (this.#line.startsWith("DATA ")) this.#payload = Number(this.#line.split(" ")[2]) + 1;
      else this.#complete();
    }
  }

  #complete(): void {
    this.lastFrame_ms = this.process.now();
    const [word, n] = this.#line.split(" ");
    if (word === "HEARTBEAT_REPLY") this.lastReply = Number(n);
    this.onFrame?.(this.#line);
    this.#line = "";
  }
}
