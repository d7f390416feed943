/**
 * Who may come in: by address, before anything of a connection is read.
 *
 * The room: `address_list` is a list of addresses and blocks, `rates` how fast connections of one address may
 * follow each other; this file decides by both, and counts the sessions of each address. `reachable_server` opens
 * the firewall. The entry point makes them, once for all workers of a server, which know the interface in
 * `options.ts`. Nothing here knows a connection, a session or a file.
 *
 * @module
 */
import type { Clock } from "../../platform/clock.ts";
import { DIGITS, digitsOf, hostKey, hostOf } from "../../platform/net/address.ts";
import { OPEN_LIMIT_MS } from "../../session/timers.ts";
import type { Access, CountedSession, Verdict } from "../options.ts";
import { AddressList } from "./address_list.ts";
import { Rates } from "./rates.ts";

/** How long a connection over the rate waits at most: what is left of its limit has to do for the handshake. */
export const LONGEST_WAIT_MS: number = OPEN_LIMIT_MS - 1_000;

/** The digits of 127.0.0.1 and ::1, where a proxy or a tunnel of this host may call for any number of clients. */
const UNCOUNTED: readonly (string | undefined)[] = ["7f000001", "1".padStart(DIGITS.ipv6, "0")];

/** How many connections may have opened no session, if that is not set: all clients may come at once. */
export function defaultUnopened(maxSessions: number): number {
  return Math.max(1_000, maxSessions);
}

/** Options for {@linkcode ServerAccess}. */
export interface ServerAccessOptions {
  /** Time. */
  clock: Clock;
  /** How many sessions an address may have. */
  maxSessionsPerAddress: number;
  /** How many connections an address may open in a second before more of them wait; 0: any number. */
  maxNewPerSecond: number;
  /** Whether only the addresses of a list are let in. */
  hasAllow: boolean;
  /** Whether the addresses of a list are not let in. */
  hasDeny: boolean;
}

/** Decides by address. */
export class ServerAccess implements Access {
  /** How many sessions an address may have. */
  readonly maxSessionsPerAddress: number;
  /** Whether any connection may be judged other than to be served at once. */
  readonly isJudging: boolean;
  readonly #rates?: Rates;
  readonly #hasAllow: boolean;
  /** Empty until they are set. */
  #allow = new AddressList([]);
  #deny = new AddressList([]);
  /** How many sessions each address has that has any. */
  readonly #counts = new Map<string, Count>();

  /** Makes one that has let nobody in. */
  constructor(options: ServerAccessOptions) {
    const { clock, hasAllow, hasDeny, maxNewPerSecond, maxSessionsPerAddress } = options;
    this.maxSessionsPerAddress = maxSessionsPerAddress;
    this.#hasAllow = hasAllow;
    if (maxNewPerSecond > 0) this.#rates = new Rates(clock, maxNewPerSecond, LONGEST_WAIT_MS);
    this.isJudging = hasAllow || hasDeny || maxNewPerSecond > 0;
  }

  /** Sets the addresses that are let in, if only some are, and those that are not; the latter go first. */
  setLists({ allow, deny }: { allow: AddressList; deny: AddressList }): void {
    this.#allow = allow;
    this.#deny = deny;
  }

  /** Judges a connection that has just been accepted, before anything of it is read. */
  judge(peer: string): Verdict {
    const digits = digitsOf(hostOf(peer)) ?? "";
    if (this.#deny.has(digits) || this.#hasAllow && !this.#allow.has(digits)) {
      return { limit: "denied" };
    }
    if (!this.#rates) return undefined;
    const wait_ms = this.#rates.next(hostKey(peer));
    if (wait_ms === undefined) return { limit: "max_new_per_second" };
    return wait_ms > 0 ? { wait_ms } : undefined;
  }

  /** Whether there is room for another session of this peer's address. */
  hasRoom(peer: string): boolean {
    if (UNCOUNTED.includes(digitsOf(hostOf(peer)))) return true;
    return (this.#counts.get(hostKey(peer))?.sessions ?? 0) < this.maxSessionsPerAddress;
  }

  /** Counts a session for this peer's address, for as long as it lives. */
  count(peer: string): CountedSession {
    const key = hostKey(peer);
    const known = this.#counts.get(key);
    const count = known ?? new Count(() => this.#counts.delete(key));
    if (!known) this.#counts.set(key, count);
    count.sessions++;
    return count;
  }
}

/** The sessions of one address: all of them share it, so that a session takes no memory for it. */
class Count implements CountedSession {
  sessions = 0;
  readonly #onLast: () => void;

  constructor(onLast: () => void) {
    this.#onLast = onLast;
  }

  release(): void {
    if (--this.sessions === 0) this.#onLast();
  }
}
