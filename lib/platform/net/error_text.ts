/**
 * What the operating system's error codes mean for a network call, and what to look at next.
 *
 * @module
 */
import { rowFor } from "../errors.ts";

/** What was asked of the system; `transfer` is reading and writing on an open connection. */
export type NetworkCall = "connect" | "transfer" | "listen" | "accept";

/** What an error means. */
export interface ErrorMeaning {
  /** What is the case: a clause without a full stop. */
  readonly what: string;
  /** What to look at next. */
  readonly next: string;
}

/** What codes mean: rows, since an object of them all would be made at each start, and most runs have no error. */
type Meanings = readonly (readonly [codes: string, what: string, next: string])[];

const SERVER = "is the server running, and is the port open in its firewall?";
const ROUTES = "the address, and routes and firewalls on the path";
const POLICY = "the rules of this host: firewall, container, systemd (IPAddressDeny), SELinux";
const SMALLER = "the MTU of the links and tunnels on the path";

/** What ICMP messages, routes and interfaces lead to, while connecting and later. */
const PATH: Meanings = [
  [
    "ENETUNREACH",
    "no route leads to its network from here, or a router reports so",
    `${ROUTES}; of an IPv6 address: whether this host has IPv6`,
  ],
  [
    "EHOSTUNREACH",
    "no host answers at its address, or a router or firewall on the path reports it unreachable",
    ROUTES,
  ],
  ["EHOSTDOWN", "its host is down, or does not answer on its network", "is that host up?"],
  ["ENONET", "a router reports its host cut off from the network", ROUTES],
  ["ENETDOWN", "the network interface of this host is down", "ip link, on this host"],
  [
    "ENOPROTOOPT",
    "its host, or a firewall on the path, reports that it has no TCP",
    "a firewall that rejects with icmp-proto-unreachable",
  ],
  ["EPROTO", "a host on the path reports a header that it does not take", ROUTES],
  ["EOPNOTSUPP", "the path does not take a source route, or the system not the call", ROUTES],
  ["EMSGSIZE", "a packet is too large for a link on the path", SMALLER],
  ["EPERM", "a rule of this host forbids the connection", POLICY],
  ["ENODEV ENXIO", "the network interface for it is not there", "ip link, on this host"],
];

const CONNECT: Meanings = [
  [
    "ECONNREFUSED",
    "refused; its host answers, but nothing listens on that port, or a firewall rejects it",
    SERVER,
  ],
  ["ECONNRESET ENOTCONN EPIPE ESHUTDOWN", "reset before the session was open", SERVER],
  ["ECONNABORTED", "this host's own system aborted the attempt", POLICY],
  ["ENETRESET", "a network on the path dropped the connection", ROUTES],
  [
    "ETIMEDOUT",
    "no answer before this host's system gave up",
    `is the address right, ${SERVER}`,
  ],
  [
    "EACCES",
    "a route or a rule of this host, or a router on the path, prohibits it",
    `${ROUTES}; ${POLICY}`,
  ],
  [
    "EADDRNOTAVAIL",
    "this host has no free local port, or no address of its own, to connect from",
    "how many connections it has: ss -s; its port range: sysctl net.ipv4.ip_local_port_range; of " +
    "an IPv6 server: whether it has an IPv6 address",
  ],
  [
    "EADDRINUSE",
    "this host has no free local port to connect from",
    "how many connections it has: ss -s; its port range: sysctl net.ipv4.ip_local_port_range",
  ],
  [
    "EINVAL",
    "this host does not send to that address: a route discards it (blackhole), or it is a " +
    "link-local one without its interface",
    "ip route get ADDRESS; an address such as fe80::1 is written fe80::1%eth0",
  ],
];

const TRANSFER: Meanings = [
  [
    "ECONNRESET EPIPE ENOTCONN ESHUTDOWN",
    "reset by its host, or by something on the path",
    "is that process still running?",
  ],
  [
    "ECONNREFUSED",
    "its host, or a firewall on the path, reports that nothing is there any more",
    "is that process still running, and does a firewall on the path reject the connection?",
  ],
  ["ECONNABORTED", "this host's own system aborted the connection", POLICY],
  ["ENETRESET", "a network on the path dropped the connection", ROUTES],
  [
    "ETIMEDOUT",
    "its host acknowledged nothing",
    "is that host up, and does a firewall on the path drop packets silently?",
  ],
  ["EACCES", "a rule of this host, or a router on the path, prohibits it", POLICY],
  ["EADDRNOTAVAIL", "this host's address of the connection is gone", "ip address, here"],
  ["EINVAL", "this host does not send to that address any more", "ip route get ADDRESS"],
];

const LISTEN: Meanings = [
  ["EADDRINUSE", "the port is taken", "is a server running already? See: ss -ltnp"],
  [
    "EACCES",
    "not permitted",
    `ports below 1024 need root, so choose a higher one with --port; else ${POLICY}`,
  ],
  ["EPERM", "a rule of this host forbids it", POLICY],
  ["EADDRNOTAVAIL", "no interface of this host has that address", "ip address"],
  [
    "EINVAL",
    "the system does not take that address: a link-local one lacks its interface",
    "an address such as fe80::1 is written fe80::1%eth0; 0.0.0.0 listens on every address",
  ],
  ["ENODEV ENXIO", "the network interface of that address is not there", "ip link"],
  ["EOPNOTSUPP", "the system does not listen for TCP there", "another address"],
];

const ACCEPT: Meanings = [
  ["EPERM EACCES", "a rule of this host forbids it", POLICY],
  ["EINVAL", "the port does not listen any more", "what has closed it"],
  // What has become of the connection that waits: the next one may be well.
  [
    "ECONNABORTED ECONNRESET EHOSTDOWN EHOSTUNREACH ENETDOWN ENETUNREACH ENONET ENOPROTOOPT " +
    "ENOTCONN EOPNOTSUPP EPROTO ETIMEDOUT",
    "a client's connection failed before it was accepted",
    ROUTES,
  ],
];

/** What TLS may meet: codes of this program, since the platform has none of its own for most. */
const TLS: Meanings = [
  [
    "TLS_EXPIRED",
    "its certificate has expired",
    "renew it at the server; and is the clock of this host right?",
  ],
  [
    "TLS_NOT_YET_VALID",
    "its certificate is not yet valid",
    "is the clock of this host right, and was that of the host that made it?",
  ],
  [
    "TLS_WRONG_NAME",
    "its certificate is for another name",
    "give the name in the certificate with tls_server_name, or a certificate with this name",
  ],
  [
    "TLS_UNKNOWN_AUTHORITY",
    "its certificate is of an authority that is not known here",
    "the authority's certificate in tls_ca; does the server send those between it and its own?",
  ],
  [
    "TLS_IS_AUTHORITY",
    "its certificate is that of an authority, not one of a server",
    "sign a certificate for the server with it, or make it with basicConstraints=critical,CA:FALSE",
  ],
  [
    "TLS_BAD_CERTIFICATE",
    "its certificate cannot be used",
    "openssl x509 -noout -text -in CERTIFICATE, at the server",
  ],
  [
    "TLS_NO_CERTIFICATE",
    "it asks for a client certificate, and none was sent",
    "tls_cert and tls_key, with a certificate of an authority that it knows",
  ],
  [
    "TLS_DISTRUSTED",
    "it does not accept the certificate of this side",
    "whether that is of an authority that the other side knows, and still valid",
  ],
  [
    "TLS_VERSION",
    "both sides have no version of TLS in common; here 1.2 and 1.3 are spoken",
    "switch on TLS 1.2 or 1.3 at the other side",
  ],
  [
    "TLS_NO_CIPHER",
    "it ended the TLS handshake: no cipher or signature in common, or a client certificate is missing",
    "the ciphers and certificates that it takes; tls_cert, if it asks for one",
  ],
  [
    "TLS_NONE",
    "what it sends is no TLS: that port does not speak it",
    "switch tls off here, or give the server tls_cert and tls_key; is this the right port?",
  ],
  ["TLS_BROKEN", "TLS failed", "is this the right port, and is the path free of errors?"],
];

/** What every call may meet. */
const COMMON: Meanings = [
  ["EMFILE", "this process has as many files open as it may", "ulimit -n"],
  ["ENFILE", "this host has as many files open as it may", "sysctl fs.file-max; lsof"],
  ["ENOBUFS ENOMEM ENOSR", "this host has no memory left for it", "free -m, on this host"],
  ["ENOSPC", "a limit of this host's system on sockets is reached", "ulimit -a, sysctl net"],
  [
    "EAFNOSUPPORT EPFNOSUPPORT EPROTONOSUPPORT ESOCKTNOSUPPORT EPROTOTYPE",
    "this host has no network of that kind, as where IPv6 is switched off",
    "whether an IPv4 address does it: 127.0.0.1 for ::1, 0.0.0.0 for ::",
  ],
  [
    "EAGAIN EINTR EALREADY EINPROGRESS EBUSY",
    "this host's system did not carry out the call for the moment",
    "does it happen again?",
  ],
  [
    "EBADF ENOTSOCK EFAULT EISCONN EDESTADDRREQ",
    "the system does not take the call, which is a defect of this program",
    "the version of this program",
  ],
  ["ENOSYS", "the system, or a sandbox about this process, does not have the call", POLICY],
  ["EIO", "a device of this host, or its driver, failed", "the log of its system: dmesg"],
];

/** The first row that has a code decides. */
const BY_CALL: Readonly<Record<NetworkCall, readonly Meanings[]>> = {
  connect: [CONNECT, PATH, TLS, COMMON],
  transfer: [TRANSFER, PATH, TLS, COMMON],
  listen: [LISTEN, TLS, COMMON],
  accept: [ACCEPT, TLS, COMMON],
};

/** What has been looked up: thousands of connections may break at once. */
const known = new Map<string, ErrorMeaning | undefined>();

/** Whether an error of TLS may pass without a change at this side: a certificate is renewed, a clock is set. */
export function mayPass(code: string | undefined): boolean {
  return code === "TLS_EXPIRED" || code === "TLS_NOT_YET_VALID";
}

/** What an error code means for a call; `undefined` if there is nothing to say of it but the code. */
export function meaningOf(call: NetworkCall, code: string): ErrorMeaning | undefined {
  const key = `${call} ${code}`;
  if (!known.has(key)) known.set(key, look(call, code));
  return known.get(key);
}

function look(call: NetworkCall, code: string): ErrorMeaning | undefined {
  for (const table of BY_CALL[call]) {
    const row = rowFor(table, code);
    if (row) return { what: row[1], next: row[2] };
  }
  return undefined;
}

/** Describes an error by its code; `report` is the system's own text, for a code without a meaning here. */
export function networkErrorText(call: NetworkCall, code: string, report: string): string {
  const meaning = meaningOf(call, code);
  if (meaning) return `${meaning.what} (${code})`;
  return `the system reports ${code}: ${report}`;
}
