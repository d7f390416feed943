/**
 * The processes that the benchmark measures.
 *
 * @module
 */
import { freePort } from "../tests/support/process.ts";

/** A server to measure. */
export class Peer implements AsyncDisposable {
  /** Its name. */
  readonly name: string;
  /** The port it listens on. */
  readonly port: number;
  /** The lines it prints. */
  readonly lines: AsyncIterableIterator<string>;
  readonly #process: Deno.ChildProcess;

  private constructor(
    name: string,
    port: number,
    process: Deno.ChildProcess,
    lines: AsyncIterableIterator<string>,
  ) {
    this.name = name;
    this.port = port;
    this.#process = process;
    this.lines = lines;
  }

  /** Starts the bare echo. */
  static echo(): Promise<Peer> {
    return Peer.#start("echo", freePort(), ["--allow-net=127.0.0.1", "bench/echo.ts"]);
  }

  /** Starts the server, with arguments of its own. */
  static pulsewire(...more: string[]): Promise<Peer> {
    const std = Deno.env.get("STD");
    const options = [...(std ? [std] : []), "-P=server", "server.ts", "127.0.0.1"];
    return Peer.#start("pulsewire", freePort(), options, ["--quiet", ...more]);
  }

  /** Its resident set, in bytes, where there is `ps`. */
  async residentBytes(): Promise<number> {
    const args = ["-o", "rss=", "-p", String(this.#process.pid)];
    const { stdout } = await new Deno.Command("ps", { args }).output();
    return Number(new TextDecoder().decode(stdout)) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.lines.return?.();
  }

  static async #start(
    name: string,
    port: number,
    args: readonly string[],
    more: readonly string[] = [],
  ): Promise<Peer> {
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", ...args, String(port), ...more],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const peer = new Peer(name, port, process, linesOf(process.stdout));
    for (let tries = 0; !await answers(port); tries++) {
      if (tries === 250) throw new Error(`${name} does not listen on port ${port}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return peer;
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** Runs the load generator against a peer. */
export async function load(
  peer: Peer,
  sessions: number,
  window: number,
  seconds: number,
): Promise<{ per_second: number; p50_ms: number; p99_ms: number }> {
  const args = [peer.port, peer.name, sessions, window, seconds].map(String);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-net=127.0.0.1", "bench/load.ts", ...args],
    stdin: "null",
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncIterableIterator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
