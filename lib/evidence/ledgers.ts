/**
 * The ledgers of both sides of a session, reconciled: what was sent, received and confirmed, and what cannot
 * be true.
 *
 * @module
 */

/** What the client counted: the last sequence numbers. */
export interface ClientLedger {
  /** The last data message sent. */
  readonly sent: number;
  /** The last one whose confirmation it received. */
  readonly confirmed: number;
  /** Whether these are its final counters, and not merely the last that were recorded. */
  readonly isFinal: boolean;
}

/** What the server counted. */
export interface ServerLedger {
  /** The last data message received. */
  readonly received: number;
  /** The last one that it confirmed. */
  readonly confirmed: number;
  /** Whether these are its final counters, of all connections of the session. */
  readonly isFinal: boolean;
}

/** Both ledgers together. */
export interface Reconciled {
  /** Data messages sent; `null` if the client was not recorded. */
  readonly sent: number | null;
  /** Data messages received; `null` if the server was not recorded. */
  readonly received: number | null;
  /** Data messages that the server confirmed. */
  readonly confirmed_by_server: number | null;
  /** Data messages whose confirmation the client received. */
  readonly confirmed: number | null;
  /** Of those sent, how many are not confirmed at the client. */
  readonly in_doubt: number | null;
  /** Of those in doubt, how many the server has: `null` if one side was not recorded to its end. */
  readonly in_doubt_arrived: number | null;
  /** What cannot be true of one and the same session, in sentences. */
  readonly contradictions: string[];
}

/** Reconciles the ledgers: confirmed at the client ≤ confirmed at the server ≤ received ≤ sent. */
export function reconcile(client?: ClientLedger, server?: ServerLedger): Reconciled {
  const contradictions: string[] = [];
  const atMost = (less: number, what: string, more: number, than: string, isFinal: boolean) => {
    if (isFinal && less > more) contradictions.push(`${what} ${less}, but ${than} ${more}`);
  };
  if (client) {
    const { confirmed, isFinal, sent } = client;
    atMost(confirmed, "the client has the confirmation of", sent, "it sent only", isFinal);
  }
  if (server) {
    const { confirmed, isFinal, received } = server;
    atMost(confirmed, "the server confirmed", received, "it received only", isFinal);
  }
  if (client && server) {
    const { confirmed, isFinal, sent } = client;
    const has = "the client has the confirmation of";
    atMost(server.received, "the server received", sent, "the client sent only", isFinal);
    atMost(confirmed, has, server.confirmed, "the server confirmed only", server.isFinal);
  }
  const in_doubt = client ? Math.max(0, client.sent - client.confirmed) : null;
  const isWhole = client?.isFinal && server?.isFinal;
  return {
    sent: client?.sent ?? null,
    received: server?.received ?? null,
    confirmed_by_server: server?.confirmed ?? null,
    confirmed: client?.confirmed ?? null,
    in_doubt,
    in_doubt_arrived: isWhole
      ? Math.min(in_doubt!, Math.max(0, server.received - client.confirmed))
      : null,
    contradictions,
  };
}
