/**
 * A network in memory with a middlebox on every path, which forgets connections that are idle for too long.
 *
 * @module
 */
import { MemoryNetwork, type Path } from "./memory_network.ts";
import { TransportError } from "../../lib/platform/net/transport.ts";
import type { FirstSpeaker } from "../../lib/client/idle_search/probe.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** What happens to the first word on a connection that was forgotten. */
export type Forgetting =
  | "drop"
  | "reset the speaker"
  | "reset the other"
  | "reset both";

/** When connections are forgotten, by who speaks then, in milliseconds; and what happens to the word. */
export interface Memory {
  readonly timeout_ms: number;
  readonly how: Forgetting;
}

/** Hosts in memory with a forgetful middlebox between them. */
export class ForgetfulNetwork extends MemoryNetwork {
  /** What is forgotten, as it is asked for each word: the path is a number, from 0. */
  memory: (first: FirstSpeaker, path: number) => Memory | undefined = () => undefined;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    super(clock, { latency_ms: 10 });
    this.#clock = clock;
  }

  override connect(...to: Parameters<MemoryNetwork["connect"]>) {
    const before = this.paths.length;
    const connecting = super.connect(...to);
    const path = this.paths[before];
    if (path) this.#watch(path, before);
    return connecting;
  }

  #watch(path: Path, number: number): void {
    let last_ms = this.#clock.now();
    const watched: [FirstSpeaker, Path["client"]][] = [
      ["client", path.client],
      ["server", path.server],
    ];
    for (const [first, end] of watched) {
      const write = end.write.bind(end);
      end.write = (bytes) => {
        const memory = this.memory(first, number);
        const idle_ms = this.#clock.now() - last_ms;
        last_ms = this.#clock.now();
        if (memory && idle_ms > memory.timeout_ms) forget(path, end, memory.how);
        return write(bytes);
      };
    }
  }
}

function forget(path: Path, speaker: Path["client"], how: Forgetting): void {
  const reset = () => new TransportError("reset", "reset");
  const other = speaker.peerEnd;
  switch (how) {
    case "drop":
      return path.silence("to_client", "to_server");
    case "reset the speaker":
      path.silence("to_client", "to_server");
      return speaker.fail(reset());
    case "reset the other":
      path.silence("to_client", "to_server");
      return other.fail(reset());
    case "reset both":
      return path.reset();
  }
}
