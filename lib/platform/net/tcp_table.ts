/**
 * The kernel's tables of TCP connections, `/proc/net/tcp` and `tcp6` (in the kernel's documentation:
 * networking/proc_net_tcp), as text that comes in pieces.
 *
 * @module
 */
import { splitAddress } from "./address.ts";
import type { Addresses, KernelTimer, KernelView } from "./transport.ts";

/** A connection whose line is wanted. */
export interface WantedLine {
  /** Its two ends. */
  readonly addresses: Addresses;
  /** What the line says, once found; `null` if two are alike, as with one address on two interfaces. */
  view?: { -readonly [K in keyof KernelView]: KernelView[K] } | null;
}

/** By their codes in the tables: 3 is the wait after a close. */
const TIMERS: readonly KernelTimer[] = [
  "none",
  "retransmit",
  "keepalive",
  "time_wait",
  "window_probe",
];

/** The tables give times in ticks of 10 ms, on every architecture that Deno runs on (`USER_HZ`). */
const TICK_MS = 10;

/**
 * Takes the tables in pieces, and finds the lines of the connections that are wanted: by both ports, a number,
 * then by the addresses. Their texts, kept for each of ten thousand connections, would be most of what a look
 * allocates.
 */
export class TcpTables {
  readonly #wanted = new Map<number, WantedLine[]>();
  readonly #read_ms: number;
  #unfinished = "";
  /** Whether any table was there to be read. */
  hasTable = false;
  /** The number on a line of its own, which is no part of the tables. */
  number?: number;

  /** Takes tables that begin to be read at a time, in monotonic milliseconds. */
  constructor(read_ms: number) {
    this.#read_ms = read_ms;
  }

  /** Finds the line of this connection, too, if its ends are addresses. */
  want(line: WantedLine): void {
    const { local, peer } = line.addresses;
    const ports = bothPorts(portOf(local), portOf(peer));
    const others = this.#wanted.get(ports);
    this.#wanted.set(ports, others ? [...others, line] : [line]);
  }

  /** Takes the next piece, of whatever size. */
  add(piece: string): void {
    const text = this.#unfinished + piece;
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      this.#line(text.slice(start, end));
      start = end + 1;
    }
    this.#unfinished = text.slice(start);
  }

  #line(line: string): void {
    // `  12: 0100007F:0FA0 0100007F:C35A 01 …`: the number, both addresses with their ports, the state.
    const start = line.indexOf(": ") + 2;
    if (start === 1) return this.#other(line);
    const middle = line.indexOf(" ", start);
    const end = line.indexOf(" ", middle + 1);
    const ports = bothPorts(hexNumber(line, middle - 4, 4), hexNumber(line, end - 4, 4));
    const all = this.#wanted.get(ports);
    if (!all) return;
    const [local, peer] = [line.slice(start, middle - 5), line.slice(middle + 1, end - 5)];
    for (const wanted of all) {
      const { addresses } = wanted;
      if (!isAddress(local, addresses.local) || !isAddress(peer, addresses.peer)) continue;
      wanted.view = wanted.view === undefined ? parsed(line, this.#read_ms) : null;
    }
  }

  #other(line: string): void {
    if (line.includes("local_address")) this.hasTable = true;
    else if (/^\d+$/.test(line)) this.number = Number(line);
  }
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

function bothPorts(local: number, peer: number): number {
  return local << 16 | peer;
}

/** The number that has so many digits from a place on. */
function hexNumber(text: string, at: number, digits: number): number {
  return parseInt(text.slice(at, at + digits), 16);
}

function parsed(line: string, read_ms: number): KernelView {
  const fields = line.trim().split(/ +/);
  const [, , , , queues = "", timer = "", retransmissions = "", , probes, , , , rto] = fields;
  const [unacked = "", unread = ""] = queues.split(":");
  const [kind = "", left = ""] = timer.split(":");
  return {
    unacked_bytes: parseInt(unacked, 16),
    unread_bytes: parseInt(unread, 16),
    retransmissions: parseInt(retransmissions, 16),
    timer: TIMERS[parseInt(kind, 16)] ?? "none",
    timer_ms: TICK_MS * parseInt(left, 16),
    probes: Number(probes),
    // A connection that is closed has fewer fields.
    rto_ms: TICK_MS * Number(rto ?? 0),
    read_ms,
  };
}

/** How an IPv4 address begins in the table of IPv6: `::ffff:`. */
const MAPPED = "0000000000000000FFFF0000";

/**
 * Whether the tables mean an address, given with its port. IPv4 is either in the one table or, of a socket for
 * both families, in the other one. Each four bytes are written as a number of this machine, the last byte first.
 */
function isAddress(hex: string, address: string): boolean {
  const { host = "" } = splitAddress(address) ?? {};
  const isIPv4 = !host.includes(":");
  const text = isIPv4 && hex.startsWith(MAPPED) ? hex.slice(MAPPED.length) : hex;
  const bytes = isIPv4 ? host.split(".").map(Number) : ipv6Bytes(host);
  return text.length === 2 * bytes.length &&
    bytes.every((byte, at) => byte === hexNumber(text, 2 * (at ^ 3), 2));
}

function ipv6Bytes(host: string): number[] {
  const [head = [], tail] = host.replace(/%.*/, "").split("::").map((part) =>
    part.split(":").filter((each) => each !== "").flatMap((group) => {
      const value = parseInt(group, 16);
      return [value >> 8, value & 255];
    })
  );
  const missing = 16 - head.length - (tail?.length ?? 0);
  return tail && missing > 0 ? [...head, ...new Array(missing).fill(0), ...tail] : head;
}
