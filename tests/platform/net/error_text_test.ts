/**
 * What error codes mean for a network call: each text whole.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import {
  meaningOf,
  type NetworkCall,
  networkErrorText,
} from "../../../lib/platform/net/error_text.ts";

/** Calls, codes, and what is said of each; CODE stands for the code. */
const TEXTS: readonly [calls: string, codes: string, text: string][] = [
  [
    "connect",
    "EACCES",
    "a route or a rule of this host, or a router on the path, prohibits it (CODE). Look next: the address, and routes and firewalls on the path; the rules of this host: firewall, container, systemd (IPAddressDeny), SELinux",
  ],
  [
    "transfer",
    "EACCES",
    "a rule of this host, or a router on the path, prohibits it (CODE). Look next: the rules of this host: firewall, container, systemd (IPAddressDeny), SELinux",
  ],
  [
    "listen",
    "EACCES",
    "not permitted (CODE). Look next: ports below 1024 need root, so choose a higher one with --port; else the rules of this host: firewall, container, systemd (IPAddressDeny), SELinux",
  ],
  [
    "accept",
    "EACCES",
    "a rule of this host forbids it (CODE). Look next: the rules of this host: firewall, container, systemd (IPAddressDeny), SELinux",
  ],
  [
    "listen accept",
    "EPERM",
    "a rule of this host forbids it (CODE). Look next: the rules of this host: firewall, container, systemd (IPAddressDeny), SELinux",
  ],
  [
    "connect",
    "EADDRINUSE",
    "this host has no free local port to connect from (CODE). Look next: how many connections it has: ss -s; its port range: sysctl net.ipv4.ip_local_port_range",
  ],
  [
    "listen",
    "EADDRINUSE",
    "the port is taken (CODE). Look next: is a server running already? See: ss -ltnp",
  ],
  [
    "connect",
    "EADDRNOTAVAIL",
    "this host has no free local port, or no address of its own, to connect from (CODE). Look next: how many connections it has: ss -s; its port range: sysctl net.ipv4.ip_local_port_range; of an IPv6 server: whether it has an IPv6 address",
  ],
  [
    "transfer",
    "EADDRNOTAVAIL",
    "this host's address of the connection is gone (CODE). Look next: ip address, here",
  ],
  [
    "listen",
    "EADDRNOTAVAIL",
    "no interface of this host has that address (CODE). Look next: ip address",
  ],
  [
    "connect transfer listen accept",
    "EAFNOSUPPORT EPFNOSUPPORT EPROTONOSUPPORT EPROTOTYPE ESOCKTNOSUPPORT",
    "this host has no network of that kind, as where IPv6 is switched off (CODE). Look next: whether an IPv4 address does it: 127.0.0.1 for ::1, 0.0.0.0 for ::",
  ],
  [
    "connect transfer listen accept",
    "EAGAIN EALREADY EBUSY EINPROGRESS EINTR",
    "this host's system did not carry out the call for the moment (CODE). Look next: does it happen again?",
  ],
  [
    "connect transfer listen accept",
    "EBADF EDESTADDRREQ EFAULT EISCONN ENOTSOCK",
    "the system does not take the call, which is a defect of this program (CODE). Look next: the version of this program",
  ],
  [
    "connect",
    "ECONNABORTED",
    "this host's own system aborted the attempt (CODE). Look next: the rules of this host: firewall, container, systemd (IPAddressDeny), SELinux",
  ],
  [
    "transfer",
    "ECONNABORTED",
    "this host's own system aborted the connection (CODE). Look next: the rules of this host: firewall, container, systemd (IPAddressDeny), SELinux",
  ],
  [
    "accept",
    "ECONNABORTED ECONNRESET EHOSTDOWN EHOSTUNREACH ENETDOWN ENETUNREACH ENONET ENOPROTOOPT ENOTCONN EOPNOTSUPP EPROTO ETIMEDOUT",
    "a client's connection failed before it was accepted (CODE). Look next: the address, and routes and firewalls on the path",
  ],
  [
    "connect",
    "ECONNREFUSED",
    "refused; its host answers, but nothing listens on that port, or a firewall rejects it (CODE). Look next: is the server running, and is the port open in its firewall?",
  ],
  [
    "transfer",
    "ECONNREFUSED",
    "its host, or a firewall on the path, reports that nothing is there any more (CODE). Look next: is that process still running, and does a firewall on the path reject the connection?",
  ],
  [
    "connect",
    "ECONNRESET ENOTCONN EPIPE ESHUTDOWN",
    "reset before the session was open (CODE). Look next: is the server running, and is the port open in its firewall?",
  ],
  [
    "transfer",
    "ECONNRESET ENOTCONN EPIPE ESHUTDOWN",
    "reset by its host, or by something on the path (CODE). Look next: is that process still running?",
  ],
  [
    "connect transfer",
    "EHOSTDOWN",
    "its host is down, or does not answer on its network (CODE). Look next: is that host up?",
  ],
  [
    "connect transfer",
    "EHOSTUNREACH",
    "no host answers at its address, or a router or firewall on the path reports it unreachable (CODE). Look next: the address, and routes and firewalls on the path",
  ],
  [
    "connect",
    "EINVAL",
    "this host does not send to that address: a route discards it (blackhole), or it is a link-local one without its interface (CODE). Look next: ip route get ADDRESS; an address such as fe80::1 is written fe80::1%eth0",
  ],
  [
    "transfer",
    "EINVAL",
    "this host does not send to that address any more (CODE). Look next: ip route get ADDRESS",
  ],
  [
    "listen",
    "EINVAL",
    "the system does not take that address: a link-local one lacks its interface (CODE). Look next: an address such as fe80::1 is written fe80::1%eth0; 0.0.0.0 listens on every address",
  ],
  ["accept", "EINVAL", "the port does not listen any more (CODE). Look next: what has closed it"],
  [
    "connect transfer listen accept",
    "EIO",
    "a device of this host, or its driver, failed (CODE). Look next: the log of its system: dmesg",
  ],
  [
    "connect transfer listen accept",
    "EMFILE",
    "this process has as many files open as it may (CODE). Look next: ulimit -n",
  ],
  [
    "connect transfer",
    "EMSGSIZE",
    "a packet is too large for a link on the path (CODE). Look next: the MTU of the links and tunnels on the path",
  ],
  [
    "connect transfer",
    "ENETDOWN",
    "the network interface of this host is down (CODE). Look next: ip link, on this host",
  ],
  [
    "connect transfer",
    "ENETRESET",
    "a network on the path dropped the connection (CODE). Look next: the address, and routes and firewalls on the path",
  ],
  [
    "connect transfer",
    "ENETUNREACH",
    "no route leads to its network from here, or a router reports so (CODE). Look next: the address, and routes and firewalls on the path; of an IPv6 address: whether this host has IPv6",
  ],
  [
    "connect transfer listen accept",
    "ENFILE",
    "this host has as many files open as it may (CODE). Look next: sysctl fs.file-max; lsof",
  ],
  [
    "connect transfer listen accept",
    "ENOBUFS ENOMEM ENOSR",
    "this host has no memory left for it (CODE). Look next: free -m, on this host",
  ],
  [
    "connect transfer",
    "ENODEV ENXIO",
    "the network interface for it is not there (CODE). Look next: ip link, on this host",
  ],
  [
    "listen",
    "ENODEV ENXIO",
    "the network interface of that address is not there (CODE). Look next: ip link",
  ],
  [
    "connect transfer",
    "ENONET",
    "a router reports its host cut off from the network (CODE). Look next: the address, and routes and firewalls on the path",
  ],
  [
    "connect transfer",
    "ENOPROTOOPT",
    "its host, or a firewall on the path, reports that it has no TCP (CODE). Look next: a firewall that rejects with icmp-proto-unreachable",
  ],
  [
    "connect transfer listen accept",
    "ENOSPC",
    "a limit of this host's system on sockets is reached (CODE). Look next: ulimit -a, sysctl net",
  ],
  [
    "connect transfer listen accept",
    "ENOSYS",
    "the system, or a sandbox about this process, does not have the call (CODE). Look next: the rules of this host: firewall, container, systemd (IPAddressDeny), SELinux",
  ],
  [
    "connect transfer",
    "EOPNOTSUPP",
    "the path does not take a source route, or the system not the call (CODE). Look next: the address, and routes and firewalls on the path",
  ],
  [
    "listen",
    "EOPNOTSUPP",
    "the system does not listen for TCP there (CODE). Look next: another address",
  ],
  [
    "connect transfer",
    "EPERM",
    "a rule of this host forbids the connection (CODE). Look next: the rules of this host: firewall, container, systemd (IPAddressDeny), SELinux",
  ],
  [
    "connect transfer",
    "EPROTO",
    "a host on the path reports a header that it does not take (CODE). Look next: the address, and routes and firewalls on the path",
  ],
  [
    "connect",
    "ETIMEDOUT",
    "no answer before this host's system gave up (CODE). Look next: is the address right, is the server running, and is the port open in its firewall?",
  ],
  [
    "transfer",
    "ETIMEDOUT",
    "its host acknowledged nothing (CODE). Look next: is that host up, and does a firewall on the path drop packets silently?",
  ],
];

for (const [calls, codes, text] of TEXTS) {
  for (const code of codes.split(" ")) {
    Deno.test(`networkErrorText() and meaningOf() explain ${code} of ${calls}`, () => {
      for (const call of calls.split(" ") as NetworkCall[]) {
        const what = networkErrorText(call, code, "not shown");
        assertEquals(
          `${what}. Look next: ${meaningOf(call, code)!.next}`,
          text.replace("CODE", code),
        );
      }
    });
  }
}

Deno.test("networkErrorText() gives the system's own words for a code without a meaning", () => {
  for (const call of ["connect", "transfer", "listen", "accept"] as const) {
    assertEquals(meaningOf(call, "E2BIG"), undefined);
    const text = networkErrorText(call, "E2BIG", "Argument list too long (os error 7)");
    assertEquals(text, "the system reports E2BIG: Argument list too long (os error 7)");
  }
});
