/**
 * Places connections: which worker serves each, and which is one too many for all workers together.
 *
 * @module
 */
import { addressFull, full } from "../admission.ts";
import type { Access, Placement, Refusal } from "../options.ts";
import type { FromWorker, IoMessage } from "./messages.ts";
import type { SessionRouting } from "./routing.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** The worker that serves all original clients: their messages do not identify a session. */
const ORIGINALS = 0;

/** A connection that one worker has accepted and another one serves. */
interface Forwarding {
  readonly from: WorkerHandle;
  readonly to: WorkerHandle;
  readonly session?: string;
  readonly refusal?: Refusal;
}

/** Options for {@linkcode Placements}. */
export interface PlacementsOptions {
  /** The workers, in order. */
  workers: readonly WorkerHandle[];
  /** Which one owns each session. */
  routing: SessionRouting;
  /** How many sessions there may be. */
  maxSessions: number;
  /** How many of them an address may have. */
  access?: Access;
}

/** Decides where connections are served, and passes on what is done with those that are forwarded. */
export class Placements {
  readonly #options: PlacementsOptions;
  readonly #forwardings = new Map<number, Forwarding>();
  #lastForwarding = 0;

  /** Makes one that has placed nothing. */
  constructor(options: PlacementsOptions) {
    this.#options = options;
  }

  /** Places a connection that a worker has accepted: of this session, or, without one, of an original client. */
  async placementOf(from: WorkerHandle, peer: string, session?: string): Promise<Placement> {
    const { access, routing, workers } = this.#options;
    const isKnown = session !== undefined && routing.has(session);
    let refusal = isKnown ? undefined : this.#refusalOfAddress(peer, session);
    if (session !== undefined && !isKnown) {
      // Without a wait where there is room: what comes at the same moment is to be counted, too.
      if (!refusal && routing.isFull) refusal = await this.#refusalOfAll(session, peer);
      if (refusal) return { at: "here", refusal };
    }
    const owner = session === undefined
      ? ORIGINALS
      : routing.place(session, workers.indexOf(from), () => access?.count(peer));
    const to = workers[owner]!;
    // An original client is refused only if it is not the next connection of a session.
    if (to === from) return { at: "here", refusal };
    const forwarding = ++this.#lastForwarding;
    this.#forwardings.set(forwarding, { from, to, session, refusal });
    return { at: "elsewhere", forwarding };
  }

  /** Passes a connection on to the worker that serves it. */
  forward(message: FromWorker & { kind: "forward" }): void {
    const { refusal, session, to } = this.#forwardings.get(message.forwarding)!;
    to.send({ ...message, kind: "forwarded", session, refusal });
  }

  /** Passes on what one worker asks of the other one of a forwarded connection, or its answer. */
  passOn(message: IoMessage): void {
    const forwarding = this.#forwardings.get(message.forwarding);
    if (message.kind === "io_result") return forwarding?.to.send(message);
    forwarding?.from.send(message);
    if (message.request.use === "close") this.#forwardings.delete(message.forwarding);
  }

  #refusalOfAddress(peer: string, session?: string): Refusal | undefined {
    const { access } = this.#options;
    if (access?.hasRoom(peer) !== false) return undefined;
    return addressFull(access.maxSessionsPerAddress, session);
  }

  async #refusalOfAll(session: string, peer: string): Promise<Refusal | undefined> {
    if (!await this.#makeRoom()) return full(session, this.#options.maxSessions);
    return this.#refusalOfAddress(peer, session);
  }

  /** Evicts the session that has been disconnected for longest, of those that have sent no data. */
  async #makeRoom(): Promise<boolean> {
    const { workers } = this.#options;
    const away = await Promise.all(workers.map((worker) => worker.longestAway_ms()));
    const longest_ms = Math.max(...away.map((each) => each ?? -Infinity));
    const worker = workers[away.indexOf(longest_ms)];
    return worker !== undefined && await worker.makeRoom();
  }
}
