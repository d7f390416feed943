/**
 * A session of the real commands that goes on while the test troubles its server.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Command, type EventOf, type Pair, startPair } from "./process.ts";
import type { RawClient } from "./raw_client.ts";

/** A server, and a client in a session that nothing may disturb. */
export class HealthySession implements AsyncDisposable {
  /** The server. */
  readonly server: Command;
  /** The port of the server. */
  readonly port: number;
  readonly #pair: Pair;

  private constructor(pair: Pair) {
    this.server = pair.server;
    this.port = pair.port;
    this.#pair = pair;
  }

  /** Starts both, and waits until data is confirmed. */
  static async start(server: readonly string[] = []): Promise<HealthySession> {
    return new HealthySession(await startPair({ server, client: ["--data-interval=0.05"] }, 1));
  }

  /**
   * Ends the session and the server, and checks that nothing happened to the session but data and
   * confirmations: gives what the server has logged.
   */
  async endUndisturbed(): Promise<string> {
    const { client, server } = this.#pair;
    const sent = client.events.filter(({ event }) => event === "data_sent").length;
    await client.event("data_confirmed", ({ seq }) => seq > sent);
    client.kill("SIGINT");
    assertEquals(await client.ended(), 0, client.stderr);
    const { session, in_doubt, silences } = await client.event("summary");
    assertEquals([in_doubt, silences], [[], 0]);
    const end = await server.event("terminated", (each) => each.session === session);
    assertEquals([end.by, end.reason], ["peer", "shutdown"]);
    server.kill("SIGINT");
    assertEquals(await server.ended(), 0, server.stderr);
    return server.stderr;
  }

  /** Waits for the server's event of the end of a connection. */
  endOf(client: RawClient): Promise<EventOf<"terminated">> {
    return this.server.event("terminated", ({ peer }) => peer === client.address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pair[Symbol.asyncDispose]();
  }
}
