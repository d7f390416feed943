/**
 * Whether this host itself cannot carry a connection: its address is gone, or its link is down; and when to
 * look, while a peer is silent.
 *
 * @module
 */
import type { Clock, Timer } from "../clock.ts";
import { readProc } from "../proc.ts";
import type { Connection, LinkFinding } from "./transport.ts";

/** How long, in milliseconds, a finding holds at least: thousands of sessions may fall silent at once. */
const HOLDS_MS = 100;

/**
 * For how many times as long as the look took it holds, if that is more: the child that a look takes is forked from
 * this process, whose memory is copied as it is written to while the two share it.
 */
const REST_FACTOR = 20;

/** How long before the peer is judged, in milliseconds, to look: a look takes some ten. */
const LOOK_BEFORE_MS = 100;

/** What an interface's operational state says (RFC 2863), of those in which it carries nothing. */
const FAULTS: Readonly<Record<string, string>> = {
  down: "down",
  lowerlayerdown: "lowerlayerdown: an interface that it depends on is down",
  notpresent: "notpresent: its hardware is missing",
  dormant: "dormant: it waits, for an authentication or the like",
};

/** A look at an interface. */
interface LinkLook {
  /** What was found, or is being found. */
  finding: LinkFinding;
  /** Until when that holds. */
  until_ms: number;
}

/** The last look for each local address, for all who share a clock: a thread. */
const looks = new WeakMap<Clock, Map<string, LinkLook>>();

/**
 * What is wrong with the interface of a local address, as a noun phrase such as `no carrier on eth0`;
 * `undefined` if nothing is, or nothing is known: links are looked at on Linux only.
 *
 * @param address The local address, without a port.
 * @param look How to look; tests pass one of their own.
 */
export function ownLinkFault(
  address: string,
  clock: Clock,
  look: (address: string) => Promise<string | undefined> = lookAt,
): LinkFinding {
  const now_ms = clock.now();
  let all = looks.get(clock);
  if (!all) looks.set(clock, all = new Map());
  const known = all.get(address);
  if (known && now_ms <= known.until_ms) return known.finding;
  for (const [each, { until_ms }] of all) if (now_ms > until_ms) all.delete(each);
  const finding = look(address);
  const looking: LinkLook = { finding, until_ms: Infinity };
  all.set(address, looking);
  finding.then((found) => {
    looking.finding = found;
    looking.until_ms = now_ms + Math.max(HOLDS_MS, REST_FACTOR * (clock.now() - now_ms));
  });
  return finding;
}

async function lookAt(address: string): Promise<string | undefined> {
  const name = interfaceOf(address);
  if (name === undefined) return undefined;
  if (name === null) return `no interface with the address ${address} any more`;
  const state = (await readProc(`/sys/class/net/${name}/operstate`))?.trim();
  const fault = FAULTS[state ?? ""];
  return fault && `no link on ${name} (${fault})`;
}

/** The interface that has an address: `null` if none has it, `undefined` if that is not known. */
function interfaceOf(address: string): string | null | undefined {
  try {
    // A query, since without the permission the call would prompt for it on a terminal.
    const { state } = Deno.permissions.querySync({ name: "sys", kind: "networkInterfaces" });
    if (state !== "granted") return undefined;
    // An IPv4 address on a socket of both families, and an IPv6 address with its zone.
    const plain = address.replace(/^::ffff:(?=[\d.]+$)/, "").replace(/%.*/, "");
    return Deno.networkInterfaces().find((each) => each.address === plain)?.name ?? null;
  } catch {
    return undefined;
  }
}

/** Looks at this host's own interface while the peer of a connection is silent. */
export class LinkWatch {
  readonly #clock: Clock;
  readonly #connection: Connection;
  #fault?: string;
  #timer?: Timer;
  /** How often the peer has been heard: a look that began before has found nothing of this silence. */
  #heard = 0;

  /** Creates a watch that does not look yet. */
  constructor(clock: Clock, connection: Connection) {
    this.#clock = clock;
    this.#connection = connection;
  }

  /** What was wrong since the peer was last heard, as a noun phrase; it may be well again. */
  get fault(): string | undefined {
    return this.#fault;
  }

  static readonly #onTimer = (watch: LinkWatch) => watch.look();

  /** Looks now. */
  look(): void {
    const finding = this.#connection.linkFault?.(this.#clock);
    if (finding instanceof Promise) this.#find(finding);
    else this.#fault = finding ?? this.#fault;
  }

  async #find(finding: Promise<string | undefined>): Promise<void> {
    const heard = this.#heard;
    const fault = await finding;
    if (heard === this.#heard) this.#fault = fault ?? this.#fault;
  }

  /** Looks again just before the peer is judged, which is in so many milliseconds. */
  judgedIn(ms: number): void {
    if (!this.#connection.linkFault) return;
    this.#timer ??= this.#clock.timer(LinkWatch.#onTimer, this);
    this.#timer.set(this.#clock.now() + Math.max(0, ms - LOOK_BEFORE_MS));
  }

  /** The peer was heard, or is not waited for any more. */
  heard(): void {
    this.#heard++;
    this.#fault = undefined;
    this.#timer?.clear();
  }
}
