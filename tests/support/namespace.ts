/**
 * Real networks of two hosts: two network namespaces of Linux, joined by a virtual cable. They live no
 * longer than the test that made them, whatever becomes of it.
 *
 * @module
 */
import type { Role } from "../../lib/wire/protocol.ts";
import { killIfRunning } from "./kill.ts";
import { type Command, startCommand, type StartOptions } from "./process.ts";
import { whyNot } from "./skip.ts";

/** Which addresses a network has. */
export type Family = "IPv4" | "IPv6";

/** Addresses, and how to assign them; `nodad`: at once, without a look who else has it. */
const ADDRESSES: Readonly<Record<Family, Readonly<Record<Role, string>> & { options: string }>> = {
  IPv4: { client: "10.7.0.1/24", server: "10.7.0.2/24", options: "" },
  IPv6: { client: "fd00:7::1/64", server: "fd00:7::2/64", options: " nodad" },
};

/** The port of every server. */
export const PORT = 4000;

const FIREWALL: Readonly<Record<Family, string>> = { IPv4: "iptables", IPv6: "ip6tables" };

/**
 * How much a connection of a host holds for a process that does not read: at most 1 MiB, so that a test can send more.
 * By default Linux lets that grow with what is sent, to 32 MiB on a machine with much memory. Tabs, as in `/proc`.
 */
const RECEIVE_BUFFER = "net.ipv4.tcp_rmem=4096\t131072\t1048576";

/** How long, in seconds, a command lives at most, should this process be killed and not end it. */
const LIFETIME_S = 60;

/** How long, in seconds, a server lives at most that is no command of this project. */
const SERVED_S = 300;

/** Why networks cannot be made here; `undefined` if they can. */
export function whyNoNetwork(family: Family): string | undefined {
  const probes = [
    "ip link add eth0 type veth peer name eth1",
    `ip address add ${ADDRESSES[family].client} dev lo`,
    `${FIREWALL[family]} -w -A INPUT -p tcp -j REJECT --reject-with tcp-reset`,
    "sysctl -qw net.ipv4.tcp_retries2=1",
    `sysctl -qw ${RECEIVE_BUFFER}`,
    "nsenter --net=/proc/self/ns/net true",
    "unshare --mount mount -t sysfs sysfs /sys",
  ];
  for (const probe of probes) {
    const why = whyNot("unshare", "--net", ...probe.split(" "));
    if (why !== undefined) return `network namespaces need Linux and root: ${why}`;
  }
}

/** Options for {@linkcode Host.start}. */
export interface HostStartOptions {
  /** Whether something is to be written to its stdin. */
  stdin?: "piped";
  /** Further variables, `NAME=value`. */
  variables?: readonly string[];
  /** How long, in seconds, it lives at most; `null` if it ends by itself in any case. */
  lifetime_s?: number | null;
  /** How long an event of it may take. */
  limit_ms?: StartOptions["limit_ms"];
}

/** One host of a network: its commands run with a network of their own. Made by {@linkcode Network}. */
export class Host implements AsyncDisposable {
  /** The address of its one interface, `eth0`. */
  readonly address: string;
  readonly #keeper: Deno.ChildProcess;
  readonly #before: readonly string[];
  readonly #firewall: string;

  private constructor(keeper: Deno.ChildProcess, address: string, family: Family) {
    this.#keeper = keeper;
    this.#before = ["nsenter", "--target", String(keeper.pid), "--net", "--"];
    this.#firewall = `${FIREWALL[family]} -w`;
    this.address = address.replace(/\/.*/, "");
  }

  /**
   * Makes a host without an interface, which is to have an address.
   *
   * The kernel removes a namespace without a name together with its last process. The first one in
   * this one copies what it is told, and so ends when this process does, even if that is killed.
   */
  static async make(address: string, family: Family): Promise<Host> {
    const keeper = new Deno.Command("unshare", {
      args: ["--net", "cat"],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    await using made = new AsyncDisposableStack();
    const host = made.use(new Host(keeper, address, family));
    await host.#there();
    await host.run(`sysctl -qw ${RECEIVE_BUFFER}`);
    made.move();
    return host;
  }

  /** Resolves once the namespace is there: its first process copies a line. */
  async #there(): Promise<void> {
    const asked = this.#keeper.stdin.getWriter();
    const echoed = this.#keeper.stdout.getReader();
    try {
      await asked.write(new TextEncoder().encode("\n"));
      const { done } = await echoed.read();
      if (done) throw new Error("Cannot make a network namespace: unshare ended");
    } finally {
      asked.releaseLock();
      echoed.releaseLock();
    }
  }

  /** The process that its namespace is known by. */
  get pid(): number {
    return this.#keeper.pid;
  }

  /** Runs a program there, given as words with spaces between. */
  async run(words: string): Promise<void> {
    await this.output(words);
  }

  /** Runs a program there; gives what it prints. */
  async output(words: string): Promise<string> {
    const [program, ...args] = [...this.#before, ...words.split(" ")];
    const { stderr, stdout, success } = await new Deno.Command(program!, { args }).output();
    if (!success) throw new Error(`${words}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }

  /** Starts a server there that is no command of this project; it listens on a port when this resolves. */
  async serve(words: readonly string[], port: number): Promise<AsyncDisposable> {
    await using made = new AsyncDisposableStack();
    const lifetime = ["timeout", `${SERVED_S}`];
    const [program, ...args] = [...this.#before, ...lifetime, ...words];
    const child = new Deno.Command(program!, { args, stdin: "null", stdout: "null" }).spawn();
    let hasEnded = false;
    child.status.then(() => hasEnded = true);
    made.defer(async () => {
      killIfRunning(child, "SIGTERM");
      await child.status;
    });
    while (await this.output(`ss -Hltn sport = :${port}`) === "") {
      if (hasEnded) throw new Error(`Cannot start ${words[0]}: it ended`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return made.move();
  }

  /** Adds a rule on what is to reach this host, such as `-j DROP`. */
  async filter(rule: string): Promise<void> {
    await this.run(`${this.#firewall} -A INPUT ${rule}`);
  }

  /** Removes all rules. */
  async unfilter(): Promise<void> {
    await this.run(`${this.#firewall} -F INPUT`);
  }

  /** Starts a command there, which sees the links of this host in /sys. */
  start(role: Role, words: string, options: HostStartOptions = {}): Command {
    const { lifetime_s = LIFETIME_S, limit_ms, stdin, variables = [] } = options;
    const mount = [
      "unshare",
      "--mount",
      "sh",
      "-c",
      'mount -t sysfs sysfs /sys && exec "$@"',
      "sh",
    ];
    const lifetime = lifetime_s === null ? [] : ["--duration", String(lifetime_s)];
    return startCommand(role, [...words.trim().split(" "), ...lifetime], {
      before: [...this.#before, ...mount, "env", ...variables],
      stdin,
      limit_ms,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper.stdin.abort();
    await this.#keeper.stdout.cancel();
    await this.#keeper.status;
  }
}

/** Two hosts joined by a cable. */
export class Network implements AsyncDisposable {
  /** The client's host. */
  readonly client: Host;
  /** The server's host. */
  readonly server: Host;

  private constructor(client: Host, server: Host) {
    this.client = client;
    this.server = server;
  }

  /** Makes a network. */
  static async make(family: Family): Promise<Network> {
    await using made = new AsyncDisposableStack();
    const { options, ...addresses } = ADDRESSES[family];
    const client = made.use(await Host.make(addresses.client, family));
    const server = made.use(await Host.make(addresses.server, family));
    await client.run(`ip link add eth0 type veth peer name eth0 netns ${server.pid}`);
    await client.run(`ip address add ${addresses.client} dev eth0${options}`);
    await server.run(`ip address add ${addresses.server} dev eth0${options}`);
    for (const host of [client, server]) {
      await host.run("ip link set lo up");
      await host.run("ip link set eth0 up");
    }
    made.move();
    return new Network(client, server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.client[Symbol.asyncDispose](), this.server[Symbol.asyncDispose]()]);
  }
}

/** Options for {@linkcode openScene}; `server` and `client` are further words of that command. */
export interface SceneOptions {
  family?: Family;
  timers: string;
  server?: string;
  client?: string;
}

/** A session under way between two hosts. */
export interface Scene extends AsyncDisposable {
  network: Network;
  server: Command;
  client: Command;
}

/** Opens a session; two data messages are confirmed when this resolves. */
export async function openScene(options: SceneOptions): Promise<Scene> {
  const { family = "IPv4", timers, server: serverWords = "", client: clientWords = "" } = options;
  await using made = new AsyncDisposableStack();
  const network = made.use(await Network.make(family));
  const words = `${network.server.address} ${PORT} ${timers}`;
  const server = made.use(network.server.start("server", `${words} ${serverWords}`));
  await server.event("listening");
  const client = made.use(network.client.start("client", `${words} ${clientWords}`));
  await client.event("data_confirmed", ({ seq }) => seq === 2);
  const record = made.move();
  return { network, server, client, [Symbol.asyncDispose]: () => record.disposeAsync() };
}

/** Runs all cases at once, each with hosts of its own, and tells of each in a step of its own. */
export async function together<Case extends { name: string }>(
  t: Deno.TestContext,
  cases: readonly Case[],
  run: (each: Case) => Promise<void>,
): Promise<void> {
  const outcomes = await Promise.allSettled(cases.map(run));
  for (const [i, outcome] of outcomes.entries()) {
    await t.step(cases[i]!.name, () => {
      if (outcome.status === "rejected") throw outcome.reason;
    });
  }
}
