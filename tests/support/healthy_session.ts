/**
 * A session of the real commands that goes on while the test troubles its server.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Command, type EventOf, freePort, startCommand } from "./process.ts";
import type { RawClient } from "./raw_client.ts";

/** A server, and a client in a session that nothing may disturb. */
export class HealthySession implements AsyncDisposable {
  private constructor(
    /** The server. */
    readonly server: Command,
    /** The client of the healthy session. */
    readonly client: Command,
    /** The port of the server. */
    readonly port: number,
  ) {}

  /** Starts both, and waits until data is confirmed. */
  static async start(serverArgs: readonly string[] = []): Promise<HealthySession> {
    const port = freePort();
    const address = ["127.0.0.1", String(port)];
    await using started = new AsyncDisposableStack();
    const server = started.use(startCommand("server", [...address, ...serverArgs]));
    await server.event("listening");
    const client = started.use(startCommand("client", [...address, "--data-interval=0.05"]));
    await client.event("data_confirmed");
    started.move();
    return new HealthySession(server, client, port);
  }

  /**
   * Ends the session and the server, and checks that nothing happened to the session but data and
   * confirmations: gives what the server has logged.
   */
  async endUndisturbed(): Promise<string> {
    const sent = this.client.events.filter(({ event }) => event === "data_sent").length;
    await this.client.event("data_confirmed", ({ seq }) => seq > sent);
    this.client.kill("SIGINT");
    assertEquals(await this.client.ended(), 0, this.client.stderr);
    const { session, in_doubt, silences } = await this.client.event("summary");
    assertEquals([in_doubt, silences], [[], 0]);
    const end = await this.server.event("terminated", (each) => each.session === session);
    assertEquals([end.by, end.reason], ["peer", "shutdown"]);
    this.server.kill("SIGINT");
    assertEquals(await this.server.ended(), 0, this.server.stderr);
    return this.server.stderr;
  }

  /** Waits for the server's event of the end of a connection. */
  endOf(client: RawClient): Promise<EventOf<"terminated">> {
    return this.server.event("terminated", ({ peer }) => peer === client.address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}
