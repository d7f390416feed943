/**
 * One of several workers of a server: runs a `Server` in its thread, and leaves store, output, events and
 * the placement of sessions to the main thread.
 *
 * @module
 */
import type { ServerPem } from "../../platform/net/tls/server.ts";
import type { ServingTls } from "../../platform/net/tls/tls.ts";
import { TransportError } from "../../platform/net/transport.ts";
import { type Port, ThreadLink } from "../../platform/thread_link.ts";
import type { StoredSession } from "../../store/store.ts";
import type { IdleSeen } from "../../wire/idle.ts";
import { KeyRing } from "../../wire/proof.ts";
import {
  type Coordinator,
  type Forwarded,
  type Placement,
  serverConfig,
  type ServerOptions,
  type Stranger,
  type Verdict,
} from "../options.ts";
import type { IdleResultStore } from "../../session/idle/idle_results.ts";
import { Server } from "../server.ts";
import { ForwardedConnection, ForwardingEnd } from "./forwarded_connection.ts";
import {
  failureOf,
  type FromWorker,
  type IoRequest,
  type ToWorker,
  type WorkerConfig,
} from "./messages.ts";
import { RemoteDelivery, remoteRecording, RemoteSink } from "./remote.ts";
import { RemoteWatch } from "./watching.ts";

/** What cannot be sent to the worker's thread, and is made there. */
export interface WorkerPlatform
  extends Pick<ServerOptions, "clock" | "legacy" | "random" | "transport"> {
  /** Makes the TLS of a server that has it. */
  serveTls?(pem: ServerPem): Promise<ServingTls>;
}

/** A worker, controlled by messages of the main thread. */
export class ServerWorker implements Coordinator {
  delivery?: RemoteDelivery;
  sessions: readonly StoredSession[] = [];
  readonly idleResults: IdleResultStore = {
    note: (result) => this.#link.send({ kind: "idle_result", result }),
    of: (search, who) => {
      const seen = this.#link.request((call) => ({ kind: "idle_results", call, search, who }));
      return seen as Promise<readonly IdleSeen[]>;
    },
  };
  isFull = false;
  #isJudged = false;
  readonly #platform: WorkerPlatform;
  readonly #link: ThreadLink<FromWorker, ToWorker, Placement | Verdict | readonly IdleSeen[]>;
  /** Connections that other workers have forwarded to this one, by number. */
  readonly #incoming = new Map<number, ForwardedConnection>();
  /** Connections that this worker has forwarded to others, by number. */
  readonly #outgoing = new Map<number, ForwardingEnd>();
  #server?: Server;
  #keys?: KeyRing;
  #tls?: Promise<ServingTls>;
  #sink?: RemoteSink;
  #watch?: RemoteWatch;

  /** Creates a worker that waits for `start`. */
  constructor(port: Port, platform: WorkerPlatform) {
    this.#platform = platform;
    this.#link = new ThreadLink(port, (message) => this.#onMessage(message));
    this.#link.send({ kind: "loaded" });
  }

  /** Has the main thread judge a connection, if any may be judged other than to be served at once. */
  judge(peer: string): Promise<Verdict> | undefined {
    if (!this.#isJudged) return undefined;
    return this.#link.request((call) => ({ kind: "judge", call, peer })) as Promise<Verdict>;
  }

  async findWorker(session: string | undefined, peer: string): Promise<Placement> {
    const placement = await this.#link.request((call) => ({ kind: "place", call, peer, session }));
    return placement as Placement;
  }

  async forward(
    { connected_ms, connection, forwarding, proven }: Forwarded & { forwarding: number },
  ): Promise<void> {
    const end = new ForwardingEnd(
      connection,
      (result) => this.#link.send({ kind: "io_result", forwarding, result }),
      this.#platform.clock,
    );
    this.#outgoing.set(forwarding, end);
    const age_ms = this.#platform.clock.now() - connected_ms;
    const { local, peer, tls } = connection;
    const accepted = { local, peer, tls };
    this.#link.send({ kind: "forward", forwarding, ...accepted, age_ms, ...proven && { proven } });
    await end.closed;
    this.#outgoing.delete(forwarding);
  }

  sessionPlaced(session: string, isKept: boolean): void {
    this.#link.send({ kind: "placement_settled", session, isKept });
  }

  sessionStarted(session: string, peer: string): void {
    this.#link.send({ kind: "session_begun", session, peer });
  }

  sessionEnded(session: string): void {
    this.#link.send({ kind: "session_ended", session });
  }

  onStranger(stranger: Stranger): void {
    this.#link.send({ kind: "stranger", ...stranger });
  }

  #onMessage(message: ToWorker): void {
    switch (message.kind) {
      case "start":
        return void this.#start(message.config);
      case "serve":
        return this.#serve(this.#server!);
      case "acknowledged":
        return this.#sink!.acknowledge(message.count);
      case "idle_results_result":
        return this.#link.resolve(message.call, message.seen);
      case "judge_result":
        return this.#link.resolve(message.call, message.verdict);
      case "place_result":
        return this.#link.resolve(message.call, message.placement);
      case "delivery_result":
        if (message.hasFailed) this.delivery!.fail();
        return this.#link.resolve(message.call, undefined);
      case "forwarded":
        return this.#takeForwarded(message);
      case "io_request":
        return this.#outgoing.get(message.forwarding)?.onRequest(message.request);
      case "io_result":
        return this.#incoming.get(message.forwarding)?.onResult(message.result);
      case "keys":
        return this.#keys?.replace(message.keys);
      case "delivered":
        return this.delivery!.onDelivered(message.recipient, message.seq, message.bytes);
      case "held":
        return this.delivery!.onHeld(message.recipient, message.reason);
      case "full":
        this.isFull = message.sessions;
        this.delivery?.setShare(message.share);
        return;
      case "longest_away": {
        const away_ms = this.#server!.registry.longestAway_ms;
        return this.#link.send({ kind: "longest_away_result", call: message.call, away_ms });
      }
      case "make_room": {
        const isMade = this.#server!.registry.makeRoom();
        return this.#link.send({ kind: "make_room_result", call: message.call, isMade });
      }
      case "watch": {
        // A monitor may ask before there are sessions.
        const result = this.#watch?.read(message.request);
        return this.#link.send({ kind: "watch_result", call: message.call, result });
      }
      case "delivery_failed":
        this.delivery!.fail();
        return this.#server!.onDeliveryFailed(message.text);
      case "use_tls":
        return void this.#tls?.then((tls) => tls.use(message.tls));
      case "stop":
        return this.#server!.stop(message.reason, message.text);
    }
  }

  async #start(config: WorkerConfig): Promise<void> {
    const send = (message: FromWorker) => this.#link.send(message);
    this.sessions = config.sessions;
    this.#isJudged = config.isJudged;
    if (config.delivery) {
      const { isDurable } = config.delivery;
      const request = async (message: (call: number) => FromWorker) => {
        await this.#link.request(message);
      };
      this.delivery = new RemoteDelivery({ isDurable, send, request });
    }
    const { clock, legacy, random, serveTls, transport } = this.#platform;
    if (config.keys) this.#keys = new KeyRing(config.keys, random);
    const recording = config.recording && remoteRecording(config.recording, clock, send);
    this.#sink = new RemoteSink(config.wantsMessages, send, recording);
    if (config.isWatched) this.#watch = new RemoteWatch(clock, send);
    this.#tls = config.tls && serveTls?.(config.tls);
    const tls = this.#tls && await this.#tls;
    try {
      this.#server = Server.listen({
        ...serverConfig(config),
        legacy,
        once: false,
        keys: this.#keys,
        coordinator: this,
        transport: tls ? tls.on(transport) : transport,
        clock,
        random,
        sink: this.#watch?.tee(this.#sink) ?? this.#sink,
        watch: this.#watch,
      });
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      return send({ kind: "listen_failed", failure: failureOf(error) });
    }
    send({ kind: "listening" });
  }

  #serve(server: Server): void {
    server.run().then(() => {
      this.#sink!.recording?.flush();
      const totals = this.#watch && { totals: this.#watch.totals() };
      this.#link.send({ kind: "stopped", counts: server.counts, ...totals });
    });
  }

  #takeForwarded(message: ToWorker & { kind: "forwarded" }): void {
    const { age_ms, forwarding, proven, refusal, session } = message;
    const { clock, transport } = this.#platform;
    const send = (request: IoRequest) => {
      if (request.use === "close") this.#incoming.delete(forwarding);
      this.#link.send({ kind: "io_request", forwarding, request });
    };
    const connection = new ForwardedConnection(message, send, transport);
    this.#incoming.set(forwarding, connection);
    const connected_ms = clock.now() - age_ms;
    this.#server!.serveForwarded({ connected_ms, connection, proven, refusal, session });
  }
}
