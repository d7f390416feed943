/**
 * Both commands, as real processes, with a real proxy or tunnel between them that ends connections: what
 * each side says of it, whole, and that every line arrives once and in order.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Role } from "../../lib/wire/protocol.ts";
import { Folder } from "../support/folder.ts";
import * as middlebox from "../support/middlebox.ts";
import { type Middlebox, whyNoMiddlebox, whyNoNginx } from "../support/middlebox.ts";
import { together } from "../support/namespace.ts";
import { freePort } from "../support/ports.ts";
import { type Command, startCommand, startServer } from "../support/process.ts";
import { testUnless, whyNot } from "../support/skip.ts";
import * as text from "../support/middlebox_texts.ts";

/** Does not notice a dead path by itself. */
const PATIENT = ["--data-threshold=60"];
/** Notices it after 4 + 4 s: a quarter of 4 s is enough for the output even where all takes long. */
const IMPATIENT = [
  "--data-threshold=4",
  "--heartbeat-interval=4",
  "--heartbeat-threshold=6",
  "--heartbeat-additional-tries=0",
];

type Start = (backend: number, at?: number) => Promise<Middlebox>;

/** A server, the path to it, and a client that sends lines. */
class Stage implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #folder = this.#stack.use(new Folder());
  readonly #backend = freePort();
  readonly #start: Start;
  #written = "";
  server!: Command;
  client!: Command;
  box!: Middlebox;

  private constructor(start: Start) {
    this.#start = start;
  }

  static async open(start: Start, args: readonly string[] = PATIENT): Promise<Stage> {
    await using made = new AsyncDisposableStack();
    const stage = made.use(new Stage(start));
    const output = `--output=${stage.#folder.path}/output`;
    stage.server = stage.#stack.use(await startServer(stage.#backend, output, ...args));
    await stage.startBox();
    const words = ["127.0.0.1", `${stage.box.port}`, "--stdin", "--reconnect", ...args];
    stage.client = stage.#stack.use(startCommand("client", words, { stdin: "piped" }));
    await stage.sendLine();
    made.move();
    return stage;
  }

  /** Starts the path, again at the same port. */
  async startBox(): Promise<void> {
    this.box = this.#stack.use(await this.#start(this.#backend, this.box?.port));
  }

  /** Sends a line; it is confirmed when this resolves. */
  async sendLine(): Promise<void> {
    const seq = await this.writeLine();
    await this.client.event("data_confirmed", (each) => each.seq === seq);
  }

  /** Writes a line; gives its number. */
  async writeLine(): Promise<number> {
    const seq = this.#written.split("\n").length;
    const line = `line ${seq}\n`;
    this.#written += line;
    await this.client.write(new TextEncoder().encode(line));
    return seq;
  }

  /** Ends both sides: what they said, and whether every line arrived once and in order. */
  async assertSaid(client: readonly string[], server: readonly string[]): Promise<void> {
    await this.client.endInput();
    assertEquals(await this.client.ended(), 0, this.client.stderr);
    await this.server.event("summary");
    this.server.kill("SIGTERM");
    assertEquals(await this.server.ended(), 0, this.server.stderr);
    assertEquals(text.said(this.client), client, this.client.stderr);
    assertEquals(text.said(this.server), server, this.server.stderr);
    for (const { events } of [this.client, this.server]) {
      const resumes = events.filter(({ event }) => event === "resumed").length;
      const accounts = events.flatMap((each) => each.event === "account" ? [each] : []);
      assertEquals(accounts.length, resumes);
      assert(accounts.every(({ peer }) => peer !== "contradicts"), JSON.stringify(accounts));
    }
    assertEquals(await Deno.readTextFile(`${this.#folder.path}/output`), this.#written);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** How both sides see idle connections end. */
type Ends = Readonly<Record<Role, (role: Role) => string>>;

const BOTH_CLOSED: Ends = { client: text.closedIdle, server: text.closedIdle };

/** What closes idle connections, until both sides have come to their conclusion. */
async function cutsWhenIdle(start: Start, ends = BOTH_CLOSED): Promise<void> {
  await using stage = await Stage.open(start);
  for (const side of [stage.client, stage.server]) {
    await side.stderrText("something on the path closes idle connections");
  }
  await stage.sendLine();
  await stage.assertSaid([
    text.OPEN.client,
    ends.client("client"),
    text.dialling(),
    text.resumed("client", "nothing"),
    text.IDLE_TIMEOUT.client,
    text.ENDED.client,
  ], [
    text.LISTENING,
    text.OPEN.server,
    ends.server("server"),
    text.resumed("server", "nothing"),
    text.IDLE_TIMEOUT.server,
    text.ENDED.server,
    text.stopped(1),
  ]);
}

/** How a side sees a connection end that had carried a line just before, unless this machine is slow. */
async function closed(command: Command, role: Role): Promise<string> {
  const { idle_ms, pause_ms } = await command.event("disconnected");
  if (pause_ms !== undefined) {
    const end = "at the first traffic after a pause of N s";
    return text.closedIdle(role).replace("N s after the last traffic", end);
  }
  return idle_ms! < 500 ? text.closedAtOnce(role) : text.closedIdle(role);
}

/** What is killed, and started again once dialling was refused. */
async function isKilled(start: Start): Promise<void> {
  await using stage = await Stage.open(start);
  await stage.box.kill("KILL");
  await stage.client.event("reconnecting", ({ cause }) => cause === "refused");
  await stage.writeLine();
  await stage.startBox();
  await stage.client.event("resumed");
  await stage.assertSaid([
    text.OPEN.client,
    await closed(stage.client, "client"),
    text.dialling(),
    text.dialling(text.REFUSED),
    text.resumed("client", "nothing"),
    text.ENDED.client,
  ], [
    text.LISTENING,
    text.OPEN.server,
    await closed(stage.server, "server"),
    text.resumed("server", "nothing"),
    text.ENDED.server,
    text.stopped(1),
  ]);
}

/** What accepts connections, and has no server to pass them on to, or takes no plain ones. */
async function opensNoSession(start: Start): Promise<void> {
  await using box = await start(freePort());
  await using client = startCommand("client", ["127.0.0.1", `${box.port}`]);
  assertEquals(await client.ended(), 3, client.stderr);
  const [line, ...others] = text.said(client);
  assert(text.NOT_OPENED.includes(line!), line);
  assertEquals(others, []);
}

async function isFrozen(): Promise<void> {
  await using stage = await Stage.open((backend) => middlebox.startHaproxy({ backend }), IMPATIENT);
  await stage.box.kill("STOP");
  await stage.writeLine();
  await Promise.all([stage.client.event("disconnected"), stage.server.event("disconnected")]);
  await stage.box.kill("CONT");
  await stage.client.event("resumed");
  await stage.assertSaid([
    text.OPEN.client,
    ...text.silent("client", "the first unconfirmed data message was sent"),
    text.dialling(),
    text.resumed("client", "1 data message"),
    text.ENDED.client,
  ], [
    text.LISTENING,
    text.OPEN.server,
    ...text.silent("server", "the last data message was heard"),
    text.resumed("server", "1 data message"),
    text.ENDED.server,
    text.stopped(1),
  ]);
}

async function sendsHeader(version: number, sends: "send-proxy" | "send-proxy-v2"): Promise<void> {
  const backend = freePort();
  await using server = await startServer(backend);
  await using box = await middlebox.startHaproxy({ backend, sends });
  await using client = startCommand("client", ["127.0.0.1", `${box.port}`]);
  assertEquals(await client.ended(), 3, client.stderr);
  await server.event("strangers");
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0, server.stderr);
  assertEquals(text.said(client), [
    `ERROR A: the server says that this side broke the protocol: it sent a PROXY header (version ` +
    `${version}), as a load balancer with ${sends} does`,
  ]);
  assertEquals(text.said(server), [
    text.LISTENING,
    `WARNING 1 connection from A opened no session and sent a PROXY header of version ${version} ` +
    `(switch off ${sends} in the load balancer)`,
    text.stopped(0),
  ]);
}

/** A second client waits in the queue until it gives up; then its turn comes. */
async function hasQueue(): Promise<void> {
  const backend = freePort();
  await using server = await startServer(backend);
  await using box = await middlebox.startHaproxy({ backend, maxconn: 1 });
  const words = ["127.0.0.1", `${box.port}`];
  await using first = startCommand("client", words);
  await first.event("data_confirmed");
  await using second = startCommand("client", words);
  assertEquals(await second.ended(), 3, second.stderr);
  first.kill("SIGTERM");
  assertEquals(await first.ended(), 0, first.stderr);
  await server.event("terminated", ({ unheard }) => unheard === true);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0, server.stderr);
  assertEquals(text.said(second), [text.NO_WELCOME]);
  assertEquals(text.said(server), [
    text.LISTENING,
    text.OPEN.server,
    `INFO ended by the client: it was told to stop${text.USED}`,
    text.UNHEARD,
    text.stopped(2),
  ]);
}

const noHaproxy = whyNoMiddlebox("haproxy", "-v");
const noNginx = whyNoNginx();
const noSocat = whyNoMiddlebox("socat", "-V");
const noStunnel = whyNoMiddlebox("stunnel", "-version") ?? whyNot("openssl", "version");
const noSsh = whyNoMiddlebox("ssh", "-V") ?? whyNot("unshare", "--mount", "ls", "/usr/sbin/sshd");

type HaproxyOptions = Partial<middlebox.HaproxyOptions>;
const haproxy = (options: HaproxyOptions = {}): Start => (backend, at) =>
  middlebox.startHaproxy({ backend, ...options }, at);
const nginx = (idle_s?: number): Start => (backend) => middlebox.startNginx({ backend, idle_s });
const socat = (idle_s: number): Start => (backend) => middlebox.startSocat({ backend, idle_s });
const ssh: Start = (backend, at) => middlebox.startSshTunnel({ backend }, at);

type Case = readonly [whyNot: string | undefined, name: string, run: () => Promise<void>];

const CASES: readonly Case[] = [
  [
    noHaproxy,
    "haproxy, idle at its client's side",
    () => cutsWhenIdle(haproxy({ idle_s: 2, side: "client" })),
  ],
  [
    noHaproxy,
    "haproxy, idle at its server's side",
    () => cutsWhenIdle(haproxy({ idle_s: 2, side: "server" })),
  ],
  [noHaproxy, "haproxy, without a server behind it", () => opensNoSession(haproxy())],
  [noHaproxy, "haproxy, killed", () => isKilled(haproxy())],
  [noHaproxy, "haproxy, frozen", isFrozen],
  [noHaproxy, "haproxy, PROXY header, version 1", () => sendsHeader(1, "send-proxy")],
  [noHaproxy, "haproxy, PROXY header, version 2", () => sendsHeader(2, "send-proxy-v2")],
  [noHaproxy, "haproxy, a queue", hasQueue],
  [noNginx, "nginx, idle", () => cutsWhenIdle(nginx(2))],
  [noNginx, "nginx, without a server behind it", () => opensNoSession(nginx())],
  [noSocat, "socat, idle", () => cutsWhenIdle(socat(2))],
  [
    noStunnel,
    "a port that wants TLS",
    () => opensNoSession((backend) => middlebox.startTlsServer({ backend })),
  ],
  [
    noStunnel,
    "TLS between stunnel and stunnel, idle",
    () =>
      cutsWhenIdle((backend) => middlebox.startTlsPair({ backend, idle_s: 2 }), {
        client: text.closedIdle,
        server: text.reset,
      }),
  ],
  [noSsh, "an ssh tunnel without a server behind it", () => opensNoSession(ssh)],
  [noSsh, "an ssh tunnel, killed", () => isKilled(ssh)],
];

for (const [reason, name] of CASES) {
  if (reason !== undefined) testUnless(reason, name, () => {});
}

const cases = CASES.flatMap(([reason, name, run]) => reason === undefined ? [{ name, run }] : []);

testUnless(
  cases.length === 0 ? "no proxy or tunnel is installed" : undefined,
  "both sides say what a proxy or tunnel between them does, and every line arrives once",
  (t) => together(t, cases, ({ run }) => run()),
);
