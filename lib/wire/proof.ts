/**
 * Keys: both sides of a session prove that they have the secret of a key, and neither sends it. Every proof is
 * made over a new nonce of either side, so that none is of use a second time.
 *
 * @module
 */
import { hmacOf, isSameSecret, type Random, randomSecret } from "../platform/secrets.ts";
import { PROTOCOL_VERSION, type Role } from "./protocol.ts";

/** A key: a name, which is no secret, and 256 random bits. */
export interface Key {
  /** Its name. */
  readonly name: string;
  /** Its secret, in base64url. */
  readonly secret: string;
}

/** What a proof is made over. */
export interface Exchange {
  /** The session's id. */
  readonly session: string;
  /** The name of the key. */
  readonly key: string;
  /** The nonce in the client's `HELLO`. */
  readonly clientNonce: string;
  /** The nonce in the server's `CHALLENGE`. */
  readonly serverNonce: string;
}

const KEY_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** What the name of a key consists of, for people. */
export const KEY_NAME_RULE = "1 to 64 letters, digits, -, _ and .";

/** Whether it is a valid name of a key. */
export function isKeyName(name: unknown): name is string {
  return typeof name === "string" && KEY_NAME.test(name);
}

/** The proof of a side. The text names the side, so that neither can send back the other's. */
export function proofOf(role: Role, secret: string, exchange: Exchange): string {
  const { clientNonce, key, serverNonce, session } = exchange;
  const words = [`PW/${PROTOCOL_VERSION}`, role, session, key, clientNonce, serverNonce];
  return hmacOf(secret, words.join(" "));
}

/** What a server knows of a client whose `HELLO` it has challenged. */
export interface ProofVerdict {
  /** The name of the key, if it was proved. */
  readonly who?: string;
  /** The server's own proof then. */
  readonly proof?: string;
  /** What is wrong otherwise, for this side's user alone: the client is not told. */
  readonly failure?: string;
}

/** The keys of a server. */
export class KeyRing {
  readonly #random: Random;
  /** Tried for names that are not known, so that they take as long, and are answered alike. */
  readonly #decoy: Key;
  #keys = new Map<string, Key>();
  #onChange?: (keys: readonly Key[]) => void;

  /** Makes a ring of these keys. */
  constructor(keys: readonly Key[], random: Random) {
    this.#random = random;
    this.#decoy = { name: "", secret: randomSecret(random) };
    this.replace(keys);
  }

  /** All keys. */
  get keys(): readonly Key[] {
    return [...this.#keys.values()];
  }

  /** Has other keys from now on. Proofs that are under way, and sessions, are not affected. */
  replace(keys: readonly Key[]): void {
    this.#keys = new Map(keys.map((key) => [key.name, key]));
    this.#onChange?.(keys);
  }

  /** Has this called with the keys whenever there are others. */
  onChange(call: (keys: readonly Key[]) => void): void {
    this.#onChange = call;
  }

  /** Challenges a client to prove the key that its `HELLO` names; `undefined` if it names none. */
  challenge(hello: { id: string; key?: string; nonce?: string }): Challenge | undefined {
    const { id: session, key, nonce: clientNonce } = hello;
    if (key === undefined || clientNonce === undefined) return undefined;
    const serverNonce = randomSecret(this.#random);
    const known = this.#keys.get(key);
    return new Challenge({ session, key, clientNonce, serverNonce }, known ?? this.#decoy);
  }
}

/** One challenge of a server, for one proof. */
export class Challenge {
  /** What the client names, and both nonces. */
  readonly exchange: Exchange;
  readonly #key: Key;

  /** Makes the challenge of an exchange; the key may have another name. */
  constructor(exchange: Exchange, key: Key) {
    this.exchange = exchange;
    this.#key = key;
  }

  /** Judges the proof of the client. */
  judge(proof: string): ProofVerdict {
    const { name: who, secret } = this.#key;
    const isRight = isSameSecret(proof, proofOf("client", secret, this.exchange));
    const isKnown = who === this.exchange.key;
    if (isRight && isKnown) return { who, proof: proofOf("server", secret, this.exchange) };
    const named = `"${this.exchange.key}"`;
    return {
      failure: isKnown
        ? `HELLO with a wrong proof of the key ${named}`
        : `HELLO with the unknown key ${named}`,
    };
  }
}
