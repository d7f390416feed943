/**
 * The sessions of a worker, read by the monitor of the main thread: both ends of the messages for that.
 *
 * @module
 */
import { Roster } from "../../monitor/roster.ts";
import type {
  LedgerTotals,
  LiveReading,
  ProcessWatch,
  SessionWatch,
  Trouble,
  WatchedSession,
  WatchedThread,
} from "../../monitor/watch.ts";
import type { Clock } from "../../platform/clock.ts";
import type { EventSink } from "../../session/events.ts";
import type { FromWorker, WatchNews, WatchRequest, WatchResults } from "./messages.ts";

/** In the worker: takes its sessions, and tells the main thread of them. */
export class RemoteWatch implements SessionWatch {
  readonly #roster: Roster;
  readonly #send: (message: FromWorker) => void;

  /** Makes a watch without sessions; `send` sends a message to the main thread. */
  constructor(clock: Clock, send: (message: FromWorker) => void) {
    this.#roster = new Roster(clock);
    this.#send = send;
  }

  add(session: WatchedSession): void {
    const { away_ms, peer, state } = session;
    this.#roster.add(session);
    const id = state.events.session!;
    const { who } = state.events;
    this.#tell({ news: "begun", session: id, who, peer, away_ms });
    state.onRelease = () => this.#tell({ news: "released", session: id });
  }

  trouble(what: Trouble, text?: string): void {
    this.#tell({ news: "trouble", what, text });
  }

  /** A sink that passes events on to another one, and takes out sessions that have ended. */
  tee(sink: EventSink): EventSink {
    return {
      wantsMessages: sink.wantsMessages,
      recording: sink.recording,
      emit: (event) => {
        this.#roster.onEvent(event);
        sink.emit(event);
      },
      room: () => sink.room?.(),
    };
  }

  /** Reads what the main thread asks for. */
  read(request: WatchRequest): WatchResults[keyof WatchResults] {
    switch (request.read) {
      case "sessions":
        return request.sessions.map((id) => this.#roster.read(id));
      case "totals":
        return this.#roster.totals();
      case "in_doubt":
        return this.#roster.inDoubt();
    }
  }

  /** What its sessions come to. */
  totals(): LedgerTotals {
    return this.#roster.totals();
  }

  #tell(news: WatchNews): void {
    this.#send({ kind: "watched", ...news });
  }
}

/** A worker that is asked: one that has stopped never answers. */
export interface AskedWorker {
  /** Asks it. */
  ask(request: WatchRequest): Promise<WatchResults[keyof WatchResults] | undefined>;
  /** Resolves when it has stopped; rejects when its thread has failed, or was ended. */
  readonly stopped: Promise<void>;
  /** What its sessions came to when it stopped. */
  readonly totals?: LedgerTotals;
}

/** In the main thread: the sessions of a worker. */
export class RemoteThread implements WatchedThread {
  readonly #worker: AskedWorker;
  readonly #watch: ProcessWatch;
  /** Ends each question that waits for its answer. */
  readonly #waiting = new Set<() => void>();
  #hasStopped = false;
  /** What its sessions came to last. */
  #last?: LedgerTotals;

  /** Has a monitor read a worker's sessions. */
  constructor(worker: AskedWorker, watch: ProcessWatch) {
    this.#worker = worker;
    this.#watch = watch;
    watch.addThread(this);
    // Once, and not for each question: a promise keeps its reactions until it is settled.
    worker.stopped.then(() => this.#onStopped(), () => this.#onStopped());
  }

  /** Passes on what the worker tells. */
  onNews(news: WatchNews): void {
    switch (news.news) {
      case "begun":
        return this.#watch.begun(news, this);
      case "released":
        return this.#watch.released(news.session);
      case "trouble":
        return this.#watch.trouble(news.what, news.text);
    }
  }

  async read(sessions: readonly string[]): Promise<readonly (LiveReading | undefined)[]> {
    const request = { read: "sessions", sessions } as const;
    return await this.#ask<"sessions">(request) ?? sessions.map(() => undefined);
  }

  async totals(): Promise<LedgerTotals | undefined> {
    const now = await this.#ask<"totals">({ read: "totals" });
    return this.#last = now ?? this.#worker.totals ?? this.#last;
  }

  async inDoubt(): Promise<WatchResults["in_doubt"]> {
    return await this.#ask<"in_doubt">({ read: "in_doubt" }) ?? [];
  }

  /** Asks the worker; `undefined` if it has not begun, has stopped, or stops meanwhile. */
  async #ask<Read extends WatchRequest["read"]>(
    request: WatchRequest & { read: Read },
  ): Promise<WatchResults[Read] | undefined> {
    if (this.#hasStopped) return undefined;
    const { promise, reject, resolve } = Promise.withResolvers<WatchResults[Read] | undefined>();
    const end = () => resolve(undefined);
    this.#waiting.add(end);
    // The answer is of what was asked for.
    this.#worker.ask(request).then((answer) => resolve(answer as WatchResults[Read]), reject);
    try {
      return await promise;
    } finally {
      this.#waiting.delete(end);
    }
  }

  #onStopped(): void {
    this.#hasStopped = true;
    for (const end of this.#waiting) end();
  }
}
