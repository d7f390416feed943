/**
 * That the simulation finds, within the seeds of the other test, the defects that it is there for.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { type Defect, simulateMutant } from "./mutant.ts";

const DEFECTS: Readonly<Record<string, Defect>> = {
  "the server takes a repeated data message for a new one": {
    file: "server/server_session.ts",
    right: "if (seq > record.receivedUpTo) this.#receive(",
    wrong: "this.#receive(",
  },
  "the client does not send again what was lost": {
    file: "client/outbox.ts",
    right: "this.#sentHere = 0;\n    return",
    wrong: "this.#sentHere = this.#unconfirmed.length;\n    return",
  },
  "a deadline passes a millisecond late": {
    file: "platform/deadline.ts",
    right: "this.#timer.set(due_ms);",
    wrong: "this.#timer.set(due_ms + 1);",
  },
  "a session that comes back is served by whichever worker accepts it": {
    file: "server/workers/routing.ts",
    right: "return route.worker;",
    wrong: "return byDefault;",
  },
  "a client is judged while the server does not read it": {
    file: "server/server_session.ts",
    right: "this.suspendJudgement(true);",
    wrong: "",
  },
  "the bytes of a large message are no sign of life": {
    file: "session/session.ts",
    right: "frames === 0 && this.#isOpen && this.#decoder.isMidData",
    wrong: "frames < 0",
  },
};

for (const [what, defect] of Object.entries(DEFECTS)) {
  Deno.test(`the simulation finds that ${what}`, async () => {
    const { code, stderr } = await simulateMutant(defect, ["--runs", "200"]);
    assertEquals(code, 1, stderr);
    assertMatch(stderr, /^seed \d+ fails: .+\nto see it event by event: .* --seed \d+\n$/);
  });
}
