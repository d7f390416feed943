/**
 * Keys, and clients of a server in memory that prove theirs, frame by frame.
 *
 * @module
 */
import type { Random } from "../../lib/platform/secrets.ts";
import { type Key, KeyRing, proofOf } from "../../lib/wire/proof.ts";
import type { IncomingConnection, Resuming } from "./callers.ts";

/** Two keys of a server. */
export const [MILL, PUMP] = ["mill", "pump"].map((name) => ({
  name,
  secret: `${name.toUpperCase()}${"0123456789".repeat(4)}`.slice(0, 43),
})) as [Key, Key];

/** Fills each time with other bytes, and the same ones in each run. */
export function countingRandom(): Random {
  let drawn = 0;
  return (bytes) => {
    const number = ++drawn;
    bytes.forEach((_, at) => bytes[at] = at < 4 ? number >> (8 * at) : at);
  };
}

/** A server's ring of both keys. */
export function ringOf(...keys: Key[]): KeyRing {
  return new KeyRing(keys.length > 0 ? keys : [MILL, PUMP], countingRandom());
}

/** What a client says that has the first one. */
export const CLIENT_NONCE = "c".repeat(43);

/** What `HELLO` says of a key. */
export function naming(key: Pick<Key, "name"> = MILL, nonce = CLIENT_NONCE) {
  return { key: key.name, nonce };
}

/** The nonce of the `CHALLENGE` that was heard first; fails if none was. */
export function challengeOf({ peer }: IncomingConnection): string {
  const nonce = /^\d+ CHALLENGE (\S{43})$/.exec(peer.heard[0] ?? "")?.[1];
  if (nonce === undefined) throw new Error(`no CHALLENGE, but ${peer.heard[0]}`);
  return nonce;
}

/** The `PROOF` of a key for a challenged session. */
export function proofFor(caller: IncomingConnection, session: string, key: Key = MILL): string {
  const serverNonce = challengeOf(caller);
  const exchange = { session, key: key.name, clientNonce: CLIENT_NONCE, serverNonce };
  return `PROOF ${proofOf("client", key.secret, exchange)}\n`;
}

/** Opens a connection and a session as a client with a key; what was heard begins with `WELCOME`. */
export async function openKeyed(
  hello: (id: string, greeting?: Resuming) => Promise<IncomingConnection>,
  session: string,
  { key = MILL, ...greeting }: Omit<Resuming, "key"> & { key?: Key } = {},
): Promise<IncomingConnection> {
  const caller = await hello(session, { ...greeting, ...naming(key) });
  const proof = proofFor(caller, session, key);
  caller.peer.heard.shift();
  await caller.peer.say(proof);
  return caller;
}
