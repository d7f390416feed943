/**
 * Explains why a client cannot connect, why a server cannot listen, and who connects to it for no session.
 *
 * @module
 */
import { formatAddress } from "../platform/net/address.ts";
import { meaningOf, type NetworkCall } from "../platform/net/error_text.ts";
import type { Address, TransportError, TransportErrorKind } from "../platform/net/transport.ts";
import type { CloseReport, EndReason } from "../session/close_reason.ts";
import type { EventFields } from "../session/events.ts";
import { CONNECT_LIMIT_MS } from "../session/timers.ts";

/** What may accept a connection and end it before a session is open. */
export const UNOPENED_HINT: string =
  "is that a proxy, tunnel or load balancer whose server does not answer, a port that wants TLS, or " +
  "another program's port?";

/** What to look at next after an error with this code; empty if there is nothing to say. */
export function nextOf(call: NetworkCall, code: string | undefined): string {
  const meaning = code === undefined ? undefined : meaningOf(call, code);
  return meaning ? `. Look next: ${meaning.next}` : "";
}

/** The codes that stand for a reason or a kind of failure that came without one. */
const CODE_OF_REASON: Partial<Record<EndReason, string>> = {
  refused: "ECONNREFUSED",
};

/** Explains why a client cannot connect. */
export function explainUnconnected({ code, peer, reason, text }: CloseReport): string {
  const known = CODE_OF_REASON[reason] ?? "";
  const causes: Partial<Record<EndReason, string>> = {
    silent:
      `no answer within ${CONNECT_LIMIT_MS / 1000} s. Look next: is the address right, is the ` +
      "server running there, and is the port open in its firewall?",
    reset: `accepted, and reset (RST) before the session was open. Look next: ${UNOPENED_HINT}`,
    unreachable:
      `unreachable: ${text}. Look next: the address, and routes and firewalls on the path`,
    name_not_found: explainLookup(text),
  };
  const isReset = reason === "reset" && (code === undefined || code === "ECONNRESET");
  const cause = code !== undefined && !isReset
    ? `${text}${nextOf("connect", code)}`
    : causes[reason] ?? `${meaningOf("connect", known)?.what ?? text}${nextOf("connect", known)}`;
  return `cannot connect to ${peer}: ${cause}`;
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
  ssh: "an SSH banner (connect to the port of the SSH server)",
};

/** Explains connections that opened no session. */
export function explainStrangers({ addresses, count, sent }: EventFields["strangers"]): string {
  const connections = count === 1 ? "1 connection" : `${count} connections`;
  const from = addresses.length > 1
    ? `${addresses.slice(0, -1).join(", ")} and ${addresses.at(-1)}`
    : addresses[0];
  const what = sent.map((each) => STRANGERS_SENT[each] ?? each);
  return `${connections} from ${from} opened no session and sent ${what.join(", or ")}`;
}

/** A name may be wrong, or its name server not answer: the system says which in its own words. */
function explainLookup(text: string): string {
  const report = text.replace(/^.*: /, "");
  return `no address is known for that name (${report}). Look next: its spelling, and whether the ` +
    `name server of this host answers`;
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
  { host, port }: Address,
  isHeldByTimeWait = false,
): string {
  const { code, kind, message } = error;
  const known = CODE_OF_KIND[kind] ?? "";
  const cause = kind === "address_in_use" && isHeldByTimeWait
    ? "closed connections from that port still hold it (TIME_WAIT), and nothing listens there. " +
      `Start again within a minute, when they are gone. See: ss -tan sport = ${port}`
    : kind === "name_not_found"
    ? `${explainLookup(message)}; 0.0.0.0 listens on every address`
    : code !== undefined
    ? `${message}${nextOf("listen", code)}`
    : `${meaningOf("listen", known)?.what ?? message}${nextOf("listen", known)}`;
  return `cannot listen on ${formatAddress(host, port)}: ${cause}`;
}
