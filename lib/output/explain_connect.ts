/**
 * Explains why a client cannot connect, why a server cannot listen, and who connects to it for no session.
 *
 * @module
 */
import { formatAddress, splitAddress } from "../platform/net/address.ts";
import { meaningOf, type NetworkCall } from "../platform/net/error_text.ts";
import type { Address, TransportError, TransportErrorKind } from "../platform/net/transport.ts";
import type { CloseReport } from "../session/close_reason.ts";
import type { Event, EventFields, Limit } from "../session/events.ts";
import { NO_ANSWER } from "../session/timers.ts";
import { counted, explained, type Explanation } from "./phrases.ts";

/** What may accept a connection and end it before a session is open. */
export const UNOPENED_HINT: string =
  "is that a server that does not let this address in (allow, deny) or has no room, a proxy, tunnel or " +
  "load balancer whose server does not answer, a port that wants TLS, or another program's port?";

/** What to look at next after an error with this code; `undefined` if there is nothing to say. */
export function nextOf(call: NetworkCall, code: string | undefined): string | undefined {
  return code === undefined ? undefined : meaningOf(call, code)?.next;
}

/** Explains why a client cannot connect. */
export function explainUnconnected(end: CloseReport): Explanation {
  const { next, what } = causeOf(end);
  return { what: `cannot connect to ${end.peer}: ${what}`, next };
}

function causeOf({ code, reason, text }: CloseReport): Explanation {
  const isReset = reason === "reset" && (code === undefined || code === "ECONNRESET");
  if (isReset) {
    return {
      what: "accepted, and reset (RST) before the session was open",
      next: UNOPENED_HINT,
    };
  }
  if (code !== undefined) return { what: text, next: nextOf("connect", code) };
  switch (reason) {
    case "silent":
      return {
        what: NO_ANSWER,
        next: "is the address right, is the server running there, " +
          "and is the port open in its firewall?",
      };
    case "unreachable":
      return {
        what: `unreachable: ${text}`,
        next: "the address, and routes and firewalls on the path",
      };
    case "name_not_found":
      return explainLookup(text);
    case "refused":
      return meaningOf("connect", "ECONNREFUSED")!;
    default:
      return { what: text };
  }
}

/** The peer that an event of a client is about, if a dial to it was refused, or nobody answered. */
export function unreachedPeer(event: Event): string | undefined {
  if (event.event !== "reconnecting" && event.event !== "terminated") return undefined;
  // A certificate that is not valid now is refused by this side, and has a text.
  const isUnreached = event.event === "reconnecting"
    ? event.cause === "refused" && event.text === undefined || event.text === NO_ANSWER
    : event.by === "network" &&
      (event.reason === "refused" || event.reason === "silent" && event.predicted_ms === null);
  return isUnreached ? event.peer : undefined;
}

/** Adds to a line about a peer that is not reached where the commands are that open its port. */
export function withFirewallHint(text: string, peer: string): string {
  const port = splitAddress(peer)?.port;
  const separator = text.endsWith("?") ? " " : "; ";
  return `${text}${separator}docs/firewalls.md has the commands that open TCP port ${port}`;
}

/** What a stranger sent, in words, and what to change where it comes from. */
const STRANGERS_SENT: Readonly<Record<string, string>> = {
  nothing: "nothing, as port checks do",
  proxy_v1: "a PROXY header of version 1 (switch off send-proxy in the load balancer)",
  proxy_v2: "a PROXY header of version 2 (switch off send-proxy-v2 in the load balancer)",
  http: "an HTTP request (make the load balancer's health check one of TCP, or use another port)",
  http2:
    "an HTTP/2 preface (make the load balancer's health check one of TCP, or use another port)",
  tls: "a TLS hello (switch off TLS towards this port, which takes none)",
  no_tls: "a HELLO without TLS (switch tls on at that client)",
  tls_unfinished:
    "the beginning of a TLS handshake (of an old version, a port check, or a client that gave up)",
  tls_distrust:
    "that it does not trust this server's certificate (see tls_ca and tls_server_name there)",
  tls_no_certificate: "no client certificate (see tls_cert there)",
  tls_expired: "a client certificate that has expired",
  tls_not_yet_valid: "a client certificate that is not yet valid, by the clock of this host",
  tls_unknown_authority: "a client certificate of an authority that is not in tls_client_ca",
  tls_bad_certificate: "a client certificate that cannot be used",
  ssh: "an SSH banner (connect to the port of the SSH server)",
};

/** What became of those that a limit turned away, and the setting for it. */
const STRANGERS_LIMITED: Readonly<Record<Limit, string>> = {
  denied: "not let in (allow, deny)",
  max_new_per_second: "closed, too many at once from one address (max_new_per_second)",
  max_unopened: "closed to make room for newer ones (max_unopened)",
  max_sessions: "refused for want of room (max_sessions)",
  max_sessions_per_address: "refused for want of room for one address (max_sessions_per_address)",
  open_files: "refused for want of open files (ulimit -n)",
};

/** Explains connections that opened no session. */
export function explainStrangers(
  { addresses, count, limits = {}, sent }: EventFields["strangers"],
): string {
  const from = addresses.length > 1
    ? `${addresses.slice(0, -1).join(", ")} and ${addresses.at(-1)}`
    : addresses[0];
  const what = sent.map((each) => STRANGERS_SENT[each] ?? each).join(", or ");
  const limited = (Object.keys(STRANGERS_LIMITED) as Limit[])
    .flatMap((limit) => limits[limit] ? `${limits[limit]} ${STRANGERS_LIMITED[limit]}` : []);
  const opened = `${counted(count, "connection")} from ${from} opened no session`;
  if (limited.length === 0) return `${opened} and sent ${what}`;
  return `${opened}: ${limited.join(", ")}${what && `; the others sent ${what}`}`;
}

/**
 * A failed look-up has no code on most systems, and its words differ from one to the next: they are quoted,
 * not understood. One sentence has to do for a wrong name and for a name server that does not answer.
 */
function explainLookup(text: string): Explanation {
  const report = text.replace(/^failed to lookup address information: /, "")
    .replace(/\.? \(os error \d+\)$/, "");
  return {
    what: `no address is known for that name${report && ` (${report})`}`,
    next: "its spelling, and whether the name server of this host answers",
  };
}

const CODE_OF_KIND: Partial<Record<TransportErrorKind, string>> = {
  address_in_use: "EADDRINUSE",
  not_permitted: "EACCES",
  address_not_here: "EADDRNOTAVAIL",
};

/**
 * Explains why a server cannot listen, and what to do about it.
 *
 * @param isHeldByTimeWait Whether closed connections hold the port.
 */
export function explainListen(
  error: TransportError,
  address: Address,
  isHeldByTimeWait = false,
): string {
  const { next, what } = error.kind === "address_in_use" && isHeldByTimeWait
    ? explainTimeWait(address)
    : listenCauseOf(error);
  const where = formatAddress(address.host, address.port);
  return explained({ what: `cannot listen on ${where}: ${what}`, next });
}

function explainTimeWait({ port }: Address): Explanation {
  return {
    what: "closed connections from that port still hold it (TIME_WAIT), " +
      "and nothing listens there. Start again within a minute, when they are gone. " +
      `See: ss -tan sport = ${port}`,
  };
}

function listenCauseOf({ code, kind, message }: TransportError): Explanation {
  if (kind === "name_not_found") {
    const { next, what } = explainLookup(message);
    return { what, next: `${next}; 0.0.0.0 listens on every address` };
  }
  if (code !== undefined) return { what: message, next: nextOf("listen", code) };
  return meaningOf("listen", CODE_OF_KIND[kind] ?? "") ?? { what: message };
}
