/**
 * What a client shows to a server when it opens a session or returns to it, and what it expects of `WELCOME`.
 *
 * @module
 */
import { isSameSecret, type Random, randomSecret } from "../platform/secrets.ts";
import { greetingSecret } from "../wire/hello.ts";
import { type Exchange, type Key, proofOf } from "../wire/proof.ts";
import { type Frame, type Greeting, PROTOCOL_VERSION, ProtocolError } from "../wire/protocol.ts";

/** What a client shows of itself, on all connections of its session. */
export interface Identity {
  /** The session's token, which the server gives with the first `WELCOME`. */
  token?: string;
  /** The key that it proves, and that the server is to prove; there may be another one for the next connection. */
  readonly key?: () => Key;
  /** Fills the client's nonces. */
  readonly random: Random;
}

/** The opening of a session on one connection. */
export class Opening {
  readonly #id: string;
  readonly #identity: Identity;
  readonly #key?: Key;
  #clientNonce = "";
  /** What the proofs are made over, once the server has challenged this side. */
  #exchange?: Exchange;

  /** Makes the opening of the session of this id. */
  constructor(id: string, identity: Identity) {
    this.#id = id;
    this.#identity = identity;
    this.#key = identity.key?.();
  }

  /** What `HELLO` says of the client. */
  greeting(): Greeting {
    const key = this.#key;
    const { random, token } = this.#identity;
    if (key) this.#clientNonce = randomSecret(random);
    return {
      ...key && { key: key.name, nonce: this.#clientNonce },
      ...token !== undefined && { token },
    };
  }

  /**
   * Answers a `CHALLENGE`.
   *
   * @throws {ProtocolError} If there is nothing to prove, or nothing more.
   */
  onChallenge(serverNonce: string): Frame {
    const key = this.#key;
    if (!key) throw new ProtocolError("CHALLENGE in answer to HELLO without a key");
    if (this.#exchange) throw new ProtocolError("a second CHALLENGE");
    const [session, clientNonce] = [this.#id, this.#clientNonce];
    this.#exchange = { session, key: key.name, clientNonce, serverNonce };
    return { type: "PROOF", proof: proofOf("client", key.secret, this.#exchange) };
  }

  /**
   * Checks that `WELCOME` answers this `HELLO`, and takes what it gives. Returns why it is not from a server that
   * has the key, if it is not: it may be from anybody then.
   *
   * @throws {ProtocolError} If it answers another one.
   */
  onWelcome(
    { greeting, session, version }: Frame & { type: "HELLO" | "WELCOME" },
  ): string | undefined {
    if (version !== PROTOCOL_VERSION || session !== this.#id) {
      throw new ProtocolError(
        `WELCOME ${version} ${session} in answer to HELLO ${PROTOCOL_VERSION} ${this.#id}`,
      );
    }
    const failure = this.#failureOf(greeting);
    if (failure === undefined) {
      this.#identity.token = greetingSecret(greeting, "token") ?? this.#identity.token;
    }
    return failure;
  }

  #failureOf(greeting: Greeting): string | undefined {
    const key = this.#key;
    if (!key) return undefined;
    const named = `the key ${key.name}`;
    if (!this.#exchange) return `it opens sessions without keys, and so does not know ${named}`;
    const expected = proofOf("server", key.secret, this.#exchange);
    const isProved = isSameSecret(greetingSecret(greeting, "proof") ?? "", expected);
    return isProved ? undefined : `its proof shows that it does not know ${named}`;
  }
}
