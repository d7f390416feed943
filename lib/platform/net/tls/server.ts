/**
 * The server's side of TLS: its certificate, and whose client certificates it accepts.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import tls, { type SecureContext, type TLSSocket } from "node:tls";
import type { Duplex } from "node:stream";
import { systemClock } from "../../clock.ts";
import { UsageError } from "../../errors.ts";
import { subjectOf, timeFault } from "./certificates.ts";
import { codeError, nodeTlsError, refusalOf } from "./errors.ts";
import { factsOf, type HandshakeResult, type TlsSide, TlsStreamConnection } from "./stream.ts";
import { type Connection, TransportError } from "../transport.ts";

/** What a server shows, and asks for: the contents of PEM files. */
export interface ServerPem {
  /** Its certificate, and those between it and the authority. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
  /** The authorities of client certificates; without it none are asked for. */
  readonly clientCa?: string;
}

/** How many client certificates are remembered that have been accepted. */
const MAX_ACCEPTED = 10_000;

/** TLS of a server: takes over the connections that it accepts. */
export class ServerTls implements TlsSide {
  readonly completion = "secure";
  #context!: SecureContext;
  #asksForCertificates = false;
  /** The client certificates that were accepted in a full handshake, by fingerprint, and until when they are valid. */
  readonly #accepted = new Map<string, number>();

  /** Makes it of files that `checkServerPem` has checked. */
  constructor(pem: ServerPem) {
    this.use(pem);
  }

  /**
   * Uses these for all connections that are accepted from now on.
   *
   * @throws {UsageError} If they cannot be used; then nothing has changed.
   */
  use({ cert, clientCa, key }: ServerPem): void {
    try {
      this.#context = tls.createSecureContext({ cert, key, ca: clientCa, minVersion: "TLSv1.2" });
    } catch (error) {
      const why = error instanceof Error ? error.message : error;
      throw new UsageError(`tls_cert, tls_key: cannot be used: ${why}`);
    }
    this.#asksForCertificates = clientCa !== undefined;
    this.#accepted.clear();
  }

  /** Takes a connection over. */
  take(connection: Connection): Connection {
    return new TlsStreamConnection(connection, this);
  }

  begin(stream: Duplex): TLSSocket {
    return new tls.TLSSocket(stream, {
      isServer: true,
      secureContext: this.#context,
      requestCert: this.#asksForCertificates,
      // With true, a client would learn of a missing certificate only that the connection was closed.
      rejectUnauthorized: false,
    });
  }

  judge(socket: TLSSocket): HandshakeResult {
    const facts = factsOf(socket);
    if (!this.#asksForCertificates) return { facts };
    const raw = socket.getPeerCertificate()?.raw;
    if (!raw) return { facts, refusal: refusalOf("TLS_NO_CERTIFICATE") };
    const certificate = new X509Certificate(raw);
    if (socket.isSessionReused()) this.#admitReused(certificate);
    else {
      const code = verifyError(socket);
      const fault = timeFault(certificate, systemClock.wallTime());
      if (code !== "") return { facts, refusal: refusalOf(fault ?? codeError(code)) };
      this.#accept(certificate);
    }
    return { facts: { ...facts, certificate: subjectOf(certificate) } };
  }

  translate(error: Error): TransportError {
    return nodeTlsError(error);
  }

  #accept({ fingerprint256, validTo }: X509Certificate): void {
    const [oldest] = this.#accepted.keys();
    if (this.#accepted.size === MAX_ACCEPTED) this.#accepted.delete(oldest!);
    this.#accepted.set(fingerprint256, Date.parse(validTo));
  }

  /**
   * A session that is reused is not verified again, and one whose certificate was refused can be reused: it is
   * closed unless its certificate was accepted before, so that the client begins anew.
   */
  #admitReused({ fingerprint256 }: X509Certificate): void {
    const until_ms = this.#accepted.get(fingerprint256) ?? -Infinity;
    if (until_ms > systemClock.wallTime()) return;
    throw new TransportError("reset", "a TLS session that this server does not know");
  }
}

/** Why the peer's certificate was not verified; empty if it was. The socket says it to a `tls.Server` only. */
function verifyError(socket: TLSSocket): string {
  const { _handle: handle } = socket as unknown as { _handle?: { verifyError?(): string } };
  return handle?.verifyError ? handle.verifyError() : "UNVERIFIED";
}
