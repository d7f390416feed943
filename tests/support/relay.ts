/**
 * A relay on loopback: a path between client and server that can be made to fail, as real paths do.
 *
 * @module
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** The two directions of a connection. */
export const WAYS = ["toServer", "toClient"] as const;

/** A direction of a connection. */
export type Way = typeof WAYS[number];

/** What is cut off of the last piece: less than the shortest frame has. */
const CUT_OFF_BYTES = 3;

/** Forwards connections to a port of 127.0.0.1, as long as it is let. */
export class Relay implements AsyncDisposable {
  /** The port to connect to. */
  readonly port: number;
  /** Called with each new connection. */
  onLine?: (line: Line) => void;
  readonly #lines: Line[] = [];
  readonly #server: Server;
  readonly #target: number;
  #isSilent = false;

  private constructor(server: Server, port: number, target: number) {
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on("connection", (near) => this.#begin(near));
  }

  /** Opens a relay to a port. */
  static async open(target: number): Promise<Relay> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error(`no port: ${address}`);
    return new Relay(server, address.port, target);
  }

  /** Every connection so far. */
  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** The last connection. */
  get line(): Line {
    const line = this.#lines.at(-1);
    if (!line) throw new Error("nobody has connected to the relay");
    return line;
  }

  /** Forwards nothing more, of connections to come neither, and says nothing about it. */
  silence(): void {
    this.#isSilent = true;
    this.#lines.forEach((line) => line.silence(...WAYS));
  }

  /** Forwards again, beginning with what was held back. */
  heal(): void {
    this.#isSilent = false;
    this.#lines.forEach((line) => line.heal());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#lines.forEach((line) => line.cut());
    await Promise.all([closed, ...this.#lines.map((line) => line.over)]);
  }

  #begin(near: Socket): void {
    const far = connect({
      port: this.#target,
      host: "127.0.0.1",
      allowHalfOpen: true,
      noDelay: true,
    });
    const line = new Line(near, far);
    this.#lines.push(line);
    if (this.#isSilent) line.silence(...WAYS);
    this.onLine?.(line);
  }
}

/** One connection over a relay. */
export class Line {
  /** Resolves when both of its sides are over. */
  readonly over: Promise<void>;
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #flows: Readonly<Record<Way, Flow>>;

  /** Begins to forward between the client's side and the server's. */
  constructor(near: Socket, far: Socket) {
    this.#near = near;
    this.#far = far;
    this.#flows = { toServer: new Flow(near, far), toClient: new Flow(far, near) };
    this.over = Promise.all(WAYS.map((way) => this.#flows[way].run())).then(() => this.cut());
  }

  /** Whether it can forward anything yet. */
  get isOpen(): boolean {
    return !this.#near.destroyed && !this.#far.destroyed;
  }

  /** Forwards nothing more, and says nothing about it. */
  silence(...ways: Way[]): void {
    ways.forEach((way) => this.#flows[way].silence());
  }

  /** Forwards as well as it can again, beginning with what was held back. */
  heal(): void {
    WAYS.forEach((way) => this.#flows[way].heal());
  }

  /** Holds every piece back for so long, in milliseconds, before the next one is taken up. */
  slow(way: Way, options: { delay_ms: number; pieceBytes?: number }): void {
    this.#flows[way].slow(options);
  }

  /** Forwards some of what comes next, though not all, and closes; resolves once that is done. */
  async truncate(way: Way): Promise<void> {
    await Promise.race([this.#flows[way].truncate(), this.over]);
    this.cut();
  }

  /** Closes it towards both sides (FIN). */
  cut(): void {
    this.heal();
    this.#near.destroy();
    this.#far.destroy();
  }

  /** Resets it (RST) towards one side or both. */
  reset(...towards: ("client" | "server")[]): void {
    if (towards.includes("client")) this.#near.resetAndDestroy();
    if (towards.includes("server")) this.#far.resetAndDestroy();
    this.cut();
  }
}

/** What flows in one direction. */
class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  #open = Promise.withResolvers<void>();
  #isSilent = false;
  #delay_ms = 0;
  #pieceBytes = Infinity;
  #truncated?: () => void;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    this.#open.resolve();
    // What became of a connection is told to whoever reads from it or writes to it.
    from.on("error", () => {});
  }

  silence(): void {
    // What is held back already stays so.
    if (this.#isSilent) return;
    this.#isSilent = true;
    this.#open = Promise.withResolvers();
  }

  heal(): void {
    this.slow({ delay_ms: 0 });
    this.#isSilent = false;
    this.#open.resolve();
  }

  slow({ delay_ms, pieceBytes = Infinity }: { delay_ms: number; pieceBytes?: number }): void {
    this.#delay_ms = delay_ms;
    this.#pieceBytes = pieceBytes;
  }

  truncate(): Promise<void> {
    return new Promise((resolve) => this.#truncated = resolve);
  }

  /** Forwards until either side is over. */
  async run(): Promise<void> {
    try {
      // Otherwise the end of what it reads would close it for what it writes.
      const chunks = this.#from.iterator({ destroyOnReturn: false });
      for await (const chunk of chunks) await this.#forward(chunk);
      await this.#open.promise;
      this.#to.end();
      await over(this.#to);
    } catch {
      // One side is gone; the other one shall see it go.
      this.#to.resetAndDestroy();
    }
  }

  async #forward(chunk: Uint8Array): Promise<void> {
    for (let rest = chunk; rest.length > 0;) {
      if (this.#delay_ms > 0) await pause(this.#delay_ms);
      await this.#open.promise;
      const truncated = this.#truncated;
      const count = truncated ? rest.length - CUT_OFF_BYTES : this.#pieceBytes;
      await written(this.#to, rest.subarray(0, Math.max(1, count)));
      if (truncated) {
        this.silence();
        return truncated();
      }
      rest = rest.subarray(count);
    }
  }
}

function written(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => error ? reject(error) : resolve());
  });
}

function over(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.writableFinished || socket.destroyed) resolve();
    else socket.once("finish", resolve).once("close", resolve);
  });
}
