/**
 * Causes by the kernel's views, case by case: what is not certain is `unknown`.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { figuresOf, KernelEvidence, tcpGivesUp_ms } from "../../lib/evidence/kernel.ts";
import type { Cause } from "../../lib/evidence/side.ts";
import type { KernelView } from "../../lib/platform/net/transport.ts";

const QUIET: KernelView = {
  unacked_bytes: 0,
  unread_bytes: 0,
  retransmissions: 0,
  timer: "none",
  timer_ms: 0,
  probes: 0,
  rto_ms: 204,
  retries: 15,
  read_ms: 0,
};

const inFlight = (unacked_bytes = 42): Partial<KernelView> => ({
  unacked_bytes,
  timer: "retransmit",
  timer_ms: 150,
});

/** What was sent so often in vain: the time-out doubles each time. */
function inVain(retransmissions: number, unacked_bytes = 42): Partial<KernelView> {
  return { ...inFlight(unacked_bytes), retransmissions, rto_ms: 204 * 2 ** retransmissions };
}

/** Bytes wait to be sent; the next probe is due in so many milliseconds. */
function waiting(timer_ms: number, probes = 0): Partial<KernelView> {
  return { unacked_bytes: 65_000, timer: "window_probe", timer_ms, probes };
}

/** A view at a time, or what else happens; frames come one by one. */
type Step = [at_ms: number, view: Partial<KernelView>] | "frame" | "missed" | "heard";

interface Case {
  what: string;
  steps: Step[];
  /** Since when everything is written; by default since the start, none if `NaN`. */
  written_ms?: number;
  mayBeLarge?: true;
  at_ms?: number;
  cause: Cause;
}

/** When the peer was last heard before the silence, which begins at 0. */
const HEARD_MS = -5_000;

const ACKNOWLEDGED: Step[] = [[100, {}], [9_600, {}], "missed"];

const CASES: Case[] = [
  // Nothing is left unacknowledged.
  {
    what: "all is acknowledged, and a heartbeat missed",
    steps: ACKNOWLEDGED,
    cause: "process_not_running",
  },
  {
    what: "all is acknowledged, and none missed",
    steps: [[100, {}]],
    at_ms: 5_000,
    cause: "unknown",
  },
  {
    what: "all was acknowledged just now: the answer may be under way",
    steps: [[9_000, inVain(5)], [9_900, {}], "missed"],
    at_ms: 10_000,
    cause: "unknown",
  },
  {
    what: "the path was cut until then: the peer may still wait to send again what was lost",
    steps: [[9_000, inVain(5)], [9_900, {}], "missed"],
    at_ms: 25_200,
    cause: "unknown",
  },
  {
    what: "the path was cut until then, and the peer would have sent again what was lost",
    steps: [[9_000, inVain(5)], [9_900, {}], "missed"],
    at_ms: 25_300,
    cause: "process_not_running",
  },
  {
    what: "nothing was sent that could be acknowledged",
    steps: ACKNOWLEDGED,
    written_ms: NaN,
    cause: "unknown",
  },
  {
    what: "the last was sent after the look began",
    steps: ACKNOWLEDGED,
    written_ms: 9_700,
    cause: "unknown",
  },
  {
    what: "the peer may have sent what takes large packets",
    steps: ACKNOWLEDGED,
    mayBeLarge: true,
    cause: "unknown",
  },
  {
    what: "the peer was heard since, and only then missed",
    steps: [[100, {}], "missed", "heard"],
    cause: "unknown",
  },
  {
    what: "the peer was heard since the last was sent, though it was missed then",
    steps: ["heard", [9_600, {}], "missed"],
    cause: "unknown",
  },
  {
    what: "what has arrived was not read here",
    steps: [[100, {}], [9_600, { unread_bytes: 12 }], "missed"],
    cause: "unknown",
  },
  // Something is on its way.
  { what: "what was sent was sent just now", steps: [[100, inFlight()]], cause: "unknown" },
  {
    what: "something was sent again once, as after a loss",
    steps: [[100, inVain(1)], "missed"],
    cause: "unknown",
  },
  { what: "something was sent again and again", steps: [[100, inVain(2)]], cause: "path_cut" },
  {
    what: "all was acknowledged, and then nothing",
    steps: [[100, {}], "missed", [9_600, inVain(5)], "missed"],
    cause: "path_cut",
  },
  {
    what: "something was sent in vain, and all acknowledged then",
    steps: [[100, inVain(5)], "missed", [19_600, {}], "missed"],
    at_ms: 50_000,
    cause: "process_not_running",
  },
  {
    what: "the back-off is high, but nothing was sent again",
    steps: [[100, { ...inFlight(), rto_ms: 6_400 }], "missed"],
    cause: "unknown",
  },
  {
    what: "something large is sent in vain, and nothing heard",
    steps: [[100, inVain(3, 20_000)], "missed", [9_600, inVain(5, 20_000)], "missed"],
    cause: "path_cut",
  },
  {
    what: "something large is sent in vain, and no heartbeat of the peer is due yet",
    steps: [[100, inVain(3, 20_000)]],
    cause: "unknown",
  },
  {
    what:
      "something large is sent in vain, and the peer was heard once: that needs no acknowledgement",
    steps: [[100, inVain(3, 20_000)], "frame", "missed", [9_600, inVain(5, 20_000)], "missed"],
    cause: "unknown",
  },
  {
    what: "something large is sent in vain, and the peer heard again and again",
    steps: [[100, inVain(3, 20_000)], "frame", "frame", "frame", [9_600, inVain(5, 20_000)]],
    cause: "large_packets",
  },
  {
    what: "something small is sent in vain, and the peer heard again and again",
    steps: [[100, inVain(3)], "frame", "frame", "frame", [9_600, inVain(5)]],
    cause: "path_cut",
  },
  // Something waits to be sent.
  {
    what: "the window is closed, no probe was due yet",
    steps: [[100, waiting(100)], "missed"],
    cause: "unknown",
  },
  {
    what: "the window is closed, and the peer's host says so again and again",
    steps: [[100, waiting(100)], [9_600, waiting(3_000)]],
    cause: "not_reading",
  },
  {
    what: "that was so, and the next probe is due soon",
    steps: [[100, waiting(3_000)], [9_600, waiting(100)]],
    cause: "not_reading",
  },
  {
    what: "that was so, and a probe is not answered yet",
    steps: [[100, waiting(3_000)], [9_600, waiting(3_000, 1)]],
    cause: "unknown",
  },
  {
    what: "that was so, and no probe is answered any more",
    steps: [[100, waiting(3_000)], [9_600, waiting(3_000, 4)]],
    at_ms: 10_000,
    cause: "unknown",
  },
  {
    what: "that was so, no probe is answered any more, and a heartbeat missed",
    steps: [[100, waiting(3_000)], [9_600, waiting(3_000, 4)], "missed"],
    cause: "path_cut",
  },
  {
    what: "this host cannot send: what the peer sends starts the pause anew",
    steps: [[100, waiting(190)], [9_600, waiting(200)], [19_600, waiting(20)], "missed"],
    cause: "unknown",
  },
];

for (const { at_ms = 30_000, cause, mayBeLarge = false, steps, what, written_ms = 50 } of CASES) {
  Deno.test(`KernelEvidence concludes ${cause} where ${what}`, () => {
    const evidence = new KernelEvidence(HEARD_MS);
    let frames = 7;
    for (const step of steps) {
      if (step === "frame") frames++;
      else if (step === "missed") evidence.missed();
      else if (step === "heard") evidence.heard(5_000);
      else evidence.add({ view: { ...QUIET, read_ms: step[0], ...step[1] }, written_ms, frames });
    }
    assertEquals(evidence.verdict({ now_ms: at_ms, frames, mayBeLarge })?.cause, cause);
  });
}

Deno.test("KernelEvidence has no verdict without a view", () => {
  const context = { now_ms: 0, frames: 0, mayBeLarge: false };
  assertEquals(new KernelEvidence(HEARD_MS).verdict(context), undefined);
});

/** What the verdict on such views says of TCP without heartbeats. */
function givesUp_ms(...views: Partial<KernelView>[]): number | null | undefined {
  return givesUpAfter_ms(new KernelEvidence(HEARD_MS), views);
}

function givesUpAfter_ms(evidence: KernelEvidence, views: Partial<KernelView>[]) {
  evidence.missed();
  for (const view of views) {
    evidence.add({ view: { ...QUIET, read_ms: 100, ...view }, written_ms: 50, frames: 0 });
  }
  return evidence.verdict({ now_ms: 20_000, frames: 0, mayBeLarge: false })!.tcp_gives_up_ms;
}

Deno.test("KernelEvidence says how long TCP alone would have gone on, as far as that is known", () => {
  assertEquals(givesUp_ms({}), null);
  assertEquals(givesUp_ms(waiting(3_000)), null);
  assertEquals(givesUp_ms(inVain(3), inVain(5)), 928_692);
  // Only a heartbeat was on its way, or perhaps more.
  assertEquals(givesUp_ms(inFlight(12), inVain(5)), null);
  assertEquals(givesUp_ms(inFlight(22), inVain(5)), undefined);
  assertEquals(
    givesUpAfter_ms(new KernelEvidence(HEARD_MS, true), [inVain(3, 24), inVain(5, 24)]),
    null,
  );
  assertEquals(givesUp_ms(inFlight()), undefined);
  assertEquals(givesUp_ms({ ...inVain(3), retries: undefined }), undefined);
});

Deno.test("tcpGivesUp_ms() is 15 min 25 s with Linux's defaults, whenever it is asked", () => {
  for (const retransmissions of [1, 2, 5, 9]) {
    const view = { ...QUIET, ...inVain(retransmissions), rto_ms: 200 * 2 ** retransmissions };
    assertEquals(tcpGivesUp_ms(view), 924_600);
  }
  assertEquals(tcpGivesUp_ms({ ...QUIET, ...inVain(13), rto_ms: 120_000 }), 924_600);
  assertEquals(tcpGivesUp_ms({ ...QUIET, ...inVain(1), rto_ms: 400, retries: 3 }), 3_000);
});

Deno.test("figuresOf() says what proves nothing yet", () => {
  const plain = { unacked_bytes: 42, unread_bytes: 0, timer: "retransmit" };
  const figures = [inFlight(), inVain(2)].map((each) => figuresOf({ ...QUIET, ...each }));
  assertEquals(figures, [
    { ...plain, retransmissions: 0, too_early: true },
    { ...plain, retransmissions: 2 },
  ] as never);
});
