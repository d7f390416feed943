/**
 * Addresses as people read and type them.
 *
 * @module
 */

/** `host:port`, with IPv6 in brackets, and IPv4 as IPv4 even where it came in through IPv6. */
export function formatAddress(host: string, port: number): string {
  const plain = host.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
  return plain.includes(":") ? `[${plain}]:${port}` : `${plain}:${port}`;
}

/** The host of what `formatAddress` gave. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}

const NAME = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$/;

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/** Whether a host is an IPv4 or an IPv6 address, not a name. */
export function isNumericHost(host: string): boolean {
  return host.includes(":") || IPV4.test(host);
}

/** Whether a text can be an IPv4 address, an IPv6 address or a host name. */
export function isHost(text: string): boolean {
  if (text.includes(":")) return URL.canParse(`http://[${text.replace(/%.*$/, "")}]`);
  // What ends in a number can only be an IPv4 address (RFC 1123, section 2.1).
  if (/(?:^|\.)\d+$/.test(text)) return IPV4.test(text);
  return NAME.test(text) && !text.includes("..");
}
