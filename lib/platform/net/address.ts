/**
 * Formats, validates and compares addresses.
 *
 * @module
 */

/** Formats `host:port`, with IPv6 in brackets; an IPv4-mapped IPv6 address becomes plain IPv4. */
export function formatAddress(host: string, port: number): string {
  if (!host.includes(":")) return `${host}:${port}`;
  const plain = host.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
  return plain.includes(":") ? `[${plain}]:${port}` : `${plain}:${port}`;
}

/** Extracts the host from the result of `formatAddress`. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}

/**
 * Splits `HOST:PORT`, `[HOST]:PORT` or `[HOST]`; `undefined` of any other text, such as an IPv6 address
 * without brackets. Neither part is validated.
 */
export function splitAddress(text: string): { host: string; port?: string } | undefined {
  const parts = /^\[([^[\]]+)\](?::(\d+))?$/.exec(text) ?? /^([^:[\]/]+):(\d+)$/.exec(text);
  if (!parts) return undefined;
  const [, host = "", port] = parts;
  return port === undefined ? { host } : { host, port };
}

const NAME = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$/;

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/** Whether a host is an IPv4 or IPv6 address, not a name. */
export function isNumericHost(host: string): boolean {
  return host.includes(":") || IPV4.test(host);
}

/** Whether a text is a valid IPv4 address, IPv6 address or host name. */
export function isHost(text: string): boolean {
  if (text.includes(":")) return URL.canParse(`http://[${text.replace(/%.*$/, "")}]`);
  // A host whose last label is a number must be an IPv4 address (RFC 1123, section 2.1).
  if (/(?:^|\.)\d+$/.test(text)) return IPV4.test(text);
  return NAME.test(text) && !text.includes("..");
}

/** How many hexadecimal digits an IPv4 and an IPv6 address have. */
export const DIGITS = { ipv4: 8, ipv6: 32 } as const;

/**
 * The hexadecimal digits of a numeric address, by which addresses of a family compare: 8 of IPv4, also of one
 * that is mapped to IPv6 (`::ffff:192.0.2.1`), 32 of IPv6, without its zone; `undefined` of anything else.
 */
export function digitsOf(host: string): string | undefined {
  if (IPV4.test(host)) return joined(host.split("."), 10, 2);
  const plain = host.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  if (!plain.includes(":") || !isHost(plain)) return undefined;
  // In its shortest form, without a part in decimals.
  const shortest = new URL(`http://[${plain}]`).hostname.slice(1, -1);
  const [head = [], tail] = shortest.split("::").map((part) => part === "" ? [] : part.split(":"));
  const zeros = tail && Array<string>(8 - head.length - tail.length).fill("0");
  const digits = joined(zeros ? [...head, ...zeros, ...tail] : head, 16, 4);
  return digits.startsWith(MAPPED) ? digits.slice(MAPPED.length) : digits;
}

/** How the digits of an IPv4 address begin that is mapped to IPv6. */
const MAPPED = "00000000000000000000ffff";

function joined(parts: readonly string[], radix: number, width: number): string {
  return parts.map((part) => parseInt(part, radix).toString(16).padStart(width, "0")).join("");
}

/** How many digits of an IPv6 address count as one: of its lower 64 bits a host may pick any (RFC 4291). */
const SAME_HOST_DIGITS = 16;

/** By what all addresses and ports of one host are alike. */
export function hostKey(peer: string): string {
  const host = hostOf(peer);
  const digits = digitsOf(host) ?? host;
  return digits.length === DIGITS.ipv6 ? digits.slice(0, SAME_HOST_DIGITS) : digits;
}
