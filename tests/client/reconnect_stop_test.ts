/**
 * Ctrl-C ends a client that comes back at once, in any state, and with the right exit status.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { QueueSource } from "../../lib/client/source.ts";
import {
  cameTo,
  mute,
  type Outcome,
  remembering,
  serving,
  stageDialling,
} from "../support/scripted_network.ts";

type Staged = ReturnType<typeof stageDialling>;

/** A client in some state, stopped by the test; how long the last words may take. */
interface State {
  outcomes: () => Outcome[];
  /** Brings the client into the state. */
  until?: (staged: Staged) => Promise<void>;
  /** Whether a session was open. */
  wasOpen: boolean;
  /** How long the end may take: no time at all but for the last words to a server. */
  within_ms: number;
}

const lose = async ({ clock, network }: Staged) => {
  await clock.advance(1_000);
  network.last.path.reset();
  await clock.advance(0);
};

const STATES: Record<string, State> = {
  "waiting to dial for the second time": {
    outcomes: () => ["refused"],
    wasOpen: false,
    within_ms: 0,
  },
  "dialling": { outcomes: () => ["unanswered"], wasOpen: false, within_ms: 0 },
  "dialling for the second time": {
    outcomes: () => ["refused", "unanswered"],
    until: ({ clock }) => clock.advance(700),
    wasOpen: false,
    within_ms: 0,
  },
  "waiting for WELCOME": { outcomes: () => [mute], wasOpen: false, within_ms: 500 },
  "in the data phase": { outcomes: () => [serving()], wasOpen: true, within_ms: 500 },
  "in the heartbeat phase": {
    outcomes: () => [serving()],
    until: async ({ clock, network }) => {
      await clock.advance(1_000);
      network.last.path.silence("to_client", "to_server");
      await clock.advance(30_000);
    },
    wasOpen: true,
    within_ms: 500,
  },
  "waiting after a lost connection": {
    outcomes: () => [serving()],
    until: lose,
    wasOpen: true,
    within_ms: 0,
  },
  "dialling after a lost connection": {
    outcomes: () => [serving(), "unanswered"],
    until: async (staged) => {
      await lose(staged);
      await staged.clock.advance(700);
    },
    wasOpen: true,
    within_ms: 0,
  },
  "waiting for WELCOME after a lost connection": {
    outcomes: () => [serving(), mute],
    until: async (staged) => {
      await lose(staged);
      await staged.clock.advance(700);
    },
    wasOpen: true,
    within_ms: 500,
  },
  "in a resumed session": {
    outcomes: () => [remembering()],
    until: async (staged) => {
      await lose(staged);
      await staged.clock.advance(700);
    },
    wasOpen: true,
    within_ms: 500,
  },
};

for (const [state, { outcomes, until, wasOpen, within_ms }] of Object.entries(STATES)) {
  for (const reason of ["shutdown", "done"] as const) {
    // Whoever was never served has not got what was asked for.
    const expected = reason === "done" && !wasOpen ? 3 : 0;
    Deno.test(`stop("${reason}") ends a client that is ${state}, at once, with ${expected}`, async () => {
      const staged = stageDialling(outcomes());
      const { client, clock, network, recorder, status } = staged;
      await clock.advance(0);
      await until?.(staged);
      const before = { now_ms: clock.now(), dials: network.dials_ms.length };
      const dialledAgain = recorder.all("reconnecting").length;
      client.stop(reason);
      assertEquals<unknown>(await cameTo(status, clock, within_ms), expected);
      const { at_ms, by, reason: told } = recorder.one("terminated");
      assertEquals({ at_ms, by, told }, { at_ms: before.now_ms, by: "self", told: reason });
      assertEquals(recorder.all("summary").length, wasOpen ? 1 : 0);
      assertEquals(recorder.events.at(-1)!.event, wasOpen ? "summary" : "terminated");
      await clock.advance(100_000);
      // A wait that is cut short is followed by no dial on the network.
      const last = network.dials_ms.slice(before.dials).filter((at_ms) => at_ms > before.now_ms);
      assertEquals([last, network.underWay, clock.pending], [[], 0, 0]);
      assertEquals(recorder.all("reconnecting").length, dialledAgain);
    });
  }
}

Deno.test("stop() while the last words on a lost connection are said: no word of another dial", async () => {
  const { client, clock, network, recorder, status } = stageDialling([serving()]);
  await clock.advance(1_000);
  // The server dies, with its buffers full: TERMINATE silent cannot be written.
  network.last.path.silence("to_client", "to_server");
  network.last.path.client.write = () => new Promise(() => {});
  await clock.advance(64_000 + 10);
  assertEquals([recorder.all("disconnected").length, recorder.all("reconnecting")], [1, []]);
  client.stop("shutdown");
  assertEquals<unknown>(await cameTo(status, clock, 100), 0);
  assertEquals(recorder.all("reconnecting"), []);
  assertEquals(recorder.one("terminated").reason, "shutdown");
});

Deno.test("stop() tells what is in doubt, and what was read and never sent", async () => {
  const source = new QueueSource();
  for (const line of ["a", "b", "c", "d"]) source.put(new TextEncoder().encode(line));
  const { client, clock, recorder, status } = stageDialling(
    [(line) => line.startsWith("HELLO") ? serving()(line) : undefined],
    { source, window: 3 },
  );
  await clock.advance(1_000);
  client.stop("shutdown");
  assertEquals<unknown>(await cameTo(status, clock, 500), 0);
  const { in_doubt, input_ended, lines_unsent } = recorder.one("summary");
  assertEquals([in_doubt, lines_unsent, input_ended], [[[1, 3]], 1, false]);
});
