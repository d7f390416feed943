/**
 * The kernel's tables of connections, as captured on Linux 6.18, in pieces of every size.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { TcpTables, type WantedLine } from "../../../lib/platform/net/tcp_table.ts";
import type { Addresses } from "../../../lib/platform/net/transport.ts";

/** IPv4; IPv6, one of them with an IPv4 address; then the setting. */
const TABLES =
  `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1456 1 0000000089e9b0de 100 0 0 10 0
 115: 0100007F:9302 0100007F:9283 01 00000000:00000000 00:00000000 00000000     0        0 3012422 2 00000000d16bdbc6 20 0 0 11 -1
12116: 0100070A:C35A 0200070A:0FA0 01 0000002A:00000000 01:00000052 00000003     0        0 3012499 3 00000000d16bdbc7 163 4 30 1 7
   7: 0100070A:C35B 0200070A:0FA0 01 00019E10:00000000 04:000000C4 00000000     0        2 3012500 2 00000000d16bdbc8 21 4 30 10 -1
   8: 0100070A:C35C 0200070A:0FA0 06 00000000:00000000 03:00000FA0 00000000     0        0 0 3 00000000d16bdbc9
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:9283 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3012421 1 000000005ab38b1f 100 0 0 10 0
   2: B80D01200000000000000000EFCDAB89:B844 00000000000000000000000001000000:9283 01 00000000:00000000 02:0000001E 00000000     0        0 3012423 2 00000000b60f8727 20 0 0 10 -1
   3: 0000000000000000FFFF00000100007F:9283 0000000000000000FFFF00000100007F:9302 01 00000000:00000005 00:00000000 00000000     0        0 3012424 1 0000000064ff79c6 20 4 30 10 -1
15
`;

const IDLE = { unacked_bytes: 0, unread_bytes: 0, retransmissions: 0, probes: 0, rto_ms: 200 };
const NO_TIMER = { timer: "none", timer_ms: 0 } as const;

const LINES = [
  ["127.0.0.1:37634", "127.0.0.1:37507", { ...IDLE, ...NO_TIMER }],
  [
    "10.7.0.1:50010",
    "10.7.0.2:4000",
    {
      ...IDLE,
      unacked_bytes: 42,
      retransmissions: 3,
      timer: "retransmit",
      timer_ms: 820,
      rto_ms: 1_630,
    },
  ],
  [
    "10.7.0.1:50011",
    "10.7.0.2:4000",
    {
      ...IDLE,
      unacked_bytes: 106_000,
      probes: 2,
      timer: "window_probe",
      timer_ms: 1_960,
      rto_ms: 210,
    },
  ],
  [
    "10.7.0.1:50012",
    "10.7.0.2:4000",
    { ...IDLE, timer: "time_wait", timer_ms: 40_000, rto_ms: 0 },
  ],
  ["[2001:db8::89ab:cdef%eth0]:47172", "[::1]:37507", {
    ...IDLE,
    timer: "keepalive",
    timer_ms: 300,
  }],
  // Of a socket for both families.
  ["127.0.0.1:37507", "127.0.0.1:37634", { ...IDLE, unread_bytes: 5, ...NO_TIMER }],
  ["127.0.0.1:37634", "127.0.0.1:37508", undefined],
  ["10.7.0.9:50010", "10.7.0.2:4000", undefined],
] as const;

/** Looks for connections in the tables, which begin to be read at 5 ms, and come in pieces. */
function look(text: string, ends: readonly Addresses[], size = text.length) {
  const tables = new TcpTables(5);
  const wanted: WantedLine[] = ends.map((addresses) => ({ addresses }));
  for (const each of wanted) tables.want(each);
  for (let at = 0; at < text.length; at += size) tables.add(text.slice(at, at + size));
  return { tables, views: wanted.map(({ view }) => view) };
}

for (const size of [1, 7, 64, 100_000]) {
  Deno.test(`TcpTables finds lines by both addresses and ports, in pieces of ${size} bytes`, () => {
    const ends = LINES.map(([local, peer]) => ({ local, peer }));
    const { tables, views } = look(TABLES, ends, size);
    assertEquals(views, LINES.map(([, , line]) => line && { ...line, read_ms: 5 }));
    assertEquals([tables.hasTable, tables.number], [true, 15]);
  });
}

const [ENDS] = LINES.slice(1).map(([local, peer]) => ({ local, peer }));

Deno.test("TcpTables gives the line of a connection to all who want it", () => {
  const { views } = look(TABLES, [ENDS!, ENDS!]);
  assertEquals(views.map((each) => each?.unacked_bytes), [42, 42]);
});

Deno.test("TcpTables gives no line of which there are two", () => {
  const line = TABLES.split("\n")[3]!;
  const { tables, views } = look(`${line}\n${line}\n`, [ENDS!]);
  assertEquals([views, tables.hasTable, tables.number], [[null], false, undefined]);
});

Deno.test("TcpTables finds nothing for what is no pair of addresses", () => {
  const ends = [
    ["client:50010", "server:4000"],
    ["10.7.0.1", "10.7.0.2:4000"],
    ["10.7.0.257:50010", "10.7.0.2:4000"],
    ["10.7.0.1:50010", "[::1]:4000"],
    ["[fe80::1:2:3:4:5:6:7:8]:50010", "[::1]:4000"],
  ] as const;
  const { views } = look(TABLES, ends.map(([local, peer]) => ({ local, peer })));
  assertEquals(views, ends.map(() => undefined));
});
