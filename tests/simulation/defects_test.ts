/**
 * That the simulation finds the defects that it is there for, most of them within the seeds of the other test.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { type Outcome, runWords } from "../support/run.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/** What the simulation needs. */
const FOLDERS = ["lib", "tests/support", "tests/simulation"];

/** A defect: in a file of `lib/`, one text in place of another. */
interface Defect {
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
  /** The first of the 200 seeds that are to find it; 1 if not given. */
  readonly seed?: number;
}

const DEFECTS: Readonly<Record<string, Defect>> = {
  "the server takes a repeated data message for a new one": {
    file: "server/server_session.ts",
    right: "if (seq <= record.receivedUpTo) return;",
    wrong: "",
  },
  "the client does not send again what was lost": {
    file: "client/outbox.ts",
    right: "this.#sentHere = 0;\n    return",
    wrong: "this.#sentHere = this.#unconfirmed.length;\n    return",
  },
  "a session is resumed without its token": {
    file: "server/session_record.ts",
    right: "if (isOpenToAll ||",
    wrong: "if (true ||",
    seed: 7,
  },
  "a session is resumed with another key": {
    file: "server/session_record.ts",
    right: "if (this.who !== undefined && this.who !== who) {",
    wrong: "if (this.who === null) {",
    seed: 9,
  },
  "a proof is right a second time": {
    file: "wire/proof.ts",
    right: "const serverNonce = randomSecret(this.#random);",
    wrong: 'const serverNonce = "n".repeat(43);',
    seed: 9,
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
    right: "const since_ms = this.now();\n    this.deadline.pause();",
    wrong: "const since_ms = this.now();",
  },
  "a client that is not read gets no signs of life": {
    file: "server/assurance.ts",
    right: "this.start();\n    const long",
    wrong: "const long",
    seed: 19,
  },
  "what a stalled output has not taken is confirmed": {
    file: "store/delivery.ts",
    right: "await output.append(",
    wrong: "void output.append(",
    seed: 3,
  },
  "the bytes of a large message are no sign of life": {
    file: "session/session.ts",
    right: "frames === 0 && this.#isOpen && this.#decoder.isMidData",
    wrong: "frames < 0",
    seed: 232,
  },
  "nobody is held when more waits for delivery than may": {
    file: "store/delivery.ts",
    right: "if (!this.#isHolding) return Infinity;",
    wrong: "return Infinity;",
  },
  "a new output begins at the end, and not where the furthest one ended": {
    file: "store/stored_output.ts",
    right: "{ position, start }: OutputRecord",
    wrong: "{ position, last: start }: OutputRecord",
    seed: 124,
  },
  "the position of an output is not recorded when traffic pauses": {
    file: "store/stored_output.ts",
    right: "this.#pause.set(this.#clock.now() + RECORD_INTERVAL_MS);",
    wrong: "",
    seed: 11,
  },
  "the position of an output is recorded before it is on the disk": {
    file: "store/stored_output.ts",
    right: "await this.#file.sync();",
    wrong: "",
    seed: 11,
  },
  "an output gets again what it has": {
    file: "store/stored_output.ts",
    right: "lines.bytes.subarray(there.length)",
    wrong: "lines.bytes",
  },
  "an output that was moved away is written on": {
    file: "store/output_file.ts",
    right: "await this.#checkInPlace(bytes.length);",
    wrong: "",
  },
  "an account names one direction for the other": {
    file: "evidence/directions.ts",
    right: '? { began: "to_server",',
    wrong: '? { began: "to_client",',
    seed: 40,
  },
  "what the peer noticed is placed too early": {
    file: "evidence/account.ts",
    right: "at: placed.at(peer.noticed.age_ms)",
    wrong: "at: placed.at(peer.noticed.age_ms + 500)",
  },
  "what is in doubt is counted after the resume": {
    file: "session/accounts.ts",
    right: "if (log.in_doubt !== undefined) {",
    wrong: "if (log.in_doubt !== undefined) {\n" +
      "      log.in_doubt = link.state.ledger.dataSent - link.state.ledger.confirmedUpTo;",
  },
  "an account that came late is taken for one of the outage that lasts": {
    file: "evidence/verdict.ts",
    right: "const isOne = both !== undefined && areOne(both) && !isEarlier;",
    wrong: "const isOne = both !== undefined;",
  },
};

Deno.test("the simulation finds", async (t) => {
  // One copy for all: what Deno has compiled of it once need not be compiled again.
  using folder = new Folder();
  for (const each of FOLDERS) await copyFolder(`${ROOT}${each}`, `${folder.path}/${each}`);
  for (const [what, defect] of Object.entries(DEFECTS)) {
    await t.step(`that ${what}`, async () => {
      const { code, stderr } = await simulateMutant(folder.path, defect);
      assertEquals(code, 1, stderr);
      assertMatch(stderr, /^seed \d+ fails: .+\nto see it event by event: .* --seed \d+\n$/);
    });
  }
});

/** Runs the simulation on a copy of all, with a defect as long as it runs: how that ended. */
async function simulateMutant(
  folder: string,
  { file, right, seed = 1, wrong }: Defect,
): Promise<Outcome> {
  const path = `${folder}/lib/${file}`;
  const source = await Deno.readTextFile(path);
  const parts = source.split(right);
  if (parts.length !== 2) {
    throw new Error(`expected ${JSON.stringify(right)} once in ${file}, got ${parts.length - 1}`);
  }
  await Deno.writeTextFile(path, parts.join(wrong));
  try {
    const command = [Deno.execPath(), "run", "--quiet", "--no-config", "--no-prompt"];
    const args = ["--seed", `${seed}`, "--runs", "200"];
    return await runWords([...command, `${folder}/tests/simulation/simulate.ts`, ...args]);
  } finally {
    await Deno.writeTextFile(path, source);
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { isDirectory, name } of Deno.readDir(from)) {
    const copy = isDirectory ? copyFolder : Deno.copyFile;
    await copy(`${from}/${name}`, `${to}/${name}`);
  }
}
