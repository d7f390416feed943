/**
 * Checks the files that say who may come in, and who is to be believed: lists of addresses, keys and
 * certificates. They are read as the command reads them.
 *
 * @module
 */
import { type Clock, systemClock } from "../../platform/clock.ts";
import { UserError } from "../../platform/errors.ts";
import {
  certificatesOf,
  type PemFile,
  subjectOf,
  timeFault,
} from "../../platform/net/tls/certificates.ts";
import type { Role } from "../../wire/protocol.ts";
import { isFileEntry } from "../check.ts";
import type { Settings } from "../settings.ts";
import { about, type Finding } from "./findings.ts";

/** How files are read, and watched until they are disposed of. */
export interface ReadOptions<Content> {
  /** Uses what is in them. */
  use: (content: Content) => void;
  /** Reports that they have changed. */
  report: () => void;
  /** Time. */
  clock: Clock;
}

/** The files of TLS, in PEM. */
export interface TlsContent {
  /** The own certificate, with those between it and its authority. */
  readonly cert?: string;
  /** Those who may sign the server's. */
  readonly ca?: string;
  /** Those who may sign a client's. */
  readonly clientCa?: string;
}

/** Reads the files of a command as it does when it runs; each throws `UserError` if one cannot be used. */
export interface TrustReaders {
  /** Reads lists of addresses. */
  readonly lists?: (settings: Settings, options: ReadOptions<unknown>) => Disposable;
  /** Reads keys. */
  readonly keys: (
    path: string,
    options: ReadOptions<readonly { readonly name: string }[]> & { role: Role | "web" },
  ) => Disposable;
  /** Reads certificates. */
  readonly tls: (options: ReadOptions<TlsContent> & { settings: Settings }) => Disposable;
}

/** Nothing is reported of files that are read once. */
const ONCE = { clock: systemClock, report: () => {} };

/** How many entries of a list, or names of keys, are shown. */
const SHOWN = 5;

/** Checks the lists of addresses, and the files in them. */
export function listFindings(settings: Settings, { lists }: TrustReaders): Finding[] {
  const { allow, deny } = settings;
  const [allowed, denied] = [about("allow"), about("deny")];
  const read = () => lists?.(settings, { ...ONCE, use: () => {} })[Symbol.dispose]();
  const fault = faultOf(read);
  if (fault) return [(allow.some(isFileEntry) ? allowed : denied).error(fault)];
  return [
    ...allow.length > 0 ? [allowed.ok(`only ${listText(allow)} may connect`)] : [],
    ...deny.length > 0 ? [denied.ok(`${listText(deny)} may not connect`)] : [],
  ];
}

function listText(entries: readonly string[]): string {
  const more = entries.length - SHOWN;
  return entries.slice(0, SHOWN).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** What is wrong with files; `undefined` if they can be used. */
function faultOf(read: () => void): string | undefined {
  try {
    read();
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

/** Checks the file of keys, if there is one. Of a key only its name is shown. */
export function keyFileFindings(
  role: Role,
  { key_file }: Settings,
  { keys }: TrustReaders,
): Finding[] {
  if (key_file === "") return [];
  const { error, ok } = about("key_file");
  let names: string[] = [];
  const use = (read: readonly { name: string }[]) => names = read.map(({ name }) => name);
  const fault = faultOf(() => keys(key_file, { ...ONCE, role, use })[Symbol.dispose]());
  return [fault ? error(fault) : ok(`${key_file}: ${listText(names)}`)];
}

const DAY_MS = 86_400_000;

/** A certificate that is valid for less is to be renewed. */
const RENEW_BEFORE_MS = 30 * DAY_MS;

/** Checks certificates and the private key, if TLS is on. */
export function tlsFindings(role: Role, settings: Settings, { tls }: TrustReaders): Finding[] {
  const { tls_ca, tls_cert, tls_client_ca, tls_key } = settings;
  const isOn = role === "server" ? tls_cert !== "" : settings.tls;
  if (!isOn) return [];
  let content: TlsContent = {};
  const fault = faultOf(() =>
    tls({ settings, ...ONCE, use: (files) => content = files })[Symbol.dispose]()
  );
  if (fault) return [about("tls_cert").error(fault)];
  const { ca, cert, clientCa } = content;
  return [
    ...cert ? certificateFindings({ setting: "tls_cert", path: tls_cert, text: cert }) : [],
    ...cert ? privateKeyFindings(tls_key) : [],
    ...ca ? certificateFindings({ setting: "tls_ca", path: tls_ca, text: ca }) : [],
    ...clientCa
      ? certificateFindings({ setting: "tls_client_ca", path: tls_client_ca, text: clientCa })
      : [],
  ];
}

/** Checks for how long the certificates in a file are valid: the own one, which is the first, has to be now. */
export function certificateFindings(file: PemFile, clock: Clock = systemClock): Finding[] {
  const { error, ok, warning } = about(file.setting);
  const isOwn = file.setting === "tls_cert";
  return certificatesOf(file).map((certificate, at) => {
    const { validFrom, validTo } = certificate;
    const now_ms = clock.wallTime();
    const [from, to] = [validFrom, validTo].map((time) =>
      new Date(time).toISOString().slice(0, 10)
    );
    const left_ms = Date.parse(validTo) - now_ms;
    const who = `${file.path}: ${subjectOf(certificate)}`;
    const bad = isOwn && at === 0 ? error : warning;
    switch (timeFault(certificate, now_ms)) {
      case "TLS_EXPIRED":
        return bad(`${who}, which expired on ${to}`);
      case "TLS_NOT_YET_VALID":
        return bad(`${who}, which is not valid before ${from}`);
    }
    if (left_ms >= RENEW_BEFORE_MS) return ok(`${who}, valid until ${to}`);
    return warning(
      `${who}, which expires in ${Math.floor(left_ms / DAY_MS)} days, on ${to}: renew it`,
    );
  });
}

/** Warns if others can read a private key. */
function privateKeyFindings(path: string): Finding[] {
  const { mode } = Deno.statSync(path);
  const { ok, warning } = about("tls_key");
  if (mode === null || (mode & 0o077) === 0) return [ok(path)];
  const shown = (mode & 0o777).toString(8);
  return [
    warning(
      `${path}: others than its owner can read or write it (mode ${shown}): chmod 600 ${path}`,
    ),
  ];
}
