/**
 * A host that runs clients, one after the other: real ones, each with one session to live.
 *
 * @module
 */
import { Client } from "../../lib/client/client.ts";
import { IntervalSource, QueueSource } from "../../lib/client/source.ts";
import { OriginalProtocol } from "../../lib/original/protocol.ts";
import { EXIT, type ExitStatus } from "../../lib/session/close_reason.ts";
import type { Event } from "../../lib/session/events.ts";
import { DEFAULT_MAX_MESSAGE_BYTES } from "../../lib/wire/protocol.ts";
import type { Random } from "../support/random.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import { PaceCheck } from "./course_check.ts";
import type { Host } from "./host.ts";
import type { Link } from "./link.ts";
import { type ClientPlan, CLIENTS_KEY } from "./plan.ts";
import type { SimulatedProcess } from "./process.ts";
import { Producer } from "./producer.ts";
import type { ServerHost } from "./server_host.ts";
import type { Story } from "./story.ts";
import { expect, expectSame, fail } from "./violation.ts";
import { Watch } from "./watch.ts";
import type { Wire } from "./wire.ts";

/** How long, in milliseconds, a client may take to be gone once it has been told to stop. */
const STOP_LIMIT_MS = 2_000;

/** What a {@linkcode ClientHost} is made of. */
export interface ClientHostOptions {
  clock: VirtualClock;
  random: Random;
  /** Where its nonces are drawn from, which have 32 bytes. */
  secretRandom: Random;
  plan: ClientPlan;
  host: Host;
  link: Link;
  server: ServerHost;
  story: Story;
}

/** One client, from its start to its end. */
export interface ClientRun {
  readonly process: SimulatedProcess;
  readonly session: string;
  readonly client: Client;
  readonly watch: Watch;
  readonly producer?: Producer;
  readonly pace?: PaceCheck;
  /** The server's end of the connection on which the session was open last. */
  serverWire?: Wire;
  /** When it was told to stop. */
  stopped_ms?: number;
}

/** Runs clients. */
export class ClientHost {
  /** What it is made of. */
  readonly options: ClientHostOptions;
  /** The client that runs, if one does. */
  run?: ClientRun;
  /** How long its sessions lasted, in milliseconds. */
  sessions_ms = 0;
  /** How many data messages were confirmed. */
  confirmed = 0;
  #wire?: Wire;
  #serverWire?: Wire;
  #dialling = false;

  constructor(options: ClientHostOptions) {
    this.options = options;
  }

  /** Both ends of a connection that has just been opened. */
  connectionOpened(client: Wire, server: Wire): void {
    this.#wire = client;
    this.#serverWire = server;
  }

  /** Starts the next client, with a session of its own. */
  start(): void {
    const { host, plan, random, secretRandom, server, story } = this.options;
    const process = host.start();
    const idBytes = random.bytes(8);
    const session = Array.from(idBytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const lines = plan.lines;
    const payload = (seq: number) =>
      lines ? `${session} ${seq} ${"x".repeat((seq * 7) % lines.padding)}` : `${session} data`;
    // A small data message is charged with up to 20 times the bytes that it has on the wire.
    const oneRead = 20 * plan.quality.fragment + 2 * (lines?.padding ?? 0) + 1_000;
    // A worker hears from the main thread what its sessions may hold: by then one has read once more.
    const readBytes = server.options.plan.workers === 1 ? oneRead : 2 * oneRead;
    server.storage.deliveries.add(session, { payload, window: plan.window, readBytes });
    const source = lines
      ? new QueueSource()
      : new IntervalSource(new TextEncoder().encode(payload(1)), plan.timers.data_interval_ms);
    const producer = lines && new Producer({
      process,
      random,
      plan: lines,
      payload,
      queue: source as QueueSource,
    });
    const watch: Watch = new Watch({
      ...plan,
      role: "client",
      process,
      hasMore: () => !producer || producer.made > watch.ledger.sent,
      wireOf: () => this.#wire!,
    });
    this.options.link.accounts.begin(session, server.storage.deliveries);
    this.#dialling = false;
    let isFirst = true;
    const client = new Client({
      ...plan,
      source,
      maxMessageBytes: DEFAULT_MAX_MESSAGE_BYTES,
      address: { host: server.options.host.name, port: 4000 },
      clock: process,
      legacy: new OriginalProtocol(),
      key: server.options.plan.hasKeys ? () => CLIENTS_KEY : undefined,
      random: (bytes) => {
        if (bytes.length === 32) return bytes.set(secretRandom.bytes(32));
        bytes.set(isFirst ? idBytes : random.bytes(bytes.length));
        isFirst = false;
      },
      sink: {
        wantsMessages: true,
        emit: (event) => {
          story.guard(() => {
            story.tell(process.name, event.event, event);
            this.#hear(run, event);
          });
        },
      },
      transport: {
        connect: (_address, { signal }) => this.#dial(run, signal),
        listen: () => {
          throw new Error("a client does not listen");
        },
      },
    });
    const pace = producer ? undefined : new PaceCheck(plan.timers.data_interval_ms);
    const run: ClientRun = { process, session, client, watch, producer, pace };
    this.run = run;
    story.tell(process.name, "starts", { session });
    client.run().then(
      (status) => story.guard(() => this.#ended(run, status)),
      (error) => story.guard(() => fail(error)),
    );
    producer?.start();
  }

  /** Tells the client to stop, as Ctrl-C does. */
  stop(reason: "done" | "shutdown"): void {
    const { run } = this;
    run?.process.whenRunning(() => {
      if (run.process.dead || run !== this.run) return;
      run.stopped_ms ??= this.options.clock.now();
      this.options.story.tell(run.process.name, "is told to stop", { reason });
      run.client.stop(reason);
    });
  }

  /** The client is no more; if the host has no power, nobody is told. */
  crash(how: "killed" | "powered off"): void {
    const { host, story } = this.options;
    if (!this.run) return;
    story.tell(this.run.process.name, how);
    this.#count(this.run);
    this.run = undefined;
    if (how === "killed") host.kill();
    else host.powerOff();
  }

  /** Fails if something was due that has not come. */
  checkDue(): void {
    this.run?.watch.silence.checkDue();
  }

  async #dial(run: ClientRun, signal: AbortSignal) {
    this.options.story.guard(() => {
      expect(!this.#dialling, () => "two dials at the same time");
      // Told to stop while it waits, it gives up with the dial that is due.
      if (!signal.aborted) run.watch.state.dialled();
    });
    this.#dialling = true;
    try {
      return await this.options.link.dial(run.process, signal);
    } finally {
      this.#dialling = false;
    }
  }

  #hear(run: ClientRun, event: Event): void {
    const { server } = this.options;
    run.watch.event(event);
    run.pace?.event(event, run.process.now());
    if (event.event === "connected") run.serverWire = this.#serverWire;
    if (event.event === "terminated" && event.by === "peer" && event.reason === "refused") {
      this.#checkRefusal(run, event.text);
    }
    if (event.event === "data_confirmed") this.#checkDelivered(run.session, event.seq);
    if (event.event !== "resumed") return;
    this.#checkDelivered(run.session, run.watch.ledger.confirmed);
    server.checkResumed(run.session, run.watch.wires.at(-1)!.route, event);
  }

  #checkDelivered(session: string, seq: number): void {
    const { clock, server } = this.options;
    const { deliveries } = server.storage;
    if (deliveries.delivered(session) >= seq) return;
    // What a worker tells of a data message may come after the confirmation, though not much.
    clock.after(0, () => deliveries.confirmed(session, seq));
  }

  /** A session that comes back in time is only refused by a server that cannot know it any more. */
  #checkRefusal({ process, serverWire }: ClientRun, text: string): void {
    if (!serverWire || !this.options.plan.reconnect || text.includes("max_sessions")) return;
    const { server } = this.options;
    const { options, storage } = server;
    const isForgotten = !storage.disk && serverWire.process !== server.process;
    const away_ms = process.now() - serverWire.lastSignOfLife_ms;
    expect(
      isForgotten || away_ms >= options.plan.sessionLifetime_ms,
      () => `a session that was away for ${away_ms} ms is refused: ${text}`,
    );
  }

  #count({ process, watch }: ClientRun): void {
    if (watch.opened_ms !== undefined) this.sessions_ms += process.now() - watch.opened_ms;
    this.confirmed += watch.ledger.confirmed;
  }

  #ended(run: ClientRun, status: ExitStatus): void {
    const { clock, plan, server, story } = this.options;
    const { process, producer, session, stopped_ms, watch } = run;
    story.tell(process.name, "exits", { status });
    watch.state.checkOver();
    const { confirmed, sent } = watch.ledger;
    const delivered = server.storage.deliveries.delivered(session);
    expect(
      confirmed <= delivered && delivered <= sent,
      () => `sent ${sent}, delivered ${delivered}, confirmed ${confirmed}`,
    );
    const { by, reason } = watch.end!;
    expectSame(
      status,
      expectedStatus(by, reason, watch.opened_ms !== undefined),
      () => "exit status",
    );
    if (by === "self" && reason === "done" && stopped_ms === undefined) {
      const asked = Math.min(plan.count ?? Infinity, producer?.made ?? Infinity);
      expectSame(confirmed, asked, () => "how many data messages were confirmed at the end");
    }
    expect(
      stopped_ms === undefined || !process.ranSince(stopped_ms) ||
        clock.now() - stopped_ms <= STOP_LIMIT_MS,
      () => `it took ${clock.now() - stopped_ms!} ms to stop`,
    );
    this.#count(run);
    server.clientEnded(session, watch);
    producer?.end();
    expect(process.isIdle, () => "a timer of the client is set after its end");
    process.kill();
    if (this.run === run) this.run = this.options.host.process = undefined;
    expect(this.options.host.isIdle, () => "a socket of the client is open after its end");
  }
}

function expectedStatus(by: string, reason: string, wasOpen: boolean): ExitStatus {
  if (by === "self" && reason === "shutdown") return EXIT.asked;
  if (by === "self" && reason === "done") return wasOpen ? EXIT.asked : EXIT.unconnected;
  if (by === "peer" && (reason === "refused" || reason === "full")) return EXIT.refused;
  return wasOpen ? EXIT.lost : EXIT.unconnected;
}
