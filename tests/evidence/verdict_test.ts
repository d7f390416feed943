/**
 * What people read of a judged outage, whole: what is certain, what is only likely, and what is not known.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Flow } from "../../lib/evidence/directions.ts";
import type { Judgement } from "../../lib/evidence/outages.ts";
import { accountOf, readAccount } from "../../lib/evidence/account.ts";
import { OutageLog } from "../../lib/evidence/outage_log.ts";
import { conclusionOf, timeText, verdictOf } from "../../lib/evidence/verdict.ts";

const WHERE = "where on the path, and by what";

function flowOf(frame: string, n: number, at_ms: number, more: Partial<Flow> = {}): Flow {
  const vain = { frame, n, connection: 1, at: [at_ms, at_ms] as const };
  return { vain, fault: "path", broken_until_ms: at_ms + 5_000, usual_ms: 1, ...more };
}

const QUESTION = { frame: "DATA", n: 6, connection: 1, at: [998, 998] as const };

const CUT: Judgement = {
  began: "unknown",
  isLikely: false,
  cause: "path_cut",
  first_noticed_by: "server",
  by_ms: [1_000, 1_002],
  to_server: flowOf("DATA", 7, 2_000),
  to_client: flowOf("CONFIRM", 6, 1_000, { question: QUESTION }),
};

const FIRST = "; the server noticed it first, by 1.001 s (± 1.0 ms)";

const VERDICTS: readonly [fields: Partial<Judgement>, verdict: string, not_proven: string][] = [
  [
    {},
    `the path was cut: what was sent did not arrive${FIRST}`,
    `in which direction it began; ${WHERE}`,
  ],
  [
    { began: "to_server" },
    "the path was cut towards the server: what the client sent did not arrive, while what the server " +
    `sent still came through${FIRST}`,
    `whether the way to the client was cut later, too; ${WHERE}`,
  ],
  [
    { began: "to_client" },
    "the path was cut towards the client: what the server sent did not arrive, while what the client " +
    `sent still came through${FIRST}`,
    `whether the way to the server was cut later, too; ${WHERE}`,
  ],
  [
    { began: "to_client", isLikely: true },
    "the path was cut towards the client: the server's CONFIRM 6 did not arrive, though DATA 6 had" +
    FIRST,
    `that the way to the server was whole then, which is only likely, some 100 to 1; ${WHERE}`,
  ],
  [
    { began: "both" },
    `the path was cut in both directions: nothing came through any more${FIRST}`,
    `that both directions were cut at the same moment; ${WHERE}`,
  ],
  [
    { began: "both", isLikely: true },
    `the path was cut in both directions: nothing came through any more${FIRST}`,
    `that the way to the server was cut, too, which is only likely, some 100 to 1; ${WHERE}`,
  ],
  [
    { cause: "unknown", began: "to_client", isLikely: true, first_noticed_by: null, by_ms: null },
    "the server's CONFIRM 6 did not arrive, though DATA 6 had; what was seen does not show why",
    "whether the path was cut, or a process or a host did not run",
  ],
  [
    { cause: "process_not_running", at: "server", first_noticed_by: "client", by_ms: null },
    "the server's process did not run: its host, or a proxy in front of it, acknowledged all that was " +
    "sent; only the client noticed it",
    "why it did not run; that it was the host and not a proxy that acknowledged",
  ],
  [
    { cause: "local_stall", at: "client", first_noticed_by: "too_close", by_ms: [-3.2, 2.1] },
    "the client's process did not run for a time, as it says itself: the path is not to blame; which " +
    "side noticed it first is too close to tell (± 3.2 ms)",
    "why it did not run",
  ],
];

for (const [fields, verdict, not_proven] of VERDICTS) {
  const likely = fields.isLikely ? ", likely" : "";
  const what = `${fields.cause ?? "path_cut"} ${fields.began ?? "unknown"}${likely}`;
  Deno.test(`verdictOf() says what is proven and what is not: ${what}`, () => {
    assertEquals(verdictOf({ ...CUT, ...fields }), { verdict, not_proven });
  });
}

Deno.test("verdictOf() says that the other side's recording ends", () => {
  const closed = { ...CUT, cause: "closed", first_noticed_by: "client", by_ms: null } as const;
  assertEquals(
    verdictOf(closed, 903).verdict,
    "the connection was closed (FIN) without a TERMINATE; only the client noticed it: the server's " +
      "recording ends 903 ms before that",
  );
});

Deno.test("timeText() takes the unit in which a time can be read", () => {
  const times = [0.04, 9.96, 12.4, 999.4, 999.6, 119_999, 119_999.7, 3_725_000];
  assertEquals(times.map(timeText), [
    ...["0.0 ms", "10.0 ms", "12 ms", "999 ms", "1.000 s", "119.999 s", "2 min", "1 h 2 min 5 s"],
  ]);
});

Deno.test("what the peer had noticed before the last outage was over here is no part of the next one", () => {
  const logOf = (noticed_ms: number, after_ms?: number) => {
    const log = new OutageLog({
      sent: [{ frame: "DATA", n: 1, at_ms: 1_000 }],
      received: [{ frame: "CONFIRM", n: 1, at_ms: 1_000 }],
    }, after_ms);
    log.noticed = { how: "other", at_ms: noticed_ms };
    log.closed_ms = 60_000;
    log.over_ms = 61_000;
    return log;
  };
  const theirs = new OutageLog({
    sent: [{ frame: "CONFIRM", n: 1, at_ms: 1_000 }],
    received: [{ frame: "DATA", n: 1, at_ms: 1_000 }],
  });
  Object.assign(theirs, logOf(15_000), { sent: theirs.sent, received: theirs.received });
  const account = readAccount(accountOf(theirs, 61_000, { n: 1 }));
  const concluded = (after_ms: number) => {
    const received_ms = 61_000;
    const log = logOf(60_000, after_ms);
    const { first_noticed_by, peer } = conclusionOf("client", log, 61_000, {
      account,
      received_ms,
    });
    return [first_noticed_by, peer];
  };
  assertEquals(concluded(14_000), ["server", "agrees"]);
  assertEquals(concluded(30_000), [null, "unknown"]);
});
