/**
 * What to set where, so that no connection is idle for too long.
 *
 * @module
 */

/** How much of what idle sessions survive an interval may take, to stay clear of the timeout. */
const SAFE_SHARE = 0.8;

/** Below so many seconds, gRPC's servers take pings for an attack unless they permit it (gRFC A8). */
const GRPC_SHORTEST_S = 300;

/** The longest interval, in seconds, that keeps what survives so many seconds open; 0 if nothing is known. */
export function safeInterval_s(survives_s: number): number {
  const longest = survives_s * SAFE_SHARE;
  const parts = longest >= 10 ? 1 : longest >= 1 ? 10 : 1000;
  return Math.floor(longest * parts) / parts;
}

/** The settings that keep connections open over a path on which idle ones survive so many seconds. */
export function adviceLines(survives_s: number, isUnlimited: boolean): string[] {
  const interval = safeInterval_s(survives_s);
  if (interval === 0) return ["no interval can be advised: no idle session is known to survive"];
  if (isUnlimited) {
    return [
      `any data_interval up to ${interval} s is safe (0.8 of what was tried): nothing has to be`,
      "set on this path to keep connections open that long",
    ];
  }
  const keepalive = Math.max(1, Math.floor(interval));
  // A probe that is lost is repeated before the timeout is over.
  const again = Math.max(1, Math.min(75, Math.floor(keepalive / 4)));
  const lines = [
    `to keep connections open, something has to be sent every ${interval} s (0.8 of what`,
    "survives) or more often. Settings for that:",
    `  Pulsewire   data_interval = ${interval}`,
    `  Linux       net.ipv4.tcp_keepalive_time=${keepalive} net.ipv4.tcp_keepalive_intvl=${again}`,
    "              (sysctl; for programs that ask for keep-alive)",
    `  OpenSSH     ClientAliveInterval ${keepalive} (sshd), ServerAliveInterval ${keepalive} (ssh)`,
    `  PostgreSQL  tcp_keepalives_idle = ${keepalive}, tcp_keepalives_interval = ${again};`,
    `              in libpq keepalives_idle=${keepalive}`,
    `  gRPC        GRPC_ARG_KEEPALIVE_TIME_MS = ${keepalive * 1000}`,
    `  HAProxy     option clitcpka, clitcpka-idle ${keepalive}s;`,
    `              option srvtcpka, srvtcpka-idle ${keepalive}s`,
  ];
  if (keepalive >= GRPC_SHORTEST_S) return lines;
  const permit = "              (its server permits that with";
  const pings = "              GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS)";
  return [...lines.slice(0, -2), permit, pings, ...lines.slice(-2)];
}
