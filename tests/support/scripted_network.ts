/**
 * A network on which the test decides what becomes of each dial, and a client that dials on it.
 *
 * @module
 */
import { Client, type ClientOptions } from "../../lib/client/client.ts";
import {
  type Address,
  type Connection,
  type Listener,
  type Transport,
  TransportError,
  type TransportErrorKind,
} from "../../lib/platform/net/transport.ts";
import { clientOptions } from "./client_options.ts";
import { Path } from "./memory_connection.ts";
import { Recorder, ScriptedPeer } from "./stage.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

/** What becomes of a dial: an error, or a server that says something to whatever it hears. */
export type Outcome = TransportErrorKind | Answering;

/** What a server says to each line that it hears. */
export type Answering = (line: string) => string | undefined;

/** Whoever was dialled. */
export interface Dialled {
  readonly peer: ScriptedPeer;
  readonly path: Path;
}

/** Gives each dial what the test has set. */
export class ScriptedNetwork implements Transport {
  /** When each dial began. */
  readonly dials_ms: number[] = [];
  /** How many dials are under way. */
  underWay = 0;
  /** The most dials that were under way at a time. */
  atOnce = 0;
  /** The connections that were opened. */
  readonly opened: Dialled[] = [];
  /** What becomes of the next dials, in order; the last one holds for all that follow. */
  outcomes: Outcome[] = [];
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** The last connection that was opened. */
  get last(): Dialled {
    return this.opened.at(-1)!;
  }

  async connect(_address: Address, { signal }: { signal: AbortSignal }): Promise<Connection> {
    this.dials_ms.push(this.#clock.now());
    this.atOnce = Math.max(this.atOnce, ++this.underWay);
    try {
      // As any dial, it takes more than one turn.
      await Promise.resolve();
      if (signal.aborted) throw new TransportError("unanswered", signal.reason);
      return await this.#answer(signal);
    } finally {
      this.underWay--;
    }
  }

  listen(): Listener {
    throw new Error("nobody listens here");
  }

  #answer(signal: AbortSignal): Promise<Connection> {
    const outcome = this.outcomes.length > 1 ? this.outcomes.shift()! : this.outcomes[0]!;
    if (outcome === "unanswered") {
      return new Promise((_, reject) => {
        const given = () => reject(new TransportError("unanswered", signal.reason));
        signal.addEventListener("abort", given, { once: true });
      });
    }
    if (typeof outcome === "string") return Promise.reject(new TransportError(outcome, outcome));
    const path = new Path(this.#clock);
    const peer = new ScriptedPeer(path.server, this.#clock);
    peer.answer = outcome;
    this.opened.push({ path, peer });
    return Promise.resolve(path.client);
  }
}

/** The id of the session of {@linkcode stageDialling}. */
export const ID = "5a".repeat(8);

/** A server that welcomes with this JSON, and says nothing else. */
export function welcoming(greeting = "{}"): Answering {
  return (line) => line.startsWith("HELLO") ? `WELCOME 1 ${ID} ${greeting}\n` : undefined;
}

/** A server that welcomes with what it has received, and confirms each data message at once. */
export function serving(received = 0): Answering {
  return (line) => {
    const seq = /^DATA (\d+)/.exec(line)?.[1];
    if (seq !== undefined) return `CONFIRM ${seq}\n`;
    return line.startsWith("HELLO") ? `WELCOME 1 ${ID} {"received":${received}}\n` : undefined;
  };
}

/** A server that confirms each data message at once, and remembers over all its connections. */
export function remembering(): Answering {
  let received = 0;
  return (line) => {
    received = Number(/^DATA (\d+)/.exec(line)?.[1] ?? received);
    return serving(received)(line);
  };
}

/** A server that hears, and never answers. */
export const mute: Answering = () => undefined;

/** A client that says `x` every 5 s, and reconnects for ever unless told otherwise. */
export function stageDialling(
  outcomes: Outcome[],
  { draw = 0, ...more }: Partial<ClientOptions> & { draw?: number } = {},
) {
  const clock = new VirtualClock();
  const network = new ScriptedNetwork(clock);
  network.outcomes = outcomes;
  const recorder = new Recorder(clock);
  const client = new Client(clientOptions({
    reconnect: { limit: 0 },
    transport: network,
    clock,
    // The session's id takes 8 bytes, a delay fewer.
    random: (bytes) => bytes.fill(bytes.length === 8 ? 0x5a : draw),
    sink: recorder,
    ...more,
  }));
  return { clock, network, recorder, client, status: client.run() };
}

/** What is told of each resumption. */
export function resumptions(recorder: Recorder): string[] {
  return recorder.all("resumed").map(({ already_there, at_ms, gap_ms, resent }) =>
    `${at_ms}: gap ${gap_ms}, resent ${resent}, already there ${already_there}`
  );
}

/** Lets time pass, and gives what a promise came to by then. */
export async function cameTo<T>(
  promise: Promise<T>,
  clock: VirtualClock,
  within_ms: number,
): Promise<T | "pending"> {
  let outcome: T | "pending" = "pending";
  promise.then((value) => outcome = value);
  await clock.advance(within_ms);
  await settle();
  return outcome;
}
