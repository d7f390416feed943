/**
 * True faults, for the fault table: how they come, and what happens then until they are over.
 *
 * @module
 */
import type { Role } from "../../lib/wire/protocol.ts";
import type { EvidenceScene, Row } from "./evidence_row.ts";
import type { Command } from "./process.ts";

/** Something that is done to a session, its hosts or the router. */
export type Deed = (scene: EvidenceScene) => void | Promise<void>;

/** Rules for what comes to the router from either side. */
export const FROM_CLIENT = "-i eth0";
export const FROM_SERVER = "-i eth1";
export const DROP = "-j DROP";
export const RESET = "-p tcp -j REJECT --reject-with tcp-reset";

/** The router gets rules. */
export const forward = (...rules: string[]): Deed => async ({ network }) => {
  for (const rule of rules) await network.forward(rule);
};
/** The router forwards all again. */
export const heal: Deed = ({ network }) => network.heal();
/** A process gets a signal. */
export const signal = (role: Role, name: Deno.Signal): Deed => (scene) => scene[role].kill(name);
/** The link of a host goes down. */
export const linkDown = (role: Role): Deed => ({ network }) =>
  network[role].run("ip link set eth0 down");

/** A fault that both sides, or those named, find to be the end. */
export const lethal = (deed: Deed, ...roles: Role[]): Row["course"] => async (scene) => {
  await scene.at(() => deed(scene));
  const dying = roles.length > 0 ? roles : ["client", "server"] as const;
  await Promise.all(dying.map((role) => scene[role].event("terminated")));
  // Whose process was stopped finds the end of the connection when it runs again.
  for (const role of ["client", "server"] as const) {
    if (dying.includes(role) || deed === KILLED[role]) continue;
    scene[role].kill("SIGCONT");
    await scene[role].event("terminated");
  }
};

/** A side is killed. */
export const KILLED = { client: signal("client", "SIGKILL"), server: signal("server", "SIGKILL") };

/** A fault that is undone when so many heartbeats were missed; then both sides give their accounts. */
export const healing =
  (deed: Deed, undo: Deed, ...roles: Role[]): Row["course"] => async (scene) => {
    await scene.at(() => deed(scene));
    const noticing = roles.length > 0 ? roles : ["client", "server"] as const;
    // A process that is stopped is told from a path that heals by its being silent so long.
    await Promise.all(
      noticing.map((role) =>
        scene[role].event("heartbeat_missed", ({ missed }) => missed >= (roles.length > 0 ? 3 : 1))
      ),
    );
    await scene.at(() => undo(scene));
    await Promise.all([scene.client.event("account"), scene.server.event("account")]);
    await more(scene.client);
  };

/** As {@linkcode healing}, but the connection is given up first. */
export const resuming = (deed: Deed): Row["course"] => async (scene) => {
  await scene.at(() => deed(scene));
  await Promise.all([scene.client.event("disconnected"), scene.server.event("disconnected")]);
  await scene.at(() => heal(scene));
  await Promise.all([scene.client.event("account"), scene.server.event("account")]);
  await more(scene.client);
};

/** Waits until some more data messages are confirmed. */
export async function more(client: Command): Promise<void> {
  const count = confirmed(client) + 4;
  await client.event("data_confirmed", ({ seq }) => seq >= count);
}

function confirmed({ events }: Command): number {
  return events.filter(({ event }) => event === "data_confirmed").length;
}

const elapsed = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A stall that is shorter than any threshold. */
export const stalling = (role: Role, ms: number): Row["course"] => async (scene) => {
  await scene.at(() => scene[role].kill("SIGSTOP"));
  await elapsed(ms);
  await scene.at(() => scene[role].kill("SIGCONT"));
  await more(scene.client);
};

/** A host freezes with its kernel, as far as others can tell. */
export const freeze = (role: Role): Deed => async ({ network, [role]: command }) => {
  command.kill("SIGSTOP");
  await network[role].run("iptables -w -A OUTPUT -j DROP");
  await network[role].filter(DROP);
};

/** It goes on. */
export const thaw = (role: Role): Deed => async ({ network, [role]: command }) => {
  await network[role].run("iptables -w -F");
  command.kill("SIGCONT");
};

/** It is frozen until the other side has given up. */
export const frozen = (role: Role): Row["course"] => async (scene) => {
  await scene.at(() => freeze(role)(scene));
  await scene[role === "client" ? "server" : "client"].event("terminated");
  await thaw(role)(scene);
  await scene[role].event("terminated");
};

/** Sets the wall clock of a row's process so many seconds ahead. */
export function setClock(folder: string, ahead_s: number): void {
  Deno.writeTextFileSync(`${folder}/clock`, `${ahead_s < 0 ? "" : "+"}${ahead_s}\n`);
}

/** A wall clock is stepped, and nothing else happens. */
export const stepping = (ahead_s: number): Row["course"] => async (scene) => {
  await scene.at(() => setClock(scene.folder, ahead_s));
  await more(scene.client);
  await more(scene.client);
};

/** A NAT forgets what is idle for a second, and drops what it does not know. */
export const forgetful: Deed = async ({ client, network: { router } }) => {
  await router.run("sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=1");
  // What passes next is remembered for a second only.
  const count = confirmed(client) + 1;
  await client.event("data_confirmed", ({ seq }) => seq >= count);
};
export const NAT_RULES = [
  "sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0",
  "sysctl -qw net.netfilter.nf_conntrack_tcp_be_liberal=0",
  "iptables -w -t nat -A POSTROUTING -o eth1 -j MASQUERADE",
  "iptables -w -A FORWARD -m conntrack --ctstate INVALID -j DROP",
  "iptables -w -A INPUT -j DROP",
];

/** What is said of a path that is cut. */
export const PATH_CUT = {
  client: ["path_cut"],
  server: ["path_cut"],
  cause: ["path_cut"],
  at: null,
} as const;
