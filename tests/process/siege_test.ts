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
import { Certificates, NO_CERTIFICATES } from "../support/certificates.ts";
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

/** Of all kinds at once, one in so many. */
const PART = IS_FULL ? 10 : 20;
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
    what: "do all of that, fewer of each",
    strangers: all.map(({ strangers }) => ({ ...strangers, count: strangers.count / PART })),
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

/** Besieges a server, and prints what came of it. */
async function besiege(
  t: Deno.TestContext,
  siege: Siege,
  attacks: readonly Attack[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const attack of attacks) {
    await t.step(`they ${attack.what}`, async () => {
      const outcome = await siege.attack(attack);
      outcomes.push(outcome);
      assertBounded(outcome);
    });
  }
  console.log(tableOf(outcomes));
  if (outcomes.length > 0) await siege.end();
  return outcomes;
}

testUnless(why, "strangers disturb no honest session, and keep no honest client out", async (t) => {
  using folder = new Folder();
  const key = writeKey(folder);
  await using siege = await Siege.start({ sessions: SESSIONS, server: [key], client: [key] });
  const outcomes = await besiege(t, siege, attacks(await siege.recordOpening()));
  const [first, last] = [outcomes.at(0), outcomes.at(-1)];
  if (!first || !last) return;
  assertLess(last.most, MAX_GROWTH * first.most, "something is left of each attack");
});

testUnless(why ?? NO_CERTIFICATES, "strangers disturb no honest session over TLS", async (t) => {
  using certificates = new Certificates();
  const { certFile, keyFile } = certificates.make();
  await using siege = await Siege.start({
    sessions: SESSIONS,
    server: [`--tls-cert=${certFile}`, `--tls-key=${keyFile}`],
    client: ["--tls", `--tls-ca=${certificates.authority.certFile}`],
  });
  const strangers: Strangers[] = [
    { manner: "tls", count: IS_FULL ? 1_000 : 100 },
    { manner: "noise", count: IS_FULL ? 100 : 10 },
  ];
  const names = ["half-finish TLS handshakes", "send random bytes to a TLS port"];
  const alone = strangers.map((each, at) => ({ what: names[at]!, strangers: [each] }));
  const together = { what: "do both to a TLS port", strangers };
  const [duration_ms, settling_ms] = IS_FULL ? [FULL_S * 1_000, SETTLING_MS] : [2_000, 0];
  const all = (IS_FULL ? alone : [together]).map((each) => ({ ...each, duration_ms, settling_ms }));
  await besiege(t, siege, all);
});
