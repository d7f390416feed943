/**
 * Sessions that are to be idle, for a client that searches for idle timeouts: admits them, runs them, and notes what
 * this side saw of each, until the client asks for that. They count as sessions for all limits, and for nothing else:
 * no event, no summary and no exit status has them.
 *
 * @module
 */
import { defectText } from "../platform/errors.ts";
import { hostOf } from "../platform/net/address.ts";
import type { Connection } from "../platform/net/transport.ts";
import type { CloseReason } from "../session/close_reason.ts";
import type { EventSource } from "../session/events.ts";
import { IdleConnection, type IdleOutcome, JUDGE_MS } from "../session/idle/idle_connection.ts";
import { IdleResults, type IdleResultStore } from "../session/idle/idle_results.ts";
import { greetingOf } from "../session/timers.ts";
import type { Hello } from "../wire/hello.ts";
import { idleResultsFrames, type IdleState, type IdleTerms } from "../wire/idle.ts";
import { type Greeting, PROTOCOL_VERSION } from "../wire/protocol.ts";
import type { Admission } from "./admission.ts";
import type { Refusal, ServerOptions, Stranger } from "./options.ts";
import type { IncomingConnection } from "./dispatcher.ts";
import { parseHello, type PeekedConnection, strangerOf } from "./first_bytes.ts";
import { refusalOf } from "./session_record.ts";
import type { UnopenedConnections } from "./strangers.ts";

/** How much longer, in milliseconds, a client may take than it said before it is taken for silent. */
const CLIENT_LATE_MS = 15_000;

/** How often a client may speak on one session, each time after its idle time. */
const MOST_SPOKEN = 200;

/** What the idle sessions of a server share with its others. */
export interface IdleSessionsParts {
  /** Why another session is refused, for another reason than its idle time. */
  admission: Pick<Admission, "refuseIdle">;
  /** Emits the events of the server as a whole. */
  events: EventSource;
  /** Reports one that is refused. */
  onRefused: (connection: Connection, refusal: Refusal) => void;
  /** Counts a connection that shows no certificate or key that is taken here. */
  onStranger: (stranger: Stranger) => void;
  /** The connections that have opened no session. */
  unopened: Pick<UnopenedConnections, "delete">;
}

/** The idle sessions of a server. */
export class IdleSessions {
  readonly #options: ServerOptions;
  readonly #parts: IdleSessionsParts;
  readonly #results: IdleResultStore;
  readonly #running = new Map<string, IdleConnection>();
  #stopReason?: CloseReason;

  /** Makes one without sessions. */
  constructor(options: ServerOptions, parts: IdleSessionsParts) {
    const { clock, coordinator } = options;
    this.#options = options;
    this.#parts = parts;
    this.#results = coordinator?.idleResults ?? new IdleResults(clock, parts.events);
  }

  /** How many there are. */
  get size(): number {
    return this.#running.size;
  }

  /** The `HELLO` that a connection begins with, if it is for an idle session or for the results of some. */
  helloOf(first: Uint8Array): Hello | undefined {
    const hello = isPerhapsIdle(first) ? parseHello(first) : undefined;
    return hello?.idle || hello?.idleResults !== undefined ? hello : undefined;
  }

  /** Serves a connection with such a `HELLO`, until it is closed. */
  async serve(incoming: IncomingConnection, hello: Hello): Promise<void> {
    const { events, unopened } = this.#parts;
    const { source } = incoming.connection;
    try {
      await this.#serve(incoming, hello);
    } catch (error) {
      // A defect ends one session and is logged in full; the others go on.
      const text = defectText(error, ` ended idle session ${hello.id}`);
      events.emit("notice", { level: "error", text });
      source.close();
    }
    unopened.delete(source);
  }

  async #serve(incoming: IncomingConnection, hello: Hello): Promise<void> {
    const { access, coordinator } = this.#options;
    const { connection, proven, session } = incoming;
    const { end, refusal } = this.#judge(incoming, hello);
    const idle = this.#connectionOf(connection);
    if (session !== undefined) coordinator?.sessionPlaced(session, end === undefined);
    if (refusal) this.#parts.onRefused(connection, refusal);
    if (end) return await idle.close(end);
    this.#parts.unopened.delete(connection.source);
    this.#running.set(hello.id, idle);
    const counted = access?.count(connection.peer);
    try {
      const { proof, who } = proven ?? {};
      await this.#run(idle, hello, { who, from: hostOf(connection.peer), proof });
    } finally {
      counted?.release();
      this.#running.delete(hello.id);
      if (session !== undefined) coordinator?.sessionEnded(session);
    }
  }

  /** Ends all of them in order. */
  stop(reason: "done" | "shutdown", text: string): void {
    this.#stopReason = { by: "self", reason, text };
    for (const idle of this.#running.values()) idle.stop(this.#stopReason);
  }

  #connectionOf(peeked: PeekedConnection): IdleConnection {
    const { clock } = this.#options;
    const onFrame = () => {};
    const idle = new IdleConnection({ role: "server", clock, ...peeked.taken(), onFrame });
    // Its HELLO has been read.
    idle.skipFirst();
    return idle;
  }

  /** How a connection ends that is not served, and why it is refused if that is the reason. */
  #judge(
    incoming: IncomingConnection,
    hello: Hello,
  ): { end?: CloseReason; refusal?: Refusal } {
    const { keys } = this.#options;
    const { connection, proven } = incoming;
    if (this.#stopReason) return { end: this.#stopReason };
    const { refusal: distrust } = connection;
    if (distrust || keys && proven?.who === undefined) {
      const { failure } = proven ?? {};
      this.#parts.onStranger(strangerOf(connection, connection.received, { failure }));
      const refused = distrust && refusalOf({ refusal: distrust.text }, hello);
      return { end: refused ?? proven?.end ?? { by: "peer", reason: "silent", text: "" } };
    }
    const refusal = this.#refusalOf(incoming, hello);
    return refusal ? { refusal, end: refusalOf(refusal, hello) } : {};
  }

  #refusalOf(incoming: IncomingConnection, hello: Hello): Refusal | undefined {
    const { maxIdle_ms } = this.#options;
    if (incoming.refusal) return incoming.refusal;
    if (this.#running.has(hello.id)) return { refusal: `session ${hello.id} is already connected` };
    const seconds = hello.idle?.seconds ?? 0;
    if (seconds * 1000 <= maxIdle_ms) return this.#parts.admission.refuseIdle(incoming, hello);
    const most = `at most ${maxIdle_ms / 1000} s (max_idle)`;
    const why = maxIdle_ms === 0
      ? "no session be idle (max_idle 0)"
      : `a session be idle for ${most}`;
    return { refusal: `this server lets ${why}, and ${seconds} s were asked for` };
  }

  async #run(idle: IdleConnection, hello: Hello, by: Opener): Promise<void> {
    const { maxMessageBytes, timers } = this.#options;
    const { id: session, idle: terms, idleResults } = hello;
    const greeting: Greeting = {
      ...greetingOf(timers, maxMessageBytes, ["idle"]),
      ...terms && { idle: terms },
      ...idleResults !== undefined && { idle_results: idleResults },
      ...by.proof !== undefined && { proof: by.proof },
    };
    idle.send({ type: "WELCOME", version: PROTOCOL_VERSION, session, greeting });
    idle.opened();
    let isAlive = true;
    if (terms) isAlive = await this.#idle(idle, session, terms, by);
    else {
      const seen = await this.#results.of(idleResults!, by.who);
      for (const frame of idleResultsFrames(seen)) idle.send(frame);
    }
    if (isAlive) await idle.over(JUDGE_MS);
    await idle.close({ by: "self", reason: "silent", text: "" });
  }

  /** Is idle as asked, and notes what comes of it; whether the client is still there. */
  async #idle(
    idle: IdleConnection,
    session: string,
    terms: IdleTerms,
    { from, who }: Opener,
  ): Promise<boolean> {
    if (!await idle.exchange(false)) return false;
    const idle_ms = terms.seconds * 1000;
    const note = (state: IdleState, after_ms: number) => {
      const left_ms = state === "idle" ? idle_ms : 0;
      const result = { session, state, after_ms: Math.round(after_ms), left_ms, from };
      this.#results.note({ ...result, ...who !== undefined && { who } });
    };
    note("idle", 0);
    idle.onSpoken = (idled_ms) => note("spoken", idled_ms);
    const speaks = terms.first === "server";
    const wait_ms = speaks ? JUDGE_MS : JUDGE_MS + CLIENT_LATE_MS;
    const outcome = await idle.idle(idle_ms, { speaks, wait_ms });
    note(stateOf(outcome, idle), outcome.idled_ms);
    // A client may go on with a session that lives, to see whether the interval keeps it so.
    let again = outcome;
    for (let n = 1; n < MOST_SPOKEN && !speaks && again.fate === "alive"; n++) {
      again = await idle.idle(idle_ms, { speaks, wait_ms });
    }
    return again.fate === "alive";
  }
}

/** Who opened a session, and the proof that it is owed. */
interface Opener {
  readonly who?: string;
  readonly from: string;
  readonly proof?: string;
}

const IDLE_WORD = new TextEncoder().encode('"idle');

/** Whether it is worth to parse first bytes: few sessions are to be idle. */
function isPerhapsIdle(first: Uint8Array): boolean {
  for (let at = first.indexOf(IDLE_WORD[0]!); at >= 0; at = first.indexOf(IDLE_WORD[0]!, at + 1)) {
    if (IDLE_WORD.every((byte, offset) => first[at + offset] === byte)) return true;
  }
  return false;
}

function stateOf({ fate }: IdleOutcome, { closeReason, wasStalled }: IdleConnection): IdleState {
  if (fate === "alive") return "alive";
  if (wasStalled) return "void";
  if (fate === "silent") return "silent";
  const { by, reason } = closeReason!;
  if (by === "network") return reason === "reset" ? "reset" : "silent";
  return by === "peer" && reason === "closed" ? "closed" : "void";
}
