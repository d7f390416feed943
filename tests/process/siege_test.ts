/**
 * Strangers from 127.0.0.2 and up beside honest sessions with a key: whatever they do, no honest session falls
 * silent, loses a message or is declared dead, a new one gets in, memory stays bounded, and the log is not flooded.
 * With PULSEWIRE_SIEGE_S each kind of strangers comes alone, in full number, for so many seconds.
 *
 * @module
 */
import { assertLess } from "@std/assert";
import { randomSecret, systemRandom } from "../../lib/platform/secrets.ts";
import { OPEN_LIMIT_MS } from "../../lib/session/timers.ts";
import { Folder } from "../support/folder.ts";
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

/** Strangers of each kind. */
function kinds(
  opening: string,
): readonly { readonly what: string; readonly strangers: Strangers }[] {
  return [
    { what: "connect and say nothing", strangers: { manner: "silent", count: 15_000 } },
    { what: "send a byte a second", strangers: { manner: "drip", count: 1_000 } },
    { what: "send random bytes at full speed", strangers: { manner: "noise", count: 500 } },
    { what: "have no key", strangers: { manner: "open", count: 500, text: KEY } },
    { what: "announce 1 GiB and stall", strangers: { manner: "announce", count: 500 } },
    { what: "replay an opening", strangers: { manner: "replay", count: 500, text: opening } },
    { what: "open and close", strangers: { manner: "churn", count: 2_000 } },
  ];
}

/** The full siege begins and ends with the same attack, to see whether anything is left of the others. */
function attacks(opening: string): readonly Attack[] {
  const all = kinds(opening);
  const together: Attack = {
    what: "all of that, a tenth of each",
    strangers: all.map(({ strangers }) => ({ ...strangers, count: strangers.count / 10 })),
    duration_ms: (IS_FULL ? FULL_S : 5) * 1_000,
    settling_ms: IS_FULL ? SETTLING_MS : 0,
  };
  if (!IS_FULL) return [together];
  const alone = all.map(({ strangers, what }) => ({ ...together, what, strangers: [strangers] }));
  return [together, ...alone, together];
}

/** The name of the key of all honest clients. */
const KEY = "honest";

/** Writes a new key; gives the option that names its file. */
function writeKey(folder: Folder): string {
  const path = `${folder.path}/key`;
  Deno.writeTextFileSync(path, `${KEY} ${randomSecret(systemRandom)}\n`, { mode: 0o600 });
  return `--key-file=${path}`;
}

testUnless(why, "strangers disturb no honest session, and keep no honest client out", async (t) => {
  const outcomes: Outcome[] = [];
  using folder = new Folder();
  const key = writeKey(folder);
  await using siege = await Siege.start({ sessions: SESSIONS, server: [key], client: [key] });
  for (const attack of attacks(await siege.recordOpening())) {
    await t.step(`they ${attack.what}`, async () => {
      const outcome = await siege.attack(attack);
      outcomes.push(outcome);
      assertBounded(outcome);
    });
  }
  console.log(tableOf(outcomes));
  const [first, last] = [outcomes.at(0), outcomes.at(-1)];
  if (!first || !last) return;
  await siege.end();
  assertLess(last.most, MAX_GROWTH * first.most, "something is left of each attack");
});
