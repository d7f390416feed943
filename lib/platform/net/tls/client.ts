/**
 * The side of a client that has a certificate.
 *
 * @module
 */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import tls, { type DetailedPeerCertificate, type PeerCertificate, type TLSSocket } from "node:tls";
import { systemClock } from "../../clock.ts";
import type { Connection, TransportError } from "../transport.ts";
import { leadsTo, timeFault } from "./certificates.ts";
import { codeError, namesText, nodeTlsError, tlsError, validityText } from "./errors.ts";
import { factsOf, type HandshakeResult, type TlsSide, TlsStreamConnection } from "./stream.ts";

/** What such a client verifies and shows: the contents of PEM files. */
export interface CertifiedClientPem {
  /** The authorities that the server's certificate may be of: with this, no others. */
  readonly ca: string;
  /** Its certificate, and those between it and the authority. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;

/** TLS of a client that shows a certificate. */
export class ClientTls {
  readonly #options: { ca: string[]; cert: string; key: string };
  /** Parsed when first needed. */
  #authorities?: readonly X509Certificate[];

  /** Makes it of files that have been checked. */
  constructor({ ca, cert, key }: CertifiedClientPem) {
    this.#options = { ca: ca.match(CERTIFICATE) ?? [], cert, key };
  }

  /** The authorities that a server's certificate may be of. */
  get authorities(): readonly X509Certificate[] {
    return this.#authorities ??= this.#options.ca.map((pem) => new X509Certificate(pem));
  }

  /** Takes a connection over, to a server whose certificate must have this name. */
  take(connection: Connection, name: string): Connection {
    return new TlsStreamConnection(connection, this.#side(name));
  }

  #side(name: string): TlsSide {
    return {
      completion: "secureConnect",
      begin: (stream: Duplex) =>
        tls.connect({
          ...this.#options,
          socket: stream,
          host: name,
          ...isIP(name) === 0 && { servername: name },
          minVersion: "TLSv1.2",
          // With true, an expired certificate could not be told from one of an unknown authority.
          rejectUnauthorized: false,
          // That is judged last, and by the alternative names only.
          checkServerIdentity: () => undefined,
        }),
      judge: (socket) => this.#judge(socket, name),
      translate: (error: Error): TransportError => nodeTlsError(error),
    };
  }

  #judge(socket: TLSSocket, name: string): HandshakeResult {
    const [now_ms, chain] = [systemClock.wallTime(), chainOf(socket)];
    const leaf = chain[0];
    // A session that is reused would not be verified again.
    if (!leaf || socket.isSessionReused()) throw tlsError("TLS_BAD_CERTIFICATE", undefined);
    const fault = timeFault(leaf, now_ms);
    if (fault) throw tlsError(fault, undefined, validityText(leaf, fault));
    const { authorizationError } = socket;
    if (!socket.authorized) {
      throw tlsError(codeError(String(authorizationError)), authorizationError);
    }
    if (!leadsTo(this.authorities, chain, now_ms)) {
      throw tlsError("TLS_UNKNOWN_AUTHORITY", undefined);
    }
    const nameFault = identityFault(name, socket.getPeerCertificate());
    if (nameFault) throw nameFault;
    return { facts: factsOf(socket) };
  }
}

/** The certificates that a server showed, its own first. */
function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw && !chain.some(({ raw }) => raw.equals(next!.raw))) {
    chain.push(new X509Certificate(next.raw));
    next = next.issuerCertificate;
  }
  return chain;
}

/** What is wrong with the names of a server's certificate, if anything is: its common name is none. */
function identityFault(name: string, certificate: PeerCertificate): TransportError | undefined {
  const { subjectaltname } = certificate;
  if (subjectaltname && !tls.checkServerIdentity(name, certificate)) return undefined;
  const names = (subjectaltname ?? "").replace(/(DNS|IP Address):/g, "");
  return tlsError("TLS_WRONG_NAME", undefined, namesText(names, name));
}
