/**
 * Checks the address of a command, and who can reach it with what: nothing is called, and a port is opened
 * and closed again.
 *
 * @module
 */
import { explainListen } from "../../output/explain_connect.ts";
import { systemClock } from "../../platform/clock.ts";
import { formatAddress } from "../../platform/net/address.ts";
import { firewallOf } from "../../platform/net/firewall/firewall.ts";
import { listenReachOf, ownAddresses, type Reach, reachOf } from "../../platform/net/reach.ts";
import { isHeldByTimeWait } from "../../platform/net/time_wait.ts";
import { type Transport, TransportError } from "../../platform/net/transport.ts";
import type { Role } from "../../wire/protocol.ts";
import { isFileEntry } from "../check.ts";
import type { Settings } from "../settings.ts";
import { about, type Finding } from "./findings.ts";

/** What is known of an address. */
export interface AddressFindings {
  /** What was found. */
  readonly findings: readonly Finding[];
  /** Who can reach it. */
  readonly reach: Reach;
}

/** Checks whether a server could listen, and who would reach it. */
export async function listenFindings(
  { host, port }: Settings,
  transport: Transport,
  own: readonly string[] | undefined = ownAddresses(),
): Promise<AddressFindings> {
  const address = { host, port };
  const { error, ok, warning } = about("host");
  const where = formatAddress(host, port);
  try {
    // Not as a shared port: that would take connections from a server that has it.
    const listener = transport.listen(address);
    listener.close();
    const reach = listenReachOf(listener.host, own);
    const text = port === 0 ? `listens on ${where}, any free port` : `listens on ${where}`;
    return { findings: [ok(`${text}, ${REACHED[reach]}`)], reach };
  } catch (cause) {
    if (!(cause instanceof TransportError)) throw cause;
    const isTaken = cause.kind === "address_in_use";
    const text = explainListen(cause, address, isTaken && await isHeldByTimeWait(port));
    // Whoever checks the settings of a server that runs is to be told no more than that.
    return { findings: [(isTaken ? warning : error)(text)], reach: listenReachOf(host, own) };
  }
}

/** Says whom a client would call; it is not called, nor its name looked up. */
export function callFindings({ host, port }: Settings): AddressFindings {
  const reach = reachOf(host);
  return { findings: [about("host").ok(`calls ${formatAddress(host, port)}`)], reach };
}

const REACHED: Readonly<Record<Reach, string>> = {
  host: "which only this host reaches",
  private: "which private networks reach",
  public: "which any host may reach",
};

/** What protects the sessions of a command. */
export interface Protection {
  /** Whether connections are encrypted. */
  readonly isEncrypted: boolean;
  /** Whether the peer is authenticated: by its key, or by its certificate. */
  readonly isPeerKnown: boolean;
  /** Whether only the addresses of a list are let in. */
  readonly isListed: boolean;
}

/** What protects the sessions of a command with these settings. */
export function protectionOf(role: Role, settings: Settings): Protection {
  const { allow, key_file, tls, tls_cert, tls_client_ca } = settings;
  const isEncrypted = role === "server" ? tls_cert !== "" : tls;
  const isCertified = role === "server" ? tls_client_ca !== "" : tls;
  return {
    isEncrypted,
    isPeerKnown: isCertified || key_file !== "",
    isListed: allow.length > 0,
  };
}

/** Judges what protects the sessions of a command, against who can reach them. */
export function accessFindings(role: Role, reach: Reach, protection: Protection): Finding[] {
  const { ok, warning } = about("access");
  const { isEncrypted, isListed, isPeerKnown } = protection;
  const text = role === "server" ? serverText(reach, protection) : clientText(reach, protection);
  const isSafe = reach === "host" ||
    (isEncrypted && (isPeerKnown || isListed)) ||
    (isPeerKnown && reach === "private");
  return [(isSafe ? ok : warning)(text)];
}

const ON_THE_PATH = "whoever is on the path can read and change what is sent";

function serverText(reach: Reach, { isEncrypted, isListed, isPeerKnown }: Protection): string {
  const whoever = isListed ? "every host that allow lets in" : WHOEVER[reach];
  if (isEncrypted) {
    return isPeerKnown
      ? "connections are encrypted, and clients are authenticated"
      : `connections are encrypted; no client is authenticated: ${whoever} can open sessions`;
  }
  const path = reach === "host" ? "" : `, and ${ON_THE_PATH}`;
  return isPeerKnown
    ? `clients are authenticated by their keys; nothing is encrypted${path}`
    : `nothing is encrypted, and no client authenticated: ${whoever} can open sessions${path}`;
}

const WHOEVER: Readonly<Record<Reach, string>> = {
  host: "every user of this host",
  private: "every host of the private networks",
  public: "every host that reaches it",
};

function clientText(reach: Reach, { isEncrypted, isPeerKnown }: Protection): string {
  if (isEncrypted) return "connections are encrypted, and the server is authenticated";
  if (isPeerKnown) {
    const path = reach === "host" ? "" : `: ${ON_THE_PATH}`;
    return `the server is authenticated by the key; nothing is encrypted${path}`;
  }
  return reach === "host"
    ? "nothing is encrypted, and the server not authenticated; it is on this host"
    : `nothing is encrypted, and the server not authenticated: ${ON_THE_PATH}, or answer for the server`;
}

/** Judges whether the original program's protocol is spoken, which knows neither TLS nor keys. */
export function originalFindings(
  role: Role,
  reach: Reach,
  { key_file, original, tls_cert }: Settings,
): Finding[] {
  // With keys or TLS, a server serves none.
  if (!original || role === "server" && (key_file !== "" || tls_cert !== "")) return [];
  const { ok, warning } = about("original");
  const judge = reach === "host" ? ok : warning;
  return role === "client"
    ? [
      judge(
        "the original program's protocol is spoken: nothing is encrypted, nobody authenticated",
      ),
    ]
    : [judge("clients of the original program are served, too, and cannot be authenticated")];
}

/** Judges whether sessions of clients that know no tokens may be taken over. */
export function tokenFindings(reach: Reach, { resume_without_token }: Settings): Finding[] {
  if (!resume_without_token) return [];
  const { ok, warning } = about("resume_without_token");
  const judge = reach === "host" ? ok : warning;
  return [judge("whoever knows the id of a session of an older client can take it over")];
}

/** Says whether a server could open its port in the firewall of this host, whose rules are not looked at. */
export async function firewallFindings(
  settings: Settings,
  firewall = firewallOf(guarded(settings), systemClock),
): Promise<Finding[]> {
  const { open_firewall, port } = settings;
  if (!open_firewall) return [];
  const { ok, warning } = about("open_firewall");
  const why = await firewall.rule.whyNot();
  const opened = `TCP port ${port} in the firewall of this host`;
  const whom = guarded(settings).allow.length === 0 ? "everybody" : "allow only";
  return [
    why === undefined
      ? ok(`would open ${opened} while the server runs, for ${whom}`)
      : warning(`cannot open ${opened}: ${why}; the server would serve without that`),
  ];
}

/** What the rule is for: of lists in files, which change, it knows nothing. */
function guarded({ allow, host, port }: Settings) {
  return { host, port, allow: allow.some(isFileEntry) ? [] : allow };
}
