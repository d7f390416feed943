/**
 * Errors of TLS: Deno's own TLS gives only texts (of rustls), `node:tls` codes. The only file that knows either.
 *
 * @module
 */
import { networkErrorText } from "../error_text.ts";
import { type TlsRefusal, TransportError, type TransportErrorKind } from "../transport.ts";

/** What went wrong, as `error_text` has it. */
export type TlsCode =
  | "TLS_EXPIRED"
  | "TLS_NOT_YET_VALID"
  | "TLS_WRONG_NAME"
  | "TLS_UNKNOWN_AUTHORITY"
  | "TLS_IS_AUTHORITY"
  | "TLS_BAD_CERTIFICATE"
  | "TLS_NO_CERTIFICATE"
  | "TLS_DISTRUSTED"
  | "TLS_VERSION"
  | "TLS_NO_CIPHER"
  | "TLS_NONE"
  | "TLS_BROKEN";

/** Who does not go on: this side, since it does not trust the peer or not understand it, or the peer. */
const KIND: Readonly<Record<TlsCode, TransportErrorKind>> = {
  TLS_EXPIRED: "untrusted",
  TLS_NOT_YET_VALID: "untrusted",
  TLS_WRONG_NAME: "untrusted",
  TLS_UNKNOWN_AUTHORITY: "untrusted",
  TLS_IS_AUTHORITY: "untrusted",
  TLS_BAD_CERTIFICATE: "untrusted",
  TLS_NO_CERTIFICATE: "turned_away",
  TLS_DISTRUSTED: "turned_away",
  TLS_VERSION: "turned_away",
  TLS_NO_CIPHER: "turned_away",
  TLS_NONE: "no_tls",
  TLS_BROKEN: "no_tls",
};

/** Makes an error of a code; `detail` says more, as a clause. */
export function tlsError(code: TlsCode, cause: unknown, detail?: string): TransportError {
  const what = networkErrorText("connect", code, "");
  const text = detail === undefined ? what : what.replace(/ \((\w+)\)$/, `: ${detail} ($1)`);
  return new TransportError(KIND[code], cause, { code, text });
}

/** What a server says to a client whose certificate it does not accept. */
export function refusalOf(code: TlsCode): TlsRefusal {
  const text = {
    TLS_NO_CERTIFICATE: "this server asks for a client certificate, and none was sent (tls_cert)",
    TLS_EXPIRED: "the client's certificate has expired",
    TLS_NOT_YET_VALID: "the client's certificate is not yet valid, by this server's clock",
    TLS_UNKNOWN_AUTHORITY:
      "the client's certificate is of an authority that this server does not know",
  }[code as string] ?? "the client's certificate cannot be used";
  return { code, text };
}

/** Texts of rustls, by what they begin with or have in them. */
const TEXTS: readonly [RegExp, TlsCode][] = [
  [/^invalid peer certificate: certificate expired/, "TLS_EXPIRED"],
  [/^invalid peer certificate: certificate not valid yet/, "TLS_NOT_YET_VALID"],
  [/^invalid peer certificate: certificate not valid for name/, "TLS_WRONG_NAME"],
  [/^invalid peer certificate: UnknownIssuer/, "TLS_UNKNOWN_AUTHORITY"],
  [/^invalid peer certificate: .*\(CaUsedAsEndEntity\)/, "TLS_IS_AUTHORITY"],
  [/^invalid peer certificate: /, "TLS_BAD_CERTIFICATE"],
  [/^received fatal alert: CertificateRequired/, "TLS_NO_CERTIFICATE"],
  [/^received fatal alert: ProtocolVersion/, "TLS_VERSION"],
  [
    /^received fatal alert: (UnknownCA|(Bad|Unsupported)Certificate|Certificate(Unknown|Expired|Revoked))/,
    "TLS_DISTRUSTED",
  ],
  [/^received fatal alert: (HandshakeFailure|InsufficientSecurity)/, "TLS_NO_CIPHER"],
  [/^received corrupt message of type InvalidContentType/, "TLS_NONE"],
];

/** Codes of `node:tls`, and texts where a code says less. */
const CODES: Readonly<Record<string, TlsCode>> = {
  CERT_HAS_EXPIRED: "TLS_EXPIRED",
  CERT_NOT_YET_VALID: "TLS_NOT_YET_VALID",
  ERR_TLS_CERT_ALTNAME_INVALID: "TLS_WRONG_NAME",
  DEPTH_ZERO_SELF_SIGNED_CERT: "TLS_UNKNOWN_AUTHORITY",
  SELF_SIGNED_CERT_IN_CHAIN: "TLS_UNKNOWN_AUTHORITY",
  UNABLE_TO_GET_ISSUER_CERT: "TLS_UNKNOWN_AUTHORITY",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "TLS_UNKNOWN_AUTHORITY",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "TLS_UNKNOWN_AUTHORITY",
  CERT_REVOKED: "TLS_BAD_CERTIFICATE",
  INVALID_PURPOSE: "TLS_BAD_CERTIFICATE",
};

/** The code for what `node:tls` calls an error of a certificate. */
export function codeError(code: string): TlsCode {
  return CODES[code] ?? "TLS_BAD_CERTIFICATE";
}

/** Translates an error of Deno's own TLS, which has no code; any other stays as it is. */
export function rustlsError(error: unknown): unknown {
  if (!(error instanceof Deno.errors.InvalidData)) return error;
  return textError(error);
}

/** Translates an error of a socket of `node:tls`. */
export function nodeTlsError(error: Error): TransportError {
  const code = "code" in error ? CODES[String(error.code)] : undefined;
  return code ? tlsError(code, error) : textError(error);
}

function textError(error: Error): TransportError {
  const { message } = error;
  const code = TEXTS.find(([pattern]) => pattern.test(message))?.[1];
  if (code === undefined) return tlsError("TLS_BROKEN", error, message);
  return tlsError(code, error, detailOf(code, message));
}

/** What the text of an error says more than its code. */
function detailOf(code: TlsCode, message: string): string | undefined {
  switch (code) {
    case "TLS_EXPIRED":
    case "TLS_NOT_YET_VALID": {
      const [, since_s] = /not valid (?:after|before) (\d+)/.exec(message) ?? [];
      if (since_s === undefined) return undefined;
      return sinceText(code, Number(since_s) * 1000);
    }
    case "TLS_WRONG_NAME": {
      const [, name] = /for name "([^"]*)"/.exec(message) ?? [];
      const names = [...message.matchAll(/(?:DnsName\("([^"]*)"\)|IpAddress\(([^)]*)\))/g)]
        .map(([, dns, ip]) => dns ?? ip);
      return name === undefined ? undefined : namesText(names.join(", "), name);
    }
    case "TLS_BAD_CERTIFICATE":
      return message.replace("invalid peer certificate: ", "");
    case "TLS_DISTRUSTED":
      return message.replace("received fatal alert: ", "alert ");
    default:
      return undefined;
  }
}

function sinceText(code: "TLS_EXPIRED" | "TLS_NOT_YET_VALID", since_ms: number): string {
  const since = new Date(since_ms).toISOString().replace(".000Z", "Z");
  return `${code === "TLS_EXPIRED" ? "it was valid until" : "it is valid from"} ${since}`;
}

/** Says until when, or from when on, a certificate is valid. */
export function validityText(
  { validFrom, validTo }: { validFrom: string; validTo: string },
  code: "TLS_EXPIRED" | "TLS_NOT_YET_VALID",
): string {
  return sinceText(code, Date.parse(code === "TLS_EXPIRED" ? validTo : validFrom));
}

/** Says which names a certificate is for, and which one was wanted. */
export function namesText(names: string, wanted: string): string {
  return `it is for ${names || "no name (subjectAltName)"}, not for ${wanted}`;
}
