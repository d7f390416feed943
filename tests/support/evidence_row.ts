/**
 * One row of the fault table: a session of real processes over a router meets one fault, both sides record it,
 * and what they and the report say of it is set against the truth.
 *
 * @module
 */
import type { Judgement } from "../../lib/evidence/outages.ts";
import type { Cause } from "../../lib/evidence/side.ts";
import type { OutageDocument } from "../../lib/report/document.ts";
import { makeReport } from "../../lib/report/report.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { accountFaults, clockFaults, firstFaults, Recorded, type Span } from "./evidence_checks.ts";
import { timeFaults, UNTOLD, untoldOr } from "./evidence_checks.ts";
import { setClock } from "./evidence_faults.ts";
import { PORT } from "./namespace.ts";
import type { Command } from "./process.ts";
import { whyNot } from "./skip.ts";
import { RoutedNetwork } from "./routed_network.ts";

/** A direction as reports and accounts give it. */
export type Began = Judgement["began"];

/** Whose wall clock is stepped, and by how much it goes ahead. */
export type Stepped = { readonly role: Role; readonly by_ms: number };

/** What may be said of a fault: the truth first; `unknown` only where TCP hides it. */
export interface Truth {
  /** What each side alone may say; `none` if it cannot, or need not, say anything. */
  readonly client: readonly (Cause | "none")[];
  readonly server: readonly (Cause | "none")[];
  /** The direction in which it began. */
  readonly began: readonly Began[];
  /** What both sides together may say. */
  readonly cause: readonly Cause[];
  /** At which side the cause lies, if at one. */
  readonly at: Role | null;
  /** Set if it is no outage. */
  readonly isNone?: true;
}

/** A fault, and what may be said of it. */
export interface Row extends Truth {
  /** The true fault. */
  readonly fault: string;
  /** Whether the session outlives it, so that both sides give an account. */
  readonly heals?: true;
  /** From when on no data is silence; 1.5 s if not given. */
  readonly threshold_s?: number;
  /** How many heartbeats more than one may be missed; many if it heals, otherwise one. */
  readonly tries?: number;
  /** What is done to the network before the session. */
  readonly prepare?: (network: RoutedNetwork) => Promise<void>;
  readonly client_words?: string;
  readonly server_words?: string;
  /** Whose wall clock is stepped with the fault. */
  readonly stepped?: Stepped;
  /** From the fault to the end of what is to be seen of it. */
  readonly course: (scene: EvidenceScene) => Promise<void>;
}

/** A session under way, to be met by a fault. */
export interface EvidenceScene {
  readonly network: RoutedNetwork;
  readonly client: Command;
  readonly server: Command;
  readonly folder: string;
  /** Does something, and notes between which moments; the first time it is the fault. */
  at(deed: () => void | Promise<void>): Promise<void>;
}

/** What was said of one fault, in its words. */
export interface Said {
  readonly client: string;
  readonly server: string;
  readonly accounts: string;
  readonly began: string;
  readonly cause: string;
  readonly first: string;
  readonly detected: string;
  /** What of it is wrong, as sentences. */
  readonly wrong: readonly string[];
  /** What is not told that can be, if the machine is not too busy. */
  readonly untold: readonly string[];
}

/** Death is predicted 2 × 1 s after silence; who is to be patient has more tries. */
const TIMERS = "--heartbeat-interval 0.5 --heartbeat-threshold 1";

/** Has a fault of its own happen to a session of its own. */
export async function runRow(row: Row, folder: string): Promise<Said> {
  Deno.mkdirSync(folder);
  await using made = new AsyncDisposableStack();
  const network = made.use(await RoutedNetwork.make());
  const { client_words = "--data-interval 0.5", server_words = "--once" } = row;
  await row.prepare?.(network);
  const tries = `--heartbeat-additional-tries ${row.tries ?? (row.heals ? 20 : 1)}`;
  const timers = `${TIMERS} --data-threshold ${row.threshold_s ?? 1.5} ${tries}`;
  const words = (role: Role, own: string) =>
    `${network.server.address} ${PORT} ${timers} ${own} --record ${folder}/${role}.rec`;
  const start = (role: Role, own: string) =>
    made.use(network[role].start(role, words(role, own), {
      variables: row.stepped?.role === role ? fakeClock(folder) : [],
    }));
  const server = start("server", server_words);
  await server.event("listening");
  const client = start("client", client_words);
  await client.event("data_confirmed", ({ seq }) => seq === 3);
  const deeds: Span[] = [];
  await row.course({
    network,
    client,
    server,
    folder,
    async at(deed) {
      const before_ms = Date.now();
      await deed();
      deeds.push([before_ms, Date.now()]);
    },
  });
  await ended(client);
  await ended(server);
  const [injected, healed] = deeds;
  return judged(row, { client, server, folder, injected: injected!, healed });
}

/** Where Debian has the library that gives a process a wall clock of its own. */
const FAKETIME = `/usr/lib/${Deno.build.arch}-linux-gnu/faketime/libfaketime.so.1`;

/** Why a process cannot have a wall clock of its own; `undefined` if it can. */
export const whyNoFakeClock: string | undefined = whyNot("test", "-e", FAKETIME) &&
  "faketime is not installed (on Debian: apt-get install faketime)";

/** Variables for a process with a wall clock that a file in a folder sets. */
function fakeClock(folder: string): string[] {
  setClock(folder, 0);
  return [
    `LD_PRELOAD=${FAKETIME}`,
    `FAKETIME_TIMESTAMP_FILE=${folder}/clock`,
    "FAKETIME_NO_CACHE=1",
    "FAKETIME_DONT_FAKE_MONOTONIC=1",
  ];
}

/** Ends a command that has not ended by itself; whatever had stopped it. */
async function ended(command: Command): Promise<void> {
  try {
    command.kill("SIGCONT");
    command.kill("SIGTERM");
  } catch (error) {
    // It has ended.
    if (!(error instanceof TypeError)) throw error;
  }
  await command.ended();
}

/** Ends, and what there is to judge by. */
interface Ended {
  readonly client: Command;
  readonly server: Command;
  readonly folder: string;
  readonly injected: Span;
  readonly healed?: Span;
}

/** What a side said by itself: at the end of the connection, or else of the kernel's last view of it. */
function causeAlone({ events }: Command): Cause | "none" {
  for (const each of events) {
    if (each.event !== "terminated" && each.event !== "disconnected") continue;
    if (each.cause !== undefined) return each.cause;
  }
  const views = events.filter((each) => each.event === "kernel");
  const view = views.findLast((each) => "at" in each && each.at !== "recovery");
  return view && "cause" in view ? view.cause ?? "none" : "none";
}

const ROLES = ["client", "server"] as const;

function judged(row: Row, { client, folder, healed, injected, server }: Ended): Said {
  const commands = { client, server };
  const paths = { client: `${folder}/client.rec`, server: `${folder}/server.rec` };
  const recorded = {
    client: new Recorded(paths.client, "client", injected, row.stepped),
    server: new Recorded(paths.server, "server", injected, row.stepped),
  };
  const alone = { client: causeAlone(client), server: causeAlone(server) };
  const { document } = makeReport([paths.client, paths.server]);
  const { outages: [outage], sessions } = document;
  const accounts = ROLES.flatMap((role) =>
    commands[role].events.filter((each) => each.event === "account").map((each) => ({ role, each }))
  );
  const faults = [
    ...ROLES.flatMap((role) => aloneFaults(role, alone[role], paths[role], row)),
    ...accounts.flatMap(({ each, role }) => [
      ...accountFaults(role, each, row),
      ...firstFaults(each, recorded, injected).map((fault) => `the ${role}'s account: ${fault}`),
    ]),
    ...countFaults(accounts.map(({ each, role }) => `${role} ${each.peer}`), row),
    ...clockFaults(document, row),
    ...document.outages.length === (row.isNone ? 0 : 1)
      ? []
      : [`the report has ${document.outages.length} outages`],
    ...sessions.flatMap(({ ledger }) => ledger.contradictions.map(String)),
    ...outage ? bothFaults(outage, row) : [],
    ...outage ? timeFaults(outage, recorded, injected, healed) : [],
    ...outage ? firstFaults(outage, recorded, injected) : [],
  ];
  const told = accounts.map(({ each: { began, cause }, role }) => `${role}: ${cause}, ${began}`);
  const [untold, wrong] = [true, false].map((is) =>
    faults.filter((each) => each.startsWith(UNTOLD) === is)
  );
  const words = { ...alone, accounts: told.join("; "), ...wordsOf(outage) };
  return { ...words, wrong: wrong!, untold: untold! };
}

/** What is wrong with how often each side told what; `agrees` is what both together say. */
function countFaults(told: readonly string[], row: Row): string[] {
  if (!row.heals) return told.length === 0 ? [] : [`there are accounts: ${told}`];
  // Whose account comes late has the other side conclude alone first.
  const both = told.filter((each) => !each.endsWith("unknown"));
  const early = told.filter((each) => each.endsWith("unknown"));
  const isRight = both.join() === "client agrees,server agrees" && early.length <= 1;
  return isRight ? [] : [`the accounts are ${told}`];
}

/** What is wrong with what one side says by itself, in its events and in a report of its recording. */
function aloneFaults(role: Role, cause: Cause | "none", path: string, row: Row): string[] {
  const wrong = row[role].includes(cause) ? [] : [untoldOr(cause, `the ${role} alone: ${cause}`)];
  for (const outage of makeReport([path]).document.outages) {
    const allowed: readonly string[] = [...row[role], ...row.cause, "unknown"];
    if (!allowed.includes(outage.cause)) wrong.push(`the ${role}'s recording: ${outage.cause}`);
    if (outage.began !== "unknown" && !row.began.includes(outage.began)) {
      wrong.push(`the ${role}'s recording: ${outage.began}`);
    }
  }
  return wrong;
}

function bothFaults({ at, began, cause, verdict }: OutageDocument, row: Row): string[] {
  const wrong: string[] = [];
  if (!row.cause.includes(cause)) wrong.push(untoldOr(cause, `the report: ${cause}: ${verdict}`));
  if (!row.began.includes(began)) wrong.push(untoldOr(began, `the report: ${began}: ${verdict}`));
  if (cause !== "unknown" && at !== row.at) wrong.push(`the report has it at ${at}: ${verdict}`);
  return wrong;
}

function wordsOf(outage?: OutageDocument): Pick<Said, "began" | "cause" | "detected" | "first"> {
  if (!outage) return { began: "-", cause: "no outage", first: "-", detected: "-" };
  const { at, began, by_ms, cause, detected_ms, first_noticed_by, predicted_ms } = outage;
  const by = by_ms ? ` ${by_ms.map((ms) => ms.toFixed(1)).join(" to ")} ms` : "";
  return {
    began,
    cause: at ? `${cause} at the ${at}` : cause,
    first: `${first_noticed_by}${by}`,
    detected: ROLES.map((role) => `${detected_ms[role] ?? "-"} (${predicted_ms[role] ?? "-"})`)
      .join(", "),
  };
}
