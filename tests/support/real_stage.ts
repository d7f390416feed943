/**
 * Real commands with a path between them that can be made to fail, and what both sides say of it all.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { assertAgree } from "./ledgers.ts";
import { freePort } from "./ports.ts";
import { type Command, startCommand, startServer } from "./process.ts";
import { Relay } from "./relay.ts";

/** Detection predicted: 1.5 s + 2 × 0.75 s = 3 s: the path goes through this process, which may be busy. */
export const IMPATIENT = [
  "--data-interval=0.05",
  "--data-threshold=1.5",
  "--heartbeat-interval=0.75",
  "--heartbeat-threshold=0.75",
  "--heartbeat-additional-tries=1",
];
/** Does not find out by itself that a path is dead. */
export const PATIENT = ["--data-interval=0.05", "--data-threshold=60"];
/** The same, of a client that sends its input. */
export const PATIENT_INPUT = ["--data-threshold=60", "--stdin"];
/** So, too, and quickly. */
export const BUSY = ["--data-interval=0.005", "--data-threshold=60", "--window=8"];

/** One server address, the path to it, and what runs on both sides of it. */
export class Stage implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #port = freePort();
  #relay?: Relay;

  /** The path that clients take. */
  get relay(): Relay {
    return this.#relay!;
  }

  static async open(): Promise<Stage> {
    const stage = new Stage();
    stage.#relay = stage.#stack.use(await Relay.open(stage.#port));
    return stage;
  }

  /** Starts a server; it listens when this resolves. */
  async server(...args: string[]): Promise<Command> {
    return this.#stack.use(await startServer(this.#port, ...args));
  }

  client(...args: string[]): Command {
    const where = ["127.0.0.1", String(this.relay.port)];
    const stdin = args.includes("--stdin") ? "piped" : undefined;
    return this.#stack.use(startCommand("client", [...where, "--reconnect", ...args], { stdin }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

export function confirmed(client: Command, seq: number) {
  return client.event("data_confirmed", (each) => each.seq >= seq);
}

/** Waits until more is confirmed than has been so far. */
export async function confirmsMore(client: Command): Promise<void> {
  const last = client.events.findLast((each) => each.event === "data_confirmed");
  await confirmed(client, (last?.seq ?? 0) + 1);
}

/**
 * Stops a server until its client, which must have a window, has sent what the server cannot have received: with
 * nothing in doubt a client would go on at a server that does not know its session.
 */
export async function stopInDoubt(client: Command, server: Command): Promise<void> {
  server.kill("SIGSTOP");
  // What the test has heard of so far says nothing: more may have been sent, and confirmed, before the signal.
  const stopped_ms = Date.now();
  await client.event("data_sent", ({ time }) => Date.parse(time) > stopped_ms);
}

/** Ends the client, and then the server, politely: what their ledgers say. */
export async function endBoth(client: Command, server: Command) {
  client.kill("SIGTERM");
  assertEquals(await client.ended(), 0, client.stderr);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0, server.stderr);
  const ledgers = [await client.event("summary"), await server.event("summary")] as const;
  assertAgree(...ledgers);
  return { ours: ledgers[0], theirs: ledgers[1] };
}

/** The sequence numbers that were delivered by these servers, in order. */
export function delivered(...servers: Command[]): number[] {
  return servers.flatMap(({ events }) =>
    events.flatMap((each) => each.event === "data_received" ? [each.seq] : [])
  );
}

export function assertUnbroken(numbers: number[]): void {
  assertEquals(numbers, Array.from(numbers, (_, i) => i + 1));
}

/** Writes numbered lines to the stdin of a client as fast as they are taken, until told to stop. */
export async function flood(client: Command, stop: AbortSignal): Promise<string> {
  let all = "";
  for (let n = 1; !stop.aborted;) {
    const lines = Array.from({ length: 100 }, () => `line ${n++}\n`).join("");
    try {
      await client.write(new TextEncoder().encode(lines));
    } catch (error) {
      // The client has ended: why, is told by that.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      return all;
    }
    all += lines;
  }
  await client.endInput();
  return all;
}

/** Starts a client whose stdin the test writes; it ends if the test does not end it. */
export function startInput(port: number): Command {
  const args = ["127.0.0.1", String(port), "--stdin", "--duration=60"];
  return startCommand("client", args, { stdin: "piped" });
}

/** The fields of a summary that say what is in doubt. */
export async function doubts(client: Command) {
  const { confirmed_up_to, data_sent, in_doubt } = await client.event("summary");
  return { confirmed_up_to, data_sent, in_doubt };
}
