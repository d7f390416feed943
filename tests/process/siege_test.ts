/**
 * Strangers from 127.0.0.2 and up beside honest sessions: whatever they do, no honest session falls silent,
 * loses a message or is declared dead, a new one gets in, memory stays bounded, and the log is not flooded.
 * With PULSEWIRE_SIEGE_S each kind of strangers comes alone, in full number, for so many seconds.
 *
 * @module
 */
import { assertLess } from "@std/assert";
import { OPEN_LIMIT_MS } from "../../lib/session/timers.ts";
import { noProcessMemory } from "../support/process_memory.ts";
import {
  assertBounded,
  type Attack,
  type Outcome,
  Siege,
  type Strangers,
  tableOf,
} from "../support/siege.ts";
import { testUnless, whyNot } from "../support/skip.ts";

/** How long, in seconds, each kind of strangers stays. */
const FULL_S = Number(Deno.env.get("PULSEWIRE_SIEGE_S") ?? 0);

const IS_FULL = FULL_S > 0;
/** Until the connections of the strangers are gone, in milliseconds. */
const SETTLING_MS = OPEN_LIMIT_MS + 1_000;
/** V8 keeps memory that is free for a while, after an attack that needs more than the others. */
const MAX_GROWTH = 1.5;

const SESSIONS = IS_FULL ? 500 : 50;

const why = noProcessMemory ?? whyNot("python3", "--version");

/** Strangers of each kind; `opens` of those who open sessions, which may be logged. */
const ATTACKS: readonly (Pick<Attack, "opens" | "what"> & { strangers: Strangers })[] = [
  { what: "connect and say nothing", strangers: { manner: "silent", count: 15_000 } },
  { what: "send a byte a second", strangers: { manner: "drip", count: 1_000 } },
  { what: "send random bytes at full speed", strangers: { manner: "noise", count: 500 } },
  { what: "announce 1 GiB and stall", strangers: { manner: "announce", count: 500 }, opens: true },
  { what: "open and close", strangers: { manner: "churn", count: 2_000 } },
];

/** All kinds at once, a tenth of each. */
const together: Attack = {
  what: "all of that, a tenth of each",
  strangers: ATTACKS.map(({ strangers }) => ({ ...strangers, count: strangers.count / 10 })),
  duration_ms: (IS_FULL ? FULL_S : 5) * 1_000,
  settling_ms: IS_FULL ? SETTLING_MS : 0,
  opens: true,
};

/** The full siege begins and ends with the same attack, to see whether anything is left of the others. */
const attacks: readonly Attack[] = IS_FULL
  ? [
    together,
    ...ATTACKS.map(({ opens = false, strangers, what }) => ({
      ...together,
      what,
      strangers: [strangers],
      opens,
    })),
    together,
  ]
  : [together];

testUnless(why, "strangers disturb no honest session, and keep no honest client out", async (t) => {
  const outcomes: Outcome[] = [];
  await using siege = await Siege.start({ sessions: SESSIONS });
  for (const attack of attacks) {
    await t.step(`they ${attack.what}`, async () => {
      const outcome = await siege.attack(attack);
      outcomes.push(outcome);
      assertBounded(outcome, attack.opens);
    });
  }
  console.log(tableOf(outcomes));
  await siege.end();
  assertLess(
    outcomes.at(-1)!.most,
    MAX_GROWTH * outcomes[0]!.most,
    "something is left of each siege",
  );
});
