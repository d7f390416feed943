/**
 * Strangers at a server of the simulation: they take sessions over by their ids, replay openings that they have
 * listened to, and claim a session with a key of their own, two at once. None may ever be welcomed; that no session
 * notices anything of them, all other checks see.
 *
 * @module
 */
import { type Key, proofOf } from "../../lib/wire/proof.ts";
import { ALWAYS_RUNNING, Path } from "../support/memory_connection.ts";
import type { Random } from "../support/random.ts";
import { ScriptedEnd } from "../support/scripted_end.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import type { ClientHost } from "./client_host.ts";
import type { Route } from "./link.ts";
import { OTHERS_KEY } from "./plan.ts";
import type { ServerHost } from "./server_host.ts";
import type { Story } from "./story.ts";
import { fail } from "./violation.ts";

/** How many bytes of a connection are listened to: its opening. */
const OPENING_BYTES = 1_500;

/** What strangers do. */
const ATTACKS = ["hijack", "replay", "two owners"] as const;

/** What {@linkcode Strangers} are made of. */
export interface StrangersOptions {
  clock: VirtualClock;
  random: Random;
  clients: readonly ClientHost[];
  story: Story;
}

/** Strangers, until told to end. */
export class Strangers {
  readonly #options: StrangersOptions;
  /** The last opening of each client that was listened to, and on which of its connections. */
  readonly #openings = new Map<ClientHost, string>();
  #isOver = false;
  #port = 1_000;

  constructor(options: StrangersOptions) {
    this.#options = options;
    this.#next();
  }

  /** Listens to the opening of a connection. */
  listen(client: ClientHost, { path }: Route): void {
    const read = path.server.onRead!;
    let heard = "";
    path.server.onRead = (bytes) => {
      if (heard.length < OPENING_BYTES) {
        heard += new TextDecoder("latin1").decode(bytes);
        const opening = /^HELLO .*\n(?:PROOF .*\n)?/.exec(heard)?.[0];
        if (opening !== undefined) this.#openings.set(client, opening);
      }
      read(bytes);
    };
  }

  /** No more of them come. */
  end(): void {
    this.#isOver = true;
  }

  #next(): void {
    const { clients, clock, random } = this.#options;
    clock.after(random.between(1_000, 300_000), () => {
      if (this.#isOver) return;
      this.#attack(random.pick(clients), random.pick(ATTACKS));
      this.#next();
    });
  }

  #attack(client: ClientHost, attack: typeof ATTACKS[number]): void {
    const { run, options: { server, plan } } = client;
    // What came after the first window shows that the client has its token, and so does the store.
    if (!run || !server.isListening || run.watch.ledger.confirmed <= plan.window) return;
    const key = server.options.plan.hasKeys ? OTHERS_KEY : undefined;
    const { session } = run;
    if (attack === "replay") return this.#replay(client, session);
    const times = attack === "two owners" ? 2 : 1;
    for (let n = 0; n < times; n++) this.#claim(server, session, client, key);
  }

  /** Sends again what was heard of an opening. */
  #replay(client: ClientHost, session: string): void {
    const { server } = client.options;
    const opening = this.#openings.get(client);
    // Without keys, whoever has listened has the token, too: only TLS is of help then.
    if (!server.options.plan.hasKeys || !opening?.includes("PROOF ")) return;
    this.#connect(server, `replays the opening of ${session}`, (end) => end.say(opening));
  }

  /** Claims to return to a session: with a key of its own, if the server has keys, even with the right token. */
  #claim(server: ServerHost, session: string, client: ClientHost, key?: Key): void {
    const { random } = this.#options;
    const token = key && /"token":"(.*?)"/.exec(this.#openings.get(client) ?? "")?.[1];
    const greeting = {
      reconnect: true,
      confirmed: 0,
      sent: random.between(1, 100),
      knows: ["hold", "account", "token"],
      ...token !== undefined && { token },
      ...key && { key: key.name, nonce: "n".repeat(43) },
    };
    this.#connect(server, `claims ${session}`, (end) => {
      end.answer = (text) => {
        const serverNonce = /CHALLENGE (.{43})\n/.exec(text)?.[1];
        if (serverNonce === undefined || !key) return undefined;
        const exchange = { session, key: key.name, clientNonce: greeting.nonce!, serverNonce };
        return `PROOF ${proofOf("client", key.secret, exchange)}\n`;
      };
      end.say(`HELLO 1 ${session} ${JSON.stringify(greeting)}\n`);
    });
  }

  /** Connects to a server, which may welcome nobody who comes this way. */
  #connect(server: ServerHost, what: string, act: (end: ScriptedEnd) => void): void {
    const { clock, story } = this.#options;
    const { host } = server.options;
    const process = server.process;
    const listener = host.nextListener();
    if (!process || !listener) return;
    const name = `stranger:${++this.#port}`;
    story.tell(name, what);
    const path = new Path(clock, {
      latency_ms: () => 5,
      owners: { client: ALWAYS_RUNNING, server: process },
      names: { client: name, server: `${host.name}:4000` },
    });
    host.hold(path.server);
    const end = new ScriptedEnd(path.client, clock);
    path.client.onRead = (bytes) =>
      story.guard(() => {
        const text = new TextDecoder().decode(bytes);
        if (text.includes("WELCOME")) fail(new Error(`${name} ${what}, and is welcomed: ${text}`));
      });
    listener.offer(path.server);
    act(end);
  }
}
