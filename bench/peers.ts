/**
 * The servers to measure, and how to start each.
 *
 * @module
 */
import { freePort } from "../tests/support/ports.ts";
import { outputOf, type Place, Process } from "./process.ts";

const HERE = decodeURIComponent(new URL(".", import.meta.url).pathname);
const LISTEN_LIMIT_MS = 10_000;
const DENO = [Deno.execPath(), "run", "--quiet", "--no-prompt"];

/** A server that can be measured. */
export interface Kind {
  /** Its name, and the heading of its column. */
  readonly name: string;
  /** The protocol of the load generator for it. */
  readonly protocol: "pulsewire" | "echo" | "mqtt";
  /** The words that start it on a port; only Pulsewire has options. */
  words(port: number, options: readonly string[]): readonly string[];
}

/** A running server. */
export interface Peer extends AsyncDisposable {
  /** What it is. */
  readonly kind: Kind;
  /** The port it listens on. */
  readonly port: number;
  /** Its process. */
  readonly process: Process;
}

/** What `deno task server` and the executables run with. */
const V8_FLAGS = "--v8-flags=--max-semi-space-size=4,--no-maglev-destroy-on-background";

/** A Pulsewire server from the source in a folder; two of them differ by name. */
export function pulsewireIn(folder: string, name: string, flags: readonly string[] = []): Kind {
  const std = Deno.env.get("STD")?.replace("=npm/", `=${folder}/npm/`);
  const options = [`--config=${folder}/deno.json`, ...(std ? [std] : []), "-P=server", ...flags];
  return {
    name,
    protocol: "pulsewire",
    words: (port, more) => [
      ...[...DENO, V8_FLAGS, ...options, `${folder}/server.ts`],
      ...["127.0.0.1", String(port), "--quiet", ...more],
    ],
  };
}

/** The Pulsewire of this checkout. */
export const pulsewire = pulsewireIn(HERE.replace(/\/bench\/$/, ""), "Pulsewire");

/** Deno's limit. */
export const denoEcho: Kind = {
  name: "Deno echo",
  protocol: "echo",
  words: (port) => [...DENO, V8_FLAGS, "--allow-net=127.0.0.1", `${HERE}echo.ts`, String(port)],
};

/** The floor: the smallest server of the same protocol. */
export const minimal: Kind = {
  name: "minimal",
  protocol: "pulsewire",
  words: (port) => [...DENO, V8_FLAGS, "--allow-net=127.0.0.1", `${HERE}minimal.ts`, String(port)],
};

/** The alternative for keeping sessions alive. Without a configuration it listens on loopback only. */
export const mosquitto: Kind = {
  name: "mosquitto",
  protocol: "mqtt",
  words: (port) => ["mosquitto", "-p", String(port)],
};

/** The peers that are installed here; reports why another one is skipped. */
export async function peersHere(log: (text: string) => void): Promise<Kind[]> {
  if (await outputOf("which", "mosquitto")) return [denoEcho, minimal, mosquitto];
  log("skipped: mosquitto (not installed)");
  return [denoEcho, minimal];
}

/** Starts a peer and waits until it listens; of its events, those `wanted` are read. */
export async function startPeer(
  kind: Kind,
  place: Place,
  options: readonly string[] = [],
  wanted?: readonly string[],
): Promise<Peer> {
  const port = freePort();
  const words = kind.words(port, options);
  const process = new Process(kind.name, words, { end: "SIGTERM", place, wanted });
  const limit_ms = performance.now() + LISTEN_LIMIT_MS;
  while (!await answers(port)) {
    if (process.over || performance.now() > limit_ms) {
      throw new Error(
        `cannot measure ${kind.name}: it does not listen. It was: ${words.join(" ")}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { kind, port, process, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
