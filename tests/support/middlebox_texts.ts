/**
 * What both commands say when a proxy or tunnel between them ends connections: each line whole, with
 * times as `N s` and addresses as `A`.
 *
 * @module
 */
import type { Role } from "../../lib/wire/protocol.ts";
import type { Command } from "./process.ts";

/**
 * What a command said, each line once, in the order of first appearance; without summaries, and without what
 * the load of this machine makes it say, or when.
 */
export function said({ stderr }: Command): string[] {
  const shown = stderr.trimEnd().split("\n").filter((line) => / \|\| |^stopped; /.test(line));
  const lines = shown.map((line) => {
    const [, level, text] = line.split(" || ");
    if (level === undefined) return line;
    return `${level} ${text}`
      .replaceAll(/127\.0\.0\.1(:\d+)?/g, "A")
      .replaceAll(/\d+(\.\d+)? s\b/g, "N s")
      // Whether that was long enough to be named depends on this machine.
      .replace(", and for N s before the first message without an answer", "")
      .replace(/\battempt \d+/, "attempt N")
      .replace(/^(WARNING cut) \d+/, "$1 N");
  });
  const left =
    /^\w+ (the kernel: |account of the outage|(ended as asked|never open .+): |this process did not run)/;
  return [...new Set(lines.filter((line) => !left.test(line)))];
}

const other: Readonly<Record<Role, Role>> = { client: "server", server: "client" };

/** The session opens. */
export const OPEN: Readonly<Record<Role, string>> = {
  client:
    "INFO session open with A, local address A; a dead server is declared N s after the first " +
    "unanswered data message, at most N s after a cut of the path",
  server:
    "INFO session open with A, local address A; a dead client is declared N s after its last " +
    "data message",
};

/** How the connection was used: behind what is said of the session. */
export const USED = "; the connection was N s old, idle for N s";

const LOST = "WARNING the connection is lost, the session goes on: ";
const PATH = "a proxy, tunnel, load balancer or NAT on the path";
const STORE: Readonly<Record<Role, string>> = {
  client: ", or could it not write its store or output",
  server: "",
};

/** The connection was closed after a pause. */
export function closedIdle(role: Role): string {
  return `${LOST}the connection was closed (FIN) from the side of the ${other[role]}, without ` +
    "TERMINATE, N s after the last traffic, at an age of N s. Look next: " +
    `does ${PATH} close connections that are idle so long, or are so old; or did the ` +
    `${other[role]}'s process end${STORE[role]}?`;
}

/** The connection was closed right after traffic. */
export function closedAtOnce(role: Role): string {
  return `${LOST}the connection was closed (FIN) from the side of the ${other[role]}, without ` +
    "TERMINATE, N s after the last traffic, at an age of N s. Look next: " +
    `did the ${other[role]}'s process end (a crash, a kill)${
      STORE[role]
    }; or did ${PATH} restart ` +
    "or close it?";
}

/** The connection was reset. */
export function reset(role: Role): string {
  return `${LOST}the connection was reset (RST), N s after the last traffic, at an age of N s. ` +
    "Look next: did a proxy, firewall or NAT on the path cut it, or forget it, or give it another " +
    `port; or did the ${other[role]}'s process end?`;
}

/** The other side was declared dead, after one heartbeat. */
export function silent(role: Role, since: string): string[] {
  const data = role === "client" ? "confirmation" : "data message";
  const host = `the ${other[role]}'s host, or a proxy in front of it`;
  return [
    `WARNING silent: no ${data} for N s; heartbeat phase`,
    "WARNING heartbeat 1 missed, 1 in a row; the peer is dead",
    `${LOST}nothing heard from the ${
      other[role]
    } for N s, 1 heartbeat unanswered, though ${host}, ` +
    `acknowledges everything: declared dead N s after ${since}, predicted N s (data_threshold ` +
    `N s + 1 × heart_beat_threshold N s)${USED}. An application without heartbeats would have ` +
    `waited for ever here. Look next: is the process of the ${
      other[role]
    }, or of a proxy in front ` +
    "of it, stopped, hung or cut off?",
  ];
}

/** The client dials again; why, if a dial has failed. */
export function dialling(why?: string): string {
  return `WARNING dialling A again in N s, attempt N${why === undefined ? "" : `: ${why}`}`;
}

/** A dial has failed because nothing listens. */
export const REFUSED =
  "the connection was refused; nothing listens there, or a firewall rejects it";

/** The session is resumed. */
export function resumed(role: Role, resent: "nothing" | "1 data message"): string {
  const start = "WARNING session resumed, N s after the last sign of life before: ";
  if (resent === "nothing") return `${start}nothing was unconfirmed`;
  const again = role === "client" ? "sent again" : "will be sent again";
  return `${start}${resent} ${again}, 0 had arrived unconfirmed`;
}

const CUT = "WARNING cut N times, each N s after the last traffic: something on the path closes " +
  "idle connections; ";

/** What follows from cuts that are alike, of a client that sends its input. */
export const IDLE_TIMEOUT: Readonly<Record<Role, string>> = {
  client: `${CUT}a data_threshold and a heart_beat_interval below N s keep them open, by ` +
    "heartbeats while there is no input",
  server: `${CUT}a data_interval below N s keeps them open, or, of a client that sends its ` +
    "input, a data_threshold and a heart_beat_interval below N s",
};

/** The session ends as asked. */
export const ENDED: Readonly<Record<Role, string>> = {
  client: `INFO ended by this side: all that was asked for is done${USED}`,
  server: `INFO ended by the client: all that was asked for is done${USED}`,
};

/** The server's first line. */
export const LISTENING = "INFO listening on A";

/** The last line of the server, without a time. */
export function stopped(served: number): string {
  return `stopped; sessions served: ${served}, of them lost: 0`;
}

const UNOPENED =
  `before the session was open${USED}. Look next: is that a server that does not let this address in ` +
  "(allow, deny) or has no room, a proxy, tunnel or load balancer whose server does not answer, a port " +
  "that wants TLS, or another program's port?";

/** No session comes about: by FIN, or by RST, as the client's HELLO arrived before or not. */
export const NOT_OPENED: readonly string[] = [
  `ERROR A accepted the connection and closed it (FIN) ${UNOPENED}`,
  `ERROR cannot connect to A: accepted, and reset (RST) ${UNOPENED}`,
];

/** No session comes about in time: what the client says. */
export const NO_WELCOME =
  "ERROR A accepted the connection but sent nothing: no WELCOME within N s. Look next: is it " +
  "Pulsewire on that port; does a proxy, tunnel or load balancer there wait for its own server, " +
  "or have a queue; is the server's process frozen, or does its store not answer?";

/** No session comes about in time: what the server says. */
export const UNHEARD =
  "WARNING the client had given up before its HELLO arrived here (no WELCOME within N s); it was " +
  `answered at once${USED}. Look next: does a proxy or load balancer on the path hold connections in a ` +
  "queue, or take long to connect here; or was this process or host stopped?";
