/**
 * Formats and validates addresses.
 *
 * @module
 */

/** Formats `host:port`, with IPv6 in brackets; an IPv4-mapped IPv6 address becomes plain IPv4. */
export function formatAddress(host: string, port: number): string {
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
