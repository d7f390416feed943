/**
 * Certificates and private keys in PEM: whether they can be used, and whether one was signed by another.
 *
 * @module
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { UsageError } from "../../errors.ts";
import { validityText } from "./errors.ts";
import { hasNodeTls } from "./runtime.ts";

/** A PEM file: its text, and what it is called in an error. */
export interface PemFile {
  /** Its setting, such as `tls_cert`. */
  readonly setting: string;
  /** Its name. */
  readonly path: string;
  /** Its content. */
  readonly text: string;
}

const KEY_TYPES = ["rsa", "ec", "ed25519"];

const CERTIFICATE = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;

function refuse({ path, setting }: PemFile, why: string): never {
  throw new UsageError(`${setting} ${path}: ${why}`);
}

/**
 * The certificates in a file.
 *
 * @throws {UsageError} If there is none, or one cannot be read.
 */
export function certificatesOf(file: PemFile): X509Certificate[] {
  const texts = file.text.match(CERTIFICATE) ?? [];
  if (texts.length === 0) {
    refuse(file, "there is no certificate in it (-----BEGIN CERTIFICATE-----)");
  }
  return texts.map((text, at) => {
    try {
      return new X509Certificate(text);
    } catch {
      refuse(file, `certificate ${at + 1} in it is damaged`);
    }
  });
}

/** The private key in a file; throws `UsageError` if there is none that can be used. */
function keyOf(file: PemFile): KeyObject {
  const { text } = file;
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    refuse(file, "there is no private key in it (-----BEGIN PRIVATE KEY-----)");
  }
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(text)) {
    refuse(
      file,
      "its key is encrypted; write it without a passphrase, readable by this user alone",
    );
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    refuse(file, "its private key is damaged, or of an unknown kind");
  }
  if (!KEY_TYPES.includes(key.asymmetricKeyType ?? "")) {
    refuse(
      file,
      `its private key is of the kind ${key.asymmetricKeyType}; TLS takes RSA, EC or Ed25519`,
    );
  }
  return key;
}

/**
 * Checks that a certificate and a private key belong together.
 *
 * @throws {UsageError} If they do not, or one of them cannot be used.
 */
export function checkPair(cert: PemFile, key: PemFile): void {
  const [leaf] = certificatesOf(cert);
  const privateKey = keyOf(key);
  // An old runtime finds out when it begins to listen.
  if (!hasNodeTls()) return;
  if (!isVersion3(leaf!)) refuse(cert, "its certificate is of version 1; TLS takes version 3");
  if (!leaf!.checkPrivateKey(privateKey)) {
    refuse(key, `its private key does not fit the first certificate of ${cert.path}`);
  }
}

/**
 * Checks a file of authorities.
 *
 * @throws {UsageError} If there is none in it, or one cannot be used.
 */
export function checkAuthorities(file: PemFile): void {
  const old = certificatesOf(file).find((each) => !isVersion3(each));
  // The platform does not verify the signature of a client that shows such a one.
  if (old) {
    refuse(file, `the certificate of ${subjectOf(old)} is of version 1; TLS takes version 3`);
  }
}

/** The subject of a certificate in one line, such as `CN=sensor-7, O=Example`. */
export function subjectOf({ subject }: X509Certificate): string {
  return (subject ?? "").split("\n").join(", ");
}

const SEQUENCE = 0x30;
const VERSION = 0xa0;

/** Whether a certificate has an explicit version of 3 (RFC 5280, section 4.1.2.1). */
export function isVersion3({ raw }: X509Certificate): boolean {
  const inner = contentOf(raw, SEQUENCE);
  const fields = inner && contentOf(inner, SEQUENCE);
  const version = fields && contentOf(fields, VERSION);
  return version !== undefined && version[0] === 2 && version[1] === 1 && version[2] === 2;
}

/** What is in the DER element of this type that bytes begin with. */
function contentOf(bytes: Uint8Array, type: number): Uint8Array | undefined {
  const [tag, length = 0] = bytes;
  if (tag !== type) return undefined;
  return bytes.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f));
}

/** What is wrong with the time for which a certificate is valid; `undefined` if nothing is. */
export function timeFault(
  { validFrom, validTo }: X509Certificate,
  now_ms: number,
): "TLS_EXPIRED" | "TLS_NOT_YET_VALID" | undefined {
  if (Date.parse(validTo) < now_ms) return "TLS_EXPIRED";
  return Date.parse(validFrom) > now_ms ? "TLS_NOT_YET_VALID" : undefined;
}

/** What is wrong with the time for which the first certificate of a file is valid, as a clause. */
export function validityFault(file: PemFile, now_ms: number): string | undefined {
  const [leaf] = certificatesOf(file);
  const fault = timeFault(leaf!, now_ms);
  return fault && `the certificate is not valid now: ${validityText(leaf!, fault)}`;
}

/** The longest chain of certificates that is followed. */
const MAX_CHAIN = 8;

/**
 * Whether a chain of certificates, the peer's own first, leads to one of these authorities by signatures that
 * verify, of certificates that are valid now. `node:tls` also takes some that it has only compared by name.
 */
export function leadsTo(
  authorities: readonly X509Certificate[],
  chain: readonly X509Certificate[],
  now_ms: number,
): boolean {
  let current: X509Certificate | undefined = chain[0];
  if (!current || !isVersion3(current)) return false;
  for (let i = 0; i < MAX_CHAIN; i++) {
    const signed: X509Certificate = current!;
    if (timeFault(signed, now_ms)) return false;
    if (authorities.some((each) => isSignedBy(signed, each))) return true;
    current = chain.find((each) => each.ca && isVersion3(each) && isSignedBy(signed, each));
    if (!current || current.fingerprint256 === signed.fingerprint256) return false;
  }
  return false;
}

function isSignedBy(signed: X509Certificate, by: X509Certificate): boolean {
  if (signed.issuer !== by.subject) return false;
  try {
    return signed.checkIssued(by) && signed.verify(by.publicKey);
  } catch {
    return false;
  }
}
