/**
 * The kernel's tables of TCP connections, `/proc/net/tcp` and `tcp6` (in the kernel's documentation:
 * networking/proc_net_tcp), as text that comes in pieces.
 *
 * @module
 */
import { splitAddress } from "./address.ts";
import type { Addresses, KernelTimer, KernelView } from "./transport.ts";

/** What one line of the tables says. */
export type TableLine = Omit<KernelView, "read_ms" | "retries">;

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

/** Takes the tables in pieces, and keeps the lines of the connections that were asked for. */
export class TcpTables {
  /** The lines found, by connection; `null` if two are alike, as with one address on two interfaces. */
  readonly #lines = new Map<string, TableLine | null>();
  readonly #wanted: ReadonlySet<string>;
  #unfinished = "";
  /** Whether any table was there to be read. */
  hasTable = false;
  /** The number on a line of its own, which is no part of the tables. */
  number?: number;

  /** Keeps the lines with these keys, as {@linkcode keysOf} makes them. */
  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted;
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

  /** The line of a connection, by its keys; `undefined` if there is none, or more than one. */
  lineOf(keys: readonly string[]): TableLine | undefined {
    const lines = keys.map((key) => this.#lines.get(key)).filter((each) => each !== undefined);
    return lines.length === 1 ? lines[0]! ?? undefined : undefined;
  }

  #line(line: string): void {
    // `  12: 0100007F:0FA0 0100007F:C35A 01 …`: the number, both addresses with their ports, the state.
    const start = line.indexOf(": ") + 2;
    if (start === 1) return this.#other(line);
    const end = line.indexOf(" ", line.indexOf(" ", start) + 1);
    const key = line.slice(start, end);
    if (this.#wanted.has(key)) this.#lines.set(key, this.#lines.has(key) ? null : parsed(line));
  }

  #other(line: string): void {
    if (line.includes("local_address")) this.hasTable = true;
    else if (/^\d+$/.test(line)) this.number = Number(line);
  }
}

function parsed(line: string): TableLine {
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
  };
}

/**
 * How the tables write the two ends of a connection. IPv4 is either in the one table or, of a socket for both
 * families, in the other one.
 *
 * @returns No key if one of the addresses is none.
 */
export function keysOf({ local, peer }: Addresses): string[] {
  const [here, there] = [local, peer].map(hexOf);
  if (!here || !there || here.isIPv4 !== there.isIPv4) return [];
  const key = (prefix: string) => `${prefix}${here.hex} ${prefix}${there.hex}`;
  return here.isIPv4 ? [key(""), key("0000000000000000FFFF0000")] : [key("")];
}

function hexOf(address: string): { hex: string; isIPv4: boolean } | undefined {
  const { host, port } = splitAddress(address) ?? {};
  const isIPv4 = host?.includes(":") === false;
  const bytes = isIPv4 ? host.split(".").map(Number) : ipv6Bytes(host ?? "");
  const isAddress = bytes.length === (isIPv4 ? 4 : 16) && bytes.every((byte) => byte <= 255);
  if (!isAddress || port === undefined) return undefined;
  const hex = (value: number, digits: number) =>
    value.toString(16).toUpperCase().padStart(digits, "0");
  // Each four bytes are written as a number of this machine, the last byte first.
  const inOrder = bytes.map((_, at) => bytes[at ^ 3]!);
  return { hex: `${inOrder.map((byte) => hex(byte, 2)).join("")}:${hex(Number(port), 4)}`, isIPv4 };
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
