/**
 * Protocols other than PW/1 that are known by the first bytes of a connection: what comes to a port by mistake.
 *
 * @module
 */
import type { Role } from "./protocol.ts";
import { quoted } from "./quote.ts";

/** A protocol that first bytes show. */
export type ForeignProtocol = "proxy_v1" | "proxy_v2" | "http" | "http2" | "tls" | "ssh";

const ascii = new TextDecoder("latin1");

/** RFC 9112: the request line of a client, the status line of a server, or its page without one (HTTP/0.9). */
const HTTP =
  /^(?:(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE) \S|HTTP\/1|<(?:!doctype )?html)/i;

/** What each begins with, in ASCII: of HTTP/2 what a client sends (RFC 9113, section 3.4). */
const BEGINNINGS: readonly [ForeignProtocol, string][] = [
  ["proxy_v1", "PROXY "],
  ["proxy_v2", "\r\n\r\n\0\r\nQUIT\n"],
  ["http2", "PRI * HTTP/2"],
  ["ssh", "SSH-"],
];

/** The protocol that a connection's first bytes show; `undefined` if it is none of these, or not known yet. */
export function foreignProtocol(first: Uint8Array): ForeignProtocol | undefined {
  const text = ascii.decode(first.subarray(0, 16));
  const begins = BEGINNINGS.find(([, beginning]) => text.startsWith(beginning));
  if (begins) return begins[0];
  if (HTTP.test(text)) return "http";
  if (isTlsRecord(first)) return "tls";
  return isHttp2Settings(first) ? "http2" : undefined;
}

/** RFC 8446, section 5.1: an alert or a handshake, of a version from SSL 3.0 to TLS 1.3. */
function isTlsRecord([type = 0, major, minor = Infinity]: Uint8Array): boolean {
  return (type === 0x15 || type === 0x16) && major === 3 && minor <= 4;
}

/** RFC 9113, section 6.5: the first frame of a server, of type 4 on stream 0. */
function isHttp2Settings(first: Uint8Array): boolean {
  const [high, , length = 1, type, flags, ...stream] = first.subarray(0, 9);
  return high === 0 && length % 6 === 0 && type === 4 && flags === 0 && stream.length === 4 &&
    stream.every((byte) => byte === 0);
}

/** What the sender of each is, as either side receives it. */
const SENT: Readonly<Record<ForeignProtocol, Readonly<Record<Role, string>>>> = {
  proxy_v1: sameFor("a PROXY header (version 1), as a load balancer with send-proxy does"),
  proxy_v2: sameFor("a PROXY header (version 2), as a load balancer with send-proxy-v2 does"),
  http: {
    server: "an HTTP request, as a browser or a health check does",
    client: "an HTTP answer, as a web server or an HTTP proxy does",
  },
  http2: {
    server: "an HTTP/2 preface, as a gRPC client or a health check does",
    client: "an HTTP/2 frame, as a web server or a gRPC server does",
  },
  tls: {
    server: "a TLS hello, as a client or a load balancer does that is to use TLS",
    client: "a TLS alert: that port takes nothing but TLS (switch tls on here)",
  },
  ssh: {
    server: "an SSH banner, as an SSH client does",
    client: "an SSH banner, as an SSH server does",
  },
};

function sameFor(sent: string): Readonly<Record<Role, string>> {
  return { server: sent, client: sent };
}

/** Says to a receiver what a connection's first bytes are; `undefined` if they are of no known protocol. */
export function explainForeign(first: Uint8Array, receiver: Role): string | undefined {
  const protocol = foreignProtocol(first);
  return protocol && `it sent ${SENT[protocol][receiver]}`;
}

/**
 * What was sent on a connection that opened no session: `nothing`, a {@linkcode ForeignProtocol}, or else its
 * first line in quotes.
 */
export function describeSent(first: Uint8Array): string {
  if (first.length === 0) return "nothing";
  const end = first.indexOf(0x0a);
  return foreignProtocol(first) ?? quoted(end < 0 ? first : first.subarray(0, end));
}
