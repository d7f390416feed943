/**
 * A host that runs a server, again and again: a real one, on a disk that outlives it.
 *
 * @module
 */
import { OriginalProtocol } from "../../lib/original/protocol.ts";
import type { ServerOptions } from "../../lib/server/options.ts";
import { Server } from "../../lib/server/server.ts";
import { WorkerPool } from "../../lib/server/workers/worker_pool.ts";
import { EXIT, type ExitStatus } from "../../lib/session/close_reason.ts";
import type { Event } from "../../lib/session/events.ts";
import { OPEN_LIMIT_MS } from "../../lib/session/timers.ts";
import { DEFAULT_MAX_MESSAGE_BYTES } from "../../lib/wire/protocol.ts";
import { startMemoryThread } from "../support/memory_thread.ts";
import type { Random } from "../support/random.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import { Deliveries } from "./deliveries.ts";
import type { Host } from "./host.ts";
import { checkAgreement } from "./ledger_agreement.ts";
import type { ServerPlan } from "./plan.ts";
import type { SimulatedProcess } from "./process.ts";
import { wasTroubled } from "./silence_check.ts";
import { Disk, OutputFile } from "./store_model.ts";
import type { Story } from "./story.ts";
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
  stopped_ms?: number;
}

/** Runs a server. */
export class ServerHost {
  /** What it is made of. */
  readonly options: ServerHostOptions;
  /** What has been delivered here. */
  readonly deliveries: Deliveries;
  /** Its disk, if it has a store. */
  readonly disk?: Disk;
  /** Its output, if it has one. */
  readonly output?: OutputFile;
  #run?: ServerRun;
  #wires = new Map<string, Wire>();
  /** What the server told of the last resume of a session. */
  readonly #resumed = new Map<string, { resent: number; already_there: number }>();

  constructor(options: ServerHostOptions) {
    const { plan } = options;
    this.options = options;
    const deliveries = this.deliveries = new Deliveries({
      hasStore: plan.commit_ms !== undefined,
      hasOutput: plan.append_ms !== undefined,
      maxPendingBytes: plan.maxPendingBytes,
    });
    if (plan.commit_ms) {
      this.disk = new Disk({ ...options, deliveries, latency_ms: plan.commit_ms });
    }
    if (plan.append_ms) {
      this.output = new OutputFile({ ...options, deliveries, latency_ms: plan.append_ms });
    }
  }

  /** Its process, if one runs. */
  get process(): SimulatedProcess | undefined {
    return this.#run?.process;
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
    const { host, plan, random, story } = this.options;
    const process = host.start();
    this.#wires = new Map();
    this.deliveries.restarted();
    story.tell(process.name, "starts");
    const store = this.disk?.open(process);
    const starts = new Map(store?.sessions.map(({ id, received }) => [id, received]));
    const life: Life = { process, watches: new Map(), starts };
    const world = {
      transport: {
        connect: () => Promise.reject(new Error("a server does not dial")),
        listen: () => host.listen(),
      },
      clock: process,
      random: (bytes: Uint8Array) => bytes.set(random.bytes(bytes.length)),
      legacy: new OriginalProtocol(),
    };
    const options: ServerOptions = {
      ...plan,
      ...world,
      address: { host: host.name, port: 4000 },
      maxMessageBytes: DEFAULT_MAX_MESSAGE_BYTES,
      once: false,
      store,
      output: this.output?.open(process),
      sink: {
        wantsMessages: true,
        emit: (event) =>
          story.guard(() => {
            story.tell(process.name, event.event, event);
            this.#hear(life, event);
          }),
      },
    };
    const { workers } = plan;
    const startThread = () => startMemoryThread(world);
    const server = workers === 1
      ? Promise.resolve(Server.listen(options))
      : WorkerPool.listen({ ...options, workers, startThread });
    const run: ServerRun = { ...life, server };
    this.#run = run;
    server.then((server) => server.run()).then(
      (status) => story.guard(() => this.#ended(run, status)),
      (error) => story.guard(() => fail(error)),
    );
  }

  /** Tells the server to stop, as SIGTERM does. */
  stop(): void {
    const run = this.#run;
    run?.process.whenRunning(() => {
      if (run.process.dead || run !== this.#run) return;
      run.stopped_ms ??= this.options.clock.now();
      this.options.story.tell(run.process.name, "is told to stop");
      run.server.then((server) => server.stop("shutdown"));
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
    this.disk?.crash();
    this.output?.crash();
  }

  /** The two sides of a session must tell the same of a resume. */
  checkResumed(session: string, told: { resent: number; already_there: number }): void {
    const here = this.#resumed.get(session);
    expectSame(told.resent, here?.resent, () => `resent of ${session}, client and server`);
    expectSame(told.already_there, here?.already_there, () => `already_there of ${session}`);
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
      this.deliveries.received(session, event.seq, event.bytes);
    }
    if (event.event === "resumed") this.#resumed.set(session, event);
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
    const wire = this.#wires.get(event.peer)!;
    const { opened_ms, process } = wire;
    if (process.ranSince(opened_ms)) {
      expectSame(process.now(), opened_ms + OPEN_LIMIT_MS, () => "when HELLO was overdue");
    }
    expect(wasTroubled(wire, opened_ms), () => "a live client was turned away for want of HELLO");
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
    const { clock, host, story } = this.options;
    const { process, stopped_ms } = run;
    story.tell(process.name, "exits", { status });
    expect(
      stopped_ms !== undefined || this.disk?.hasFailed === true,
      () => "the server ended by itself",
    );
    expectSame(status, this.disk?.hasFailed ? EXIT.lost : EXIT.asked, () => "exit status");
    const took_ms = clock.now() - (stopped_ms ?? clock.now());
    expect(
      !process.ranSince(stopped_ms ?? Infinity) || took_ms <= STOP_LIMIT_MS,
      () => `it took ${took_ms} ms to stop`,
    );
    // It does not wait for a slow disk: what is still under way ends with the process.
    if (took_ms < GIVES_UP_MS) this.#checkNothingLeft(run);
    process.kill();
    if (this.#run !== run) return;
    this.#run = undefined;
    host.kill();
    this.disk?.crash();
    this.output?.crash();
  }

  #checkNothingLeft({ process, watches }: ServerRun): void {
    for (const [session, watch] of watches) {
      expect(watch.state.terminated, () => `session ${session} has not ended with its server`);
    }
    expect(process.isIdle, () => "a timer of the server is set after its end");
    expect(this.options.host.isIdle, () => "a socket of the server is open after its end");
  }
}
