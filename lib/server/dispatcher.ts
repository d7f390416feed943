/**
 * Detects the protocol of each connection by its first bytes, and picks the worker that serves it.
 *
 * @module
 */
import { sleep } from "../platform/condition.ts";
import type { Connection } from "../platform/net/transport.ts";
import { TurnLimiter } from "../platform/turns.ts";
import type { CloseReason } from "../session/close_reason.ts";
import { OPEN_LIMIT_MS } from "../session/timers.ts";
import { encodeFrame } from "../wire/encoder.ts";
import type { KeyRing } from "../wire/proof.ts";
import type { UnopenedConnections } from "./strangers.ts";
import type { Forwarded, LegacyProtocol, Proven, Refusal, ServerOptions } from "./options.ts";
import {
  behindFirstLine,
  identifiesProtocol,
  identifiesSession,
  parseFirst,
  parseHello,
  PeekedConnection,
} from "./first_bytes.ts";

/** A connection, and what its first bytes identify. */
export interface IncomingConnection {
  /** The connection, from its first byte on. */
  readonly connection: PeekedConnection;
  /** When it was opened, in monotonic milliseconds. */
  readonly connected_ms: number;
  /** Its first bytes, if they are of the legacy protocol. */
  readonly legacy?: Uint8Array;
  /** The session that the coordinator placed here. */
  readonly session?: string;
  /** Why the coordinator refuses it, if it does. */
  readonly refusal?: Refusal;
  /** What came of the proof of its key, if the server has keys. */
  readonly proven?: Proven;
}

/** Options for {@linkcode Dispatcher}. */
export interface DispatcherOptions
  extends Pick<ServerOptions, "clock" | "coordinator" | "keys" | "legacy"> {
  /** The connections that have opened no session. */
  unopened: UnopenedConnections;
  /** Serves a connection. */
  serve: (incoming: IncomingConnection) => void | Promise<void>;
}

const NO_KEY = "this server takes only clients with a key (key_file), and this one has named none";

/** Says nothing of which it is: that would tell strangers which names there are. */
function wrongProof(key: string): string {
  return `this server does not know the key ${key}, or knows another secret of that name`;
}

function refused(text: string): CloseReason {
  return { by: "self", reason: "refused", text };
}

const LATE: CloseReason = {
  by: "self",
  reason: "silent",
  text: `no PROOF within ${OPEN_LIMIT_MS / 1000} s`,
};

/** Reads ahead on connections until it is clear who serves them. */
export class Dispatcher {
  readonly #options: DispatcherOptions;

  /** Makes a dispatcher. */
  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Dispatches a connection that has just been accepted. */
  async receive(connection: Connection): Promise<void> {
    const { clock, coordinator, keys, serve, unopened } = this.#options;
    const accepted_ms = clock.now();
    if (!await unopened.admit(connection)) return;
    const isEnough = coordinator || keys ? identifiesSession : identifiesProtocol;
    const { incoming, isLate } = await this.#identify(connection, accepted_ms, isEnough);
    const { connected_ms, legacy, session } = incoming;
    const { refusal: isRefused } = incoming.connection;
    if (isLate && !isRefused) {
      // Thousands of strangers who came together are late together.
      await TurnLimiter.of(clock).turn();
      return unopened.end(incoming.connection, "late");
    }
    const end = () => unopened.end(incoming.connection);
    if (incoming.connection.hasEnded || !unopened.has(connection)) return end();
    const proven = keys && !legacy && !isRefused
      ? await this.#challenge(keys, incoming)
      : undefined;
    if (!unopened.has(connection)) return end();
    const more = proven && { proven };
    // What is not proved is placed nowhere: it must neither take another's room, nor move its session.
    const isPlaced = session !== undefined && (!keys || proven?.who !== undefined);
    if (!coordinator || isRefused || (!legacy && !isPlaced)) {
      return serve({ ...incoming, ...more, session: undefined });
    }
    const placement = await coordinator.findWorker(session, connection.peer);
    if (placement.at === "elsewhere") {
      // It counts as unopened at the other worker from now on.
      unopened.delete(connection);
      const forwarded = { connection: incoming.connection, connected_ms, ...more };
      return await coordinator.forward({ ...forwarded, forwarding: placement.forwarding });
    }
    const { refusal } = placement;
    const placed = refusal === undefined ? session : undefined;
    return serve({ ...incoming, ...more, refusal, session: placed });
  }

  /** Serves a connection that another worker has forwarded. */
  async serveForwarded(forwarded: Forwarded): Promise<void> {
    const { connected_ms, connection, proven, refusal, session } = forwarded;
    this.#options.unopened.add(connection);
    const { incoming } = await this.#identify(connection, connected_ms, identifiesProtocol);
    return this.#options.serve({ ...incoming, ...proven && { proven }, session, refusal });
  }

  /** Has a client prove the key that its `HELLO` names; `undefined` of what is no `HELLO`. */
  async #challenge(
    keys: KeyRing,
    { connected_ms, connection }: IncomingConnection,
  ): Promise<Proven | undefined> {
    const hello = parseHello(connection.received);
    if (!hello) return undefined;
    const challenge = keys.challenge(hello);
    if (!challenge) return { failure: "HELLO without a key", end: refused(NO_KEY) };
    const { key, serverNonce: nonce } = challenge.exchange;
    using limit = this.#options.unopened.limit();
    limit.moveTo(connected_ms + OPEN_LIMIT_MS, { again_ms: OPEN_LIMIT_MS });
    const asked = connection.ask(encodeFrame({ type: "CHALLENGE", nonce })).then(() => true);
    const over = () => false;
    const isAnswered = await Promise.race([asked.catch(over), sleep(limit).then(over, over)]);
    const answer = isAnswered && parseFirst(behindFirstLine(connection.received));
    const failure = `HELLO without a proof of the key "${key}"`;
    if (!answer) return { failure, ...!isAnswered && { end: LATE } };
    // What it is instead, the session is going to say.
    if (answer.type !== "PROOF") return { failure };
    connection.dropAnswer();
    const verdict = challenge.judge(answer.proof);
    return verdict.failure ? { ...verdict, end: refused(wrongProof(key)) } : verdict;
  }

  async #identify(
    connection: Connection,
    connected_ms: number,
    isEnough: (first: Uint8Array, legacy?: LegacyProtocol) => boolean,
  ): Promise<{ incoming: IncomingConnection; isLate: boolean }> {
    const { coordinator, legacy, unopened } = this.#options;
    const peeked = new PeekedConnection(connection, (first) => isEnough(first, legacy));
    using limit = unopened.limit();
    limit.moveTo(connected_ms + OPEN_LIMIT_MS, { again_ms: OPEN_LIMIT_MS });
    const nothing = () => new Uint8Array(0);
    const first = await Promise.race([peeked.peek(), sleep(limit).then(nothing, nothing)]);
    const isLate = limit.hasPassed;
    const opened = { connection: peeked, connected_ms };
    if (legacy?.matches(first)) {
      return { incoming: { ...opened, legacy: first, session: undefined }, isLate: false };
    }
    const session = coordinator && parseHello(first)?.id;
    return { incoming: { ...opened, legacy: undefined, session }, isLate };
  }
}
