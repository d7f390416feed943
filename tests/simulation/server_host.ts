/**
 * A host that runs a server, again and again: a real one, on a disk that outlives it.
 *
 * @module
 */
import { OriginalProtocol } from "../../lib/original/protocol.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import { Server } from "../../lib/server/server.ts";
import type { WorkerPlatform } from "../../lib/server/workers/worker.ts";
import { WorkerPool } from "../../lib/server/workers/worker_pool.ts";
import { EXIT, type ExitStatus } from "../../lib/session/close_reason.ts";
import type { Event } from "../../lib/session/events.ts";
import { type MessageOutput, OutputError } from "../../lib/store/store.ts";
import { DEFAULT_MAX_MESSAGE_BYTES } from "../../lib/wire/protocol.ts";
import { KeyRing } from "../../lib/wire/proof.ts";
import { startMemoryThread } from "../support/memory_thread.ts";
import type { Random } from "../support/random.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import type { Host } from "./host.ts";
import { checkAgreement, checkSameResume, type Resumed } from "./ledger_agreement.ts";
import type { Route } from "./link.ts";
import { CLIENTS_KEY, OTHERS_KEY, type ServerPlan } from "./plan.ts";
import type { SimulatedProcess } from "./process.ts";
import { Storage } from "./storage.ts";
import type { Story } from "./story.ts";
import { checkTurnedAway } from "./trouble.ts";
import { expect, expectSame, fail } from "./violation.ts";
import { Watch } from "./watch.ts";
import type { Wire } from "./wire.ts";

/** How long, in milliseconds, a server may take to be gone once it has been told to stop. */
const STOP_LIMIT_MS = 2_000;

/** After how long, in milliseconds, a server that is to stop waits for nothing any more. */
const GIVES_UP_MS = 1_800;

/** What a {@linkcode ServerHost} is made of. */
export interface ServerHostOptions {
  clock: VirtualClock;
  random: Random;
  /** Where everything that becomes of its outputs is drawn from. */
  outputRandom: Random;
  /** Where its tokens are drawn from, which have 32 bytes. */
  secretRandom: Random;
  plan: ServerPlan;
  host: Host;
  story: Story;
}

/** What is known of a process that runs a server. */
interface Life {
  readonly process: SimulatedProcess;
  readonly watches: Map<string, Watch>;
  /** How far the sessions had come that an earlier process has left in the store. */
  readonly starts: ReadonlyMap<string, number>;
}

interface ServerRun extends Life {
  readonly server: Promise<Server | WorkerPool>;
  isListening?: boolean;
  stopped_ms?: number;
}

/** Runs a server. */
export class ServerHost {
  /** What it is made of. */
  readonly options: ServerHostOptions;
  /** Where it puts data messages. */
  readonly storage: Storage;
  /** Called when the server has ended by itself for its output. */
  onFailure?: () => void;
  #run?: ServerRun;
  #wires = new Map<string, Wire>();
  /** What the server told of the resume of a session on a connection. */
  readonly #resumed = new WeakMap<Route, Resumed>();

  constructor(options: ServerHostOptions) {
    this.options = options;
    this.storage = new Storage(options);
  }

  /** Its process, if one runs. */
  get process(): SimulatedProcess | undefined {
    return this.#run?.process;
  }

  /** Whether it has opened its port, and has not been told to stop. */
  get isListening(): boolean {
    return this.#run?.isListening === true && !this.isStopping;
  }

  /** Whether it has been told to stop, and has not yet. */
  get isStopping(): boolean {
    return this.#run?.stopped_ms !== undefined;
  }

  /** Its end of a connection that has just been opened. */
  connectionOpened(wire: Wire): void {
    this.#wires.set(wire.route.path.server.peer, wire);
  }

  /** Starts the server. */
  start(): void {
    const { host, plan, random, secretRandom, story } = this.options;
    const process = host.start();
    this.#wires = new Map();
    story.tell(process.name, "starts");
    const store = this.storage.openStore(process);
    const starts = new Map(store?.sessions.map(({ id, received }) => [id, received]));
    const life: Life = { process, watches: new Map(), starts };
    const world = {
      transport: {
        connect: () => Promise.reject(new Error("a server does not dial")),
        listen: () => host.listen(),
      },
      clock: process,
      random: (bytes: Uint8Array) =>
        bytes.set((bytes.length === 32 ? secretRandom : random).bytes(bytes.length)),
      legacy: new OriginalProtocol(),
    };
    const options: ServerOptions = {
      ...plan,
      ...world,
      address: { host: host.name, port: 4000 },
      maxMessageBytes: DEFAULT_MAX_MESSAGE_BYTES,
      maxUnopened: 1_000,
      maxIdle_ms: 7_500_000,
      keys: plan.hasKeys ? new KeyRing([CLIENTS_KEY, OTHERS_KEY], world.random) : undefined,
      once: false,
      resumeWithoutToken: false,
      store,
      sink: {
        wantsMessages: true,
        emit: (event) =>
          story.guard(() => {
            story.tell(process.name, event.event, event);
            this.#hear(life, event);
          }),
      },
    };
    const server = this.#listen(options, world, this.storage.openOutput(process, store));
    const run: ServerRun = { ...life, server };
    this.#run = run;
    server.then((server) => this.#serve(run, server), (error) => this.#openingFailed(run, error))
      .catch((error) => story.guard(() => fail(error)));
  }

  async #listen(
    options: ServerOptions,
    world: WorkerPlatform,
    opening?: Promise<MessageOutput>,
  ): Promise<Server | WorkerPool> {
    const { workers } = this.options.plan;
    const all = { ...options, output: opening && await opening };
    const startThread = () => startMemoryThread(world);
    if (workers === 1) return Server.listen(all);
    return await WorkerPool.listen({ ...all, workers, startThread });
  }

  async #serve(run: ServerRun, server: Server | WorkerPool): Promise<void> {
    run.isListening = true;
    const status = await server.run();
    this.options.story.guard(() => this.#ended(run, status));
  }

  /** Tells the server to stop, as SIGTERM does; one that is opening its output, once that is done. */
  stop(): void {
    const run = this.#run;
    run?.process.whenRunning(() => {
      const { clock, story } = this.options;
      if (run.process.dead || run !== this.#run) return;
      const asked_ms = run.stopped_ms ??= clock.now();
      story.tell(run.process.name, "is told to stop");
      run.server.then((server) => {
        if (asked_ms === run.stopped_ms) run.stopped_ms = clock.now();
        server.stop("shutdown");
      }, () => {});
    });
  }

  /** The server is no more; if its host has no power, nobody is told. */
  crash(how: "killed" | "powered off"): void {
    const { host, story } = this.options;
    if (!this.#run) return;
    story.tell(this.#run.process.name, how);
    this.#run = undefined;
    if (how === "killed") host.kill();
    else host.powerOff();
    this.storage.crash(how);
  }

  /** The two sides of a session must tell the same of a resume. */
  checkResumed(session: string, route: Route, told: Resumed): void {
    checkSameResume(session, told, this.#resumed.get(route));
  }

  /** A client is over: what both sides told of its session has to agree. */
  clientEnded(session: string, client: Watch): void {
    const server = this.#run?.watches.get(session);
    if (!server) return;
    if (server.state.summarized) checkAgreement(client, server);
    else this.#waiting.set(session, client);
  }

  readonly #waiting = new Map<string, Watch>();

  /** Fails if something was due that has not come. */
  checkDue(): void {
    for (const watch of this.#run?.watches.values() ?? []) watch.silence.checkDue();
  }

  #hear(life: Life, event: Event): void {
    const { watches } = life;
    const { session } = event;
    if (event.event === "connected") {
      expect(this.#wires.has(event.peer), () => `session ${session} is open with ${event.peer}`);
    }
    if (event.event === "notice") {
      expect(!event.text.includes("defect"), () => event.text);
      return;
    }
    if (session === null) return this.#hearUnopened(event);
    let watch = watches.get(session);
    if (!watch || watch.state.isOver) {
      // Only what comes back is the session that was left, not another one of the same id.
      watch = this.#watch(life, watch ? undefined : life.starts.get(session));
      watches.set(session, watch);
    }
    if (event.event === "data_received") {
      this.storage.deliveries.received(session, event.seq, event.bytes);
    }
    if (event.event === "resumed") this.#resumed.set(watch.wires.at(-1)!.route, event);
    watch.event(event);
    if (event.event !== "summary") return;
    const client = this.#waiting.get(session);
    if (client) checkAgreement(client, watch);
    this.#waiting.delete(session);
  }

  /** Whoever says no `HELLO` in time is turned away then, and nobody else. */
  #hearUnopened(event: Event): void {
    const isKnown = ["terminated", "listening", "strangers"].includes(event.event);
    expect(isKnown, () => `${event.event} is told of no session`);
    if (event.event !== "terminated" || event.by !== "self" || event.reason !== "silent") return;
    const wire = this.#wires.get(event.peer);
    // Of strangers there is none.
    if (wire) checkTurnedAway(wire);
  }

  #watch({ process }: Life, start?: number): Watch {
    return new Watch({
      ...this.options.plan,
      role: "server",
      process,
      start,
      window: Infinity,
      hasMore: () => false,
      wireOf: (peer) => this.#wires.get(peer)!,
    });
  }

  #ended(run: ServerRun, status: ExitStatus): void {
    const { clock, story } = this.options;
    const { process, stopped_ms } = run;
    story.tell(process.name, "exits", { status });
    const { failed_ms } = this.storage;
    expect((stopped_ms ?? failed_ms) !== undefined, () => "the server ended by itself");
    const expected = failed_ms === undefined ? EXIT.asked : EXIT.lost;
    expectSame(status, expected, () => "exit status");
    const began_ms = stopped_ms ?? failed_ms ?? NaN;
    const took_ms = clock.now() - began_ms;
    expect(
      !process.ranSince(began_ms) || took_ms <= STOP_LIMIT_MS,
      () => `it took ${took_ms} ms to stop`,
    );
    // It does not wait for a slow disk: what is still under way ends with the process.
    if (took_ms < GIVES_UP_MS) this.#checkNothingLeft(run);
    this.#gone(run);
    if (failed_ms !== undefined) this.onFailure?.();
  }

  /** It has ended before it opened its port, and is started again. */
  #openingFailed(run: ServerRun, error: unknown): void {
    const { process } = run;
    if (process.dead) return;
    this.options.story.tell(process.name, "cannot open its output", { error: String(error) });
    const isExpected = error instanceof OutputError && this.storage.failed_ms !== undefined;
    if (!isExpected) throw error;
    this.#checkIdle(process);
    this.#gone(run);
    this.onFailure?.();
  }

  #gone(run: ServerRun): void {
    run.process.kill();
    if (this.#run !== run) return;
    this.#run = undefined;
    this.options.host.kill();
    this.storage.crash("killed");
  }

  #checkNothingLeft({ process, watches }: ServerRun): void {
    for (const [session, watch] of watches) {
      expect(watch.state.terminated, () => `session ${session} has not ended with its server`);
    }
    this.#checkIdle(process);
  }

  #checkIdle(process: SimulatedProcess): void {
    expect(process.isIdle, () => "a timer of the server is set after its end");
    expect(this.options.host.isIdle, () => "a socket of the server is open after its end");
  }
}
