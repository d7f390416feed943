/**
 * The fault table: true faults between two hosts and a router, and what each side alone, both together by
 * their accounts, and the report of both recordings say of them. Wrong is never allowed; `unknown` only
 * where a row has it beside the truth, because TCP hides it. So many runs as PULSEWIRE_EVIDENCE_RUNS says.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  DROP,
  forgetful,
  forward,
  FROM_CLIENT,
  FROM_SERVER,
  frozen,
  heal,
  healing,
  KILLED,
  lethal,
  linkDown,
  more,
  NAT_RULES,
  RESET,
  resuming,
  signal,
  stalling,
} from "../support/evidence_faults.ts";
import type { Row } from "../support/evidence_row.ts";
import { runTable, tableText } from "../support/evidence_table.ts";
import { Folder } from "../support/folder.ts";
import { whyNoRouter } from "../support/routed_network.ts";
import { testUnless } from "../support/skip.ts";

const RUNS = Number(Deno.env.get("PULSEWIRE_EVIDENCE_RUNS") ?? 1);

const PATH_CUT = {
  client: ["path_cut"],
  server: ["path_cut"],
  cause: ["path_cut"],
  at: null,
} as const;

const ROWS: readonly Row[] = [
  {
    fault: "the router drops what is for the server",
    course: lethal(forward(`${FROM_CLIENT} ${DROP}`)),
    ...PATH_CUT,
    began: ["to_server"],
  },
  {
    fault: "the router drops what is for the client",
    course: lethal(forward(`${FROM_SERVER} ${DROP}`)),
    client_words: "--data-interval 1",
    threshold_s: 2,
    ...PATH_CUT,
    began: ["to_client", "unknown"],
  },
  {
    fault: "the router drops everything",
    course: lethal(forward(DROP)),
    ...PATH_CUT,
    began: ["both"],
  },
  {
    fault: "the router resets what is for the server",
    course: lethal(forward(`${FROM_CLIENT} ${RESET}`)),
    client: ["reset"],
    server: ["path_cut"],
    began: ["to_server", "unknown"],
    cause: ["reset"],
    at: null,
  },
  {
    fault: "the router resets what is for the client",
    course: lethal(forward(`${FROM_SERVER} ${RESET}`)),
    client_words: "--data-interval 1",
    threshold_s: 2,
    client: ["path_cut"],
    server: ["reset"],
    began: ["to_client", "unknown"],
    cause: ["reset"],
    at: null,
  },
  {
    fault: "the client's link goes down",
    course: lethal(linkDown("client")),
    ...PATH_CUT,
    began: ["both"],
  },
  {
    fault: "the server's link goes down",
    course: lethal(linkDown("server")),
    ...PATH_CUT,
    began: ["both"],
  },
  {
    fault: "the server's process is stopped",
    course: lethal(signal("server", "SIGSTOP"), "client"),
    client: ["process_not_running"],
    server: ["local_stall"],
    began: ["unknown"],
    cause: ["process_not_running", "local_stall"],
    at: "server",
  },
  {
    fault: "the client's process is stopped",
    course: lethal(signal("client", "SIGSTOP"), "server"),
    client: ["local_stall"],
    server: ["process_not_running"],
    began: ["unknown"],
    cause: ["process_not_running", "local_stall"],
    at: "client",
  },
  {
    fault: "the server's process is killed",
    course: lethal(KILLED.server, "client"),
    client: ["closed", "reset"],
    server: ["none"],
    began: ["unknown"],
    cause: ["closed", "reset"],
    at: null,
  },
  {
    fault: "the client's process is killed",
    course: lethal(KILLED.client, "server"),
    client: ["none"],
    server: ["closed", "reset"],
    began: ["unknown"],
    cause: ["closed", "reset"],
    at: null,
  },
  {
    fault: "the client's host freezes, with its kernel",
    course: frozen,
    client: ["reset"],
    server: ["path_cut"],
    began: ["unknown"],
    cause: ["local_stall"],
    at: "client",
  },
  {
    // Its host takes a part of what is sent, and no more.
    fault: "the server's process does not read",
    course: lethal(signal("server", "SIGSTOP"), "client"),
    client_words: `--data-interval 0.02 --window 100 --message ${"x".repeat(120_000)}`,
    client: ["not_reading"],
    server: ["reset"],
    began: ["unknown"],
    cause: ["not_reading", "local_stall", "process_not_running"],
    at: "server",
  },
  {
    fault: "a NAT forgets the flow, and drops what it does not know",
    prepare: async ({ router }) => {
      for (const rule of NAT_RULES) await router.run(rule);
    },
    course: lethal(forgetful),
    threshold_s: 3,
    client_words: "--data-interval 2.2",
    ...PATH_CUT,
    began: ["both"],
  },
  {
    fault: "the router drops large packets for the server",
    course: lethal(forward(`${FROM_CLIENT} -m length --length 1000:65535 ${DROP}`)),
    tries: 3,
    client_words: `--data-interval 0.5 --message ${"x".repeat(20_000)}`,
    client: ["large_packets"],
    server: ["unknown"],
    began: ["to_server"],
    cause: ["large_packets"],
    at: null,
  },
  {
    fault: "a short stall of the server's process",
    isNone: true,
    course: stalling("server", 700),
    client: ["none"],
    server: ["none"],
    began: [],
    cause: [],
    at: null,
  },
  {
    fault: "the router drops what is for the server, for a time",
    heals: true,
    course: healing(forward(`${FROM_CLIENT} ${DROP}`), heal),
    ...PATH_CUT,
    began: ["to_server"],
  },
  {
    fault: "the router drops what is for the client, for a time",
    heals: true,
    course: healing(forward(`${FROM_SERVER} ${DROP}`), heal),
    client_words: "--data-interval 1",
    threshold_s: 2,
    ...PATH_CUT,
    began: ["to_client", "unknown"],
  },
  {
    fault: "the router drops everything, for a time",
    heals: true,
    course: healing(forward(DROP), heal),
    ...PATH_CUT,
    began: ["both"],
  },
  {
    fault: "the server's process is stopped, for a time",
    heals: true,
    course: healing(signal("server", "SIGSTOP"), signal("server", "SIGCONT"), "client"),
    client: ["process_not_running"],
    server: ["none"],
    began: ["unknown"],
    cause: ["process_not_running", "local_stall"],
    at: "server",
  },
  {
    fault: "the client's process is stopped, for a time",
    heals: true,
    course: healing(signal("client", "SIGSTOP"), signal("client", "SIGCONT"), "server"),
    client: ["none"],
    server: ["process_not_running"],
    began: ["unknown"],
    cause: ["process_not_running", "local_stall"],
    at: "client",
  },
  {
    fault:
      "the router drops what is for the server until both gave up, then the session is resumed",
    heals: true,
    tries: 1,
    client_words: "--data-interval 0.5 --reconnect",
    server_words: "--no-original",
    course: resuming(forward(`${FROM_CLIENT} ${DROP}`)),
    ...PATH_CUT,
    began: ["to_server"],
  },
  {
    fault:
      "the router drops what is for the client until both gave up, then the session is resumed",
    heals: true,
    tries: 1,
    client_words: "--data-interval 1 --reconnect",
    threshold_s: 2,
    server_words: "--no-original",
    course: resuming(forward(`${FROM_SERVER} ${DROP}`)),
    ...PATH_CUT,
    began: ["to_client", "unknown"],
  },
];

testUnless(whyNoRouter(), "of no fault anything wrong is said", async (t) => {
  using folder = new Folder();
  const results = await runTable(ROWS, RUNS, folder.path);
  console.log(tableText(ROWS, results));
  for (const [at, { fault }] of ROWS.entries()) {
    await t.step(fault, () => {
      const wrong = results[at]!.map((each) => {
        if (each.status === "rejected") throw each.reason;
        return each.value.wrong;
      });
      assertEquals(wrong, wrong.map(() => []));
    });
  }
});
