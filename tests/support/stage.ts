/**
 * One side of a session on a virtual clock, with a peer that says what the test says.
 *
 * @module
 */
import type { Key } from "../../lib/wire/proof.ts";
import type { Identity } from "../../lib/client/opening.ts";
import { ClientSession } from "../../lib/client/client_session.ts";
import { Outbox } from "../../lib/client/outbox.ts";
import { type DataSource, IntervalSource } from "../../lib/client/source.ts";
import { ServerSession, type SessionHost } from "../../lib/server/server_session.ts";
import { SessionRecord } from "../../lib/server/session_record.ts";
import { Strangers } from "../../lib/server/strangers.ts";
import type { Recording } from "../../lib/evidence/recording/recording.ts";
import type { CloseReason } from "../../lib/session/close_reason.ts";
import {
  type Event,
  type EventName,
  type EventSink,
  EventSource,
} from "../../lib/session/events.ts";
import type { Session } from "../../lib/session/session.ts";
import { SessionState } from "../../lib/session/state.ts";
import type { Timers } from "../../lib/session/timers.ts";
import { Path, type PathOptions } from "./memory_network.ts";
import { ScriptedEnd } from "./scripted_end.ts";
import { settle, VirtualClock } from "./virtual_clock.ts";

/** The default timers, in milliseconds. */
export const DEFAULT_TIMERS: Timers = {
  data_interval_ms: 5_000,
  data_threshold_ms: 20_000,
  heart_beat_interval_ms: 5_000,
  heart_beat_threshold_ms: 10_000,
  heart_beat_additional_tries: 3,
};

/** What a client of {@linkcode DEFAULT_TIMERS}, or of others, has to say: the same text again and again. */
export function saying(text: string, timers: Timers = DEFAULT_TIMERS) {
  const payload = new TextEncoder().encode(text);
  return { source: new IntervalSource(payload, timers.data_interval_ms), window: 1 };
}

/** Keeps every event with the virtual time at which it came. */
export class Recorder implements EventSink {
  readonly wantsMessages = true;
  /** Where sessions are recorded, if they are. */
  recording?: Recording;
  readonly events: (Event & { at_ms: number })[] = [];
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  emit(event: Event): void {
    this.events.push({ ...event, at_ms: this.#clock.now() });
  }

  /** The events of one name. */
  all<Name extends EventName>(name: Name): (Extract<Event, { event: Name }> & { at_ms: number })[] {
    return this.events.filter((each) => each.event === name) as never;
  }

  /** The only event of one name. */
  one<Name extends EventName>(name: Name): Extract<Event, { event: Name }> & { at_ms: number } {
    const all = this.all(name);
    if (all.length !== 1) throw new Error(`expected one ${name} event, got ${all.length}`);
    return all[0]!;
  }

  /** Every event of the given names as `time name field field`. */
  story(...names: EventName[]): string[] {
    return this.events.filter((each) => names.includes(each.event)).map(told);
  }
}

/** What no story tells: the fields that tests look at apart from the others, if at all. */
const UNTOLD = ["at_ms", "time", "event", "session", "local", "idle_ms", "age_ms", "pause_ms"];

function isPlain(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function told(event: Event & { at_ms: number }) {
  const fields = Object.entries(event).filter(([name]) => !UNTOLD.includes(name));
  const shown = fields.map(([, value]) => isPlain(value) ? JSON.stringify(value) : value);
  return [event.at_ms, event.event, ...shown].join(" ");
}

/** The scripted peer of a session: what it has received is `time line`. */
export class ScriptedPeer extends ScriptedEnd {
  #rest = "";

  /** Whether the session has closed its side. */
  get sawEnd(): boolean {
    return this.over !== undefined;
  }

  protected override receive(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) super.receive(line);
  }
}

/** Options for {@linkcode stageClient} and {@linkcode stageServer}. */
export interface StageOptions extends PathOptions {
  timers?: Partial<Timers>;
  count?: number;
  payload?: string;
  source?: DataSource;
  window?: number;
  maxMessageBytes?: number;
  /** The client's key. */
  key?: Key;
  /** Makes what the session is recorded to. */
  record?: (clock: VirtualClock) => Recording;
}

/** A session under test and all around it. */
export interface Stage<S extends Session> {
  clock: VirtualClock;
  path: Path;
  session: S;
  peer: ScriptedPeer;
  recorder: Recorder;
  /** The session's end; resolves only if time is let pass. */
  ended: Promise<CloseReason>;
}

/** A client's session that has connected and been welcomed, at time 0. */
export async function stageClient(options: StageOptions = {}): Promise<Stage<ClientSession>> {
  const stage = stageUnopenedClient(options);
  stage.peer.answer = (line) => line.startsWith("HELLO") ? "WELCOME 1 s {}\n" : undefined;
  await settle();
  return stage;
}

/** A client's session that has connected. */
export function stageUnopenedClient(
  options: StageOptions = {},
): Stage<ClientSession> & { identity: Identity } {
  const { clock, path, parts, recorder } = config(options);
  const state = new SessionState({ ...parts, events: new EventSource(recorder, clock, "s") });
  const said = saying(options.payload ?? "hello", parts.timers);
  const { count, source = said.source, window = said.window } = options;
  const identity: Identity = {
    key: options.key && (() => options.key!),
    random: (bytes) => bytes.fill(0x5a),
  };
  const session = new ClientSession({
    config: parts,
    connection: path.client,
    connected_ms: 0,
    state,
    id: "s",
    outbox: new Outbox({ source, window, count, ledger: state.ledger }),
    reconnects: false,
    identity,
    survivesDisconnect: () => false,
  });
  const peer = new ScriptedPeer(path.server, clock);
  const ended = session.run().then(() => end(session, state));
  return { clock, path, session, recorder, peer, ended, identity };
}

/** A server's session whose client has said `HELLO`, at time 0. */
export async function stageServer(options: StageOptions = {}): Promise<Stage<ServerSession>> {
  const stage = stageUnopenedServer(options);
  await stage.peer.say("HELLO 1 s {}\n");
  return stage;
}

/** A server's session whose client has connected. */
export function stageUnopenedServer(
  options: StageOptions & { refusal?: string } = {},
): Stage<ServerSession> {
  const { clock, path, parts, recorder } = config(options);
  const events = new EventSource(recorder, clock);
  const state = new SessionState({ ...parts, events });
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>();
  const strangers = new Strangers({ clock, events: new EventSource(recorder, clock) });
  const host: SessionHost = {
    ...parts,
    sessionLifetime_ms: 3_600_000,
    onStranger: (stranger) => strangers.onStranger(stranger),
    admit: (_, { reconnects, id }) => {
      if (options.refusal !== undefined) return { refusal: options.refusal };
      events.session = id;
      return { record: new SessionRecord({ id, state, reconnects, delivered: 0 }), terms: {} };
    },
    closed: (_, defect) => defect ? reject(defect.error) : resolve(),
  };
  const session = new ServerSession({
    config: host,
    connection: path.server,
    connected_ms: 0,
    state,
  });
  session.start();
  const peer = new ScriptedPeer(path.client, clock);
  const ended = closed.then(() => end(session, state));
  return { clock, path, session, recorder, peer, ended };
}

/** The end of a session that has but one connection. */
function end(session: Session, state: SessionState): CloseReason {
  state.summarize();
  return session.closeReason!;
}

function config(options: StageOptions) {
  const clock = new VirtualClock();
  const parts = {
    clock,
    timers: { ...DEFAULT_TIMERS, ...options.timers },
    maxMessageBytes: options.maxMessageBytes ?? 1_048_576,
  };
  const recorder = new Recorder(clock);
  recorder.recording = options.record?.(clock);
  return { clock, path: new Path(clock, options), parts, recorder };
}
