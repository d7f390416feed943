/**
 * What a client shows to a server when it opens a session or returns to it, and what it expects of `WELCOME`.
 *
 * @module
 */
import { greetingSecret } from "../wire/hello.ts";
import { type Frame, type Greeting, PROTOCOL_VERSION, ProtocolError } from "../wire/protocol.ts";

/** What a client shows of itself, on all connections of its session. */
export interface Identity {
  /** The session's token, which the server gives with the first `WELCOME`. */
  token?: string;
}

/** The opening of a session on one connection. */
export class Opening {
  readonly #id: string;
  readonly #identity: Identity;

  /** Makes the opening of the session of this id. */
  constructor(id: string, identity: Identity) {
    this.#id = id;
    this.#identity = identity;
  }

  /** What `HELLO` says of the client. */
  greeting(): Greeting {
    const { token } = this.#identity;
    return { ...token !== undefined && { token } };
  }

  /**
   * Checks that `WELCOME` answers this `HELLO`, and takes what it gives.
   *
   * @throws {ProtocolError} If it does not.
   */
  onWelcome({ greeting, session, version }: Frame & { type: "HELLO" | "WELCOME" }): void {
    if (version !== PROTOCOL_VERSION || session !== this.#id) {
      throw new ProtocolError(
        `WELCOME ${version} ${session} in answer to HELLO ${PROTOCOL_VERSION} ${this.#id}`,
      );
    }
    this.#identity.token = greetingSecret(greeting, "token") ?? this.#identity.token;
  }
}
