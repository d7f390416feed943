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
  /** Another one with the same ports. */
  next?: WantedLine;
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
  readonly #wanted = new Map<number, WantedLine>();
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
    line.next = this.#wanted.get(ports);
    this.#wanted.set(ports, line);
  }

  /** Takes the next piece, of whatever size. */
  add(piece: string): void {
    const text = this.#unfinished + piece;
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      this.#line(text, start, end);
      start = end + 1;
    }
    this.#unfinished = text.slice(start);
  }

  /** Takes a line, and makes nothing of one that is not wanted: ten thousand connections have as many. */
  #line(text: string, from: number, to: number): void {
    // `  12: 0100007F:0FA0 0100007F:C35A 01 …`: the number, both addresses with their ports, the state.
    const local = text.indexOf(": ", from) + 2;
    if (local === 1 || local > to) return this.#other(text.slice(from, to));
    const peer = text.indexOf(" ", local) + 1;
    const state = text.indexOf(" ", peer) + 1;
    const ports = bothPorts(hexNumber(text, peer - 5, 4), hexNumber(text, state - 5, 4));
    for (let wanted = this.#wanted.get(ports); wanted; wanted = wanted.next) {
      const { addresses } = wanted;
      if (!isAddress(text, local, peer - 6, addresses.local)) continue;
      if (!isAddress(text, peer, state - 6, addresses.peer)) continue;
      const isFirst = wanted.view === undefined;
      wanted.view = isFirst ? viewOf(text, state, to, this.#read_ms) : null;
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

const ZERO = 0x30;
const NINE = 0x39;
/** What is to be taken from the code of a capital letter for the value of the digit: `A` is 10. */
const LETTERS = 0x41 - 10;

/** The number that has so many hexadecimal digits, in capitals, from a place on. */
function hexNumber(text: string, at: number, digits: number): number {
  let number = 0;
  for (const end = at + digits; at < end; at++) {
    const code = text.charCodeAt(at);
    number = number * 16 + code - (code <= NINE ? ZERO : LETTERS);
  }
  return number;
}

/** The decimal number from a place on; 0 without digits. */
function decimal(text: string, at: number): number {
  let number = 0;
  for (let digit = text.charCodeAt(at) - ZERO; digit >= 0 && digit <= 9;) {
    number = number * 10 + digit;
    digit = text.charCodeAt(++at) - ZERO;
  }
  return number;
}

/** Where the field begins that is so many further on, before the end of the line; there, if there is none. */
function fieldAfter(text: string, from: number, to: number, count: number): number {
  let at = from;
  for (let passed = 0; passed < count && at < to; passed++) {
    while (at < to && text[at] !== " ") at++;
    while (at < to && text[at] === " ") at++;
  }
  return at;
}

/** The view in a line, parsed from its state on: `01 0000002A:00000000 01:00000052 00000003     0        0 3012499 …`. */
function viewOf(text: string, state: number, to: number, read_ms: number): KernelView {
  const [unacked, timer, retransmissions] = [state + 3, state + 21, state + 33];
  const probes = fieldAfter(text, retransmissions, to, 2);
  return {
    unacked_bytes: hexNumber(text, unacked, 8),
    unread_bytes: hexNumber(text, unacked + 9, 8),
    retransmissions: hexNumber(text, retransmissions, 8),
    timer: TIMERS[hexNumber(text, timer, 2)] ?? "none",
    timer_ms: TICK_MS * hexNumber(text, timer + 3, 8),
    probes: decimal(text, probes),
    // A connection that is closed has fewer fields.
    rto_ms: TICK_MS * decimal(text, fieldAfter(text, probes, to, 4)),
    read_ms,
  };
}

/** How an IPv4 address begins in the table of IPv6: `::ffff:`. */
const MAPPED = "0000000000000000FFFF0000";

/**
 * Whether the hexadecimal digits between two places mean an address, given with its port. IPv4 is either in the one
 * table or, of a socket for both families, in the other one. Each four bytes are written as a number of this machine,
 * the last byte first.
 */
function isAddress(text: string, from: number, to: number, address: string): boolean {
  if (!address.startsWith("[")) {
    const at = text.startsWith(MAPPED, from) ? from + MAPPED.length : from;
    return to - at === 8 && isIPv4(text, at, address);
  }
  const { host = "" } = splitAddress(address) ?? {};
  const bytes = ipv6Bytes(host);
  return to - from === 2 * bytes.length &&
    bytes.every((byte, at) => byte === hexNumber(text, from + 2 * (at ^ 3), 2));
}

/** Whether eight digits mean an IPv4 address, whose text is compared as it stands, with nothing made of it. */
function isIPv4(text: string, from: number, address: string): boolean {
  let begin = 0;
  for (let byte = 3; byte >= 0; byte--) {
    const end = address.indexOf(byte > 0 ? "." : ":", begin);
    if (end <= begin || decimal(address, begin) !== hexNumber(text, from + 2 * byte, 2)) {
      return false;
    }
    begin = end + 1;
  }
  return true;
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
