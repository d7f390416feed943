/**
 * What both commands say of the causes of an end: each text whole, with times as `N s` and addresses as `A`.
 *
 * @module
 */
import type { Role } from "../../lib/wire/protocol.ts";
import type { Command } from "./process.ts";

function normalised(text: string): string {
  return text.replaceAll(/\d+(\.\d+)? s\b/g, "N s").replaceAll(/10\.7\.0\.\d(:\d+)?/g, "A")
    .replace(/^cut \d+/, "cut N")
    .replace(/\d+ bytes unacknowledged after \d+ retr/, "N bytes unacknowledged after N retr");
}

/** The texts of a side's lines of these levels, each once. */
export function textsOf({ stderr }: Command, levels: RegExp): string[] {
  const lines = stderr.trimEnd().split("\n").map((line) => line.split(" || "));
  const texts = lines.flatMap(([, level, text]) =>
    levels.test(level!) && !/^(lost \(|this process)/.test(text!) ? [normalised(text!)] : []
  );
  return [...new Set(texts)];
}

const OTHER: Readonly<Record<Role, Role>> = { client: "server", server: "client" };

/** Behind that, if nothing was sent for half a second before the first message without an answer. */
export const AFTER_PAUSE = ", and for N s before the first message without an answer";

/** How the connection was used: behind what is said of the session. */
const USED = "; the connection was N s old, idle for N s";

function declared(role: Role): string {
  const since = role === "client"
    ? "the first unconfirmed data message was sent"
    : "the last data message was heard";
  return `declared dead N s after ${since}, predicted N s (data_threshold N s + ` +
    `3 × heart_beat_threshold N s)${USED}`;
}

/** What TCP does with data that is not acknowledged. */
const ALONE = ". An application without heartbeats would have waited some 15 min N s here";

/** What it does where only heartbeats are not acknowledged. */
const FOR_EVER = ". An application without heartbeats would have waited for ever here";

/** What was sent is not acknowledged: of a server, only heartbeats. */
export function silent(role: Role, alone = role === "client" ? ALONE : FOR_EVER): string {
  return `nothing heard from the ${OTHER[role]} for N s, 3 heartbeats unanswered, nothing comes ` +
    `through (N bytes unacknowledged after N retransmissions): ${
      declared(role)
    }${alone}. Look next: does a ` +
    "firewall, NAT or load balancer on the path drop packets silently, or is the host of the " +
    `${OTHER[role]} down or cut off?`;
}

/** As that, where the server's last confirmation is not acknowledged either. */
export function silentConfirming(role: Role): string {
  return silent(role, ALONE);
}

/** As that, after a heartbeat was answered. */
export function silentSinceAnswer(role: Role): string {
  const since =
    "the first unanswered heartbeat was sent, predicted N s (3 × heart_beat_threshold N s)";
  return silent(role).replace(/the (first|last) .*\)(?=; the connection)/, since);
}

/** The own link or address is gone. */
export function own(fault: string): (role: Role) => string {
  return (role) =>
    `nothing heard from the ${OTHER[role]} for N s, 3 heartbeats unanswered, while this host had ` +
    `${fault}: ${declared(role)}. Look next: this host's cable, link and address; the ` +
    `${OTHER[role]} may be well`;
}

/** The other side was heard after it was reached for the last time. */
export function oneWay(role: Role): string {
  return `what this side sends does not arrive, though the ${OTHER[role]} was heard N s longer: ` +
    `nothing heard for N s, 3 heartbeats unanswered; ${
      declared(role)
    }${ALONE}. Look next: what drops packets ` +
    `from this host to the ${
      OTHER[role]
    }: a firewall or NAT on the path that lets only the other ` +
    "direction through?";
}

/** The connection was reset. */
export function reset(role: Role): string {
  return "the connection was reset (RST), N s after the last traffic, at an age of N s. Look next: " +
    "did a proxy, firewall or NAT on the path cut it, or forget it, or give it another port; or did " +
    `the ${OTHER[role]}'s process end?`;
}

/** The connection was reset, by what answered the first traffic after a pause. */
export function resetAfterPause(role: Role): string {
  return reset(role)
    .replace("N s after the last traffic", "at the first traffic after a pause of N s");
}

/** Nothing shows where the silence comes from, which began after a pause. */
export function silentAfterPause(role: Role): string {
  return silent(role).replace(USED, USED + AFTER_PAUSE);
}
