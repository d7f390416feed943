/**
 * The files of TLS: read, checked, and used again when they have changed.
 *
 * @module
 */
import type { Clock } from "../../platform/clock.ts";
import { UsageError } from "../../platform/errors.ts";
import {
  certificatesOf,
  checkAuthorities,
  checkPair,
  validityFault,
} from "../../platform/net/tls/certificates.ts";
import type { ServerPem } from "../../platform/net/tls/server.ts";
import { hasNodeTls } from "../../platform/net/tls/runtime.ts";
import type { ClientPem } from "../../platform/net/tls/tls.ts";
import type { Settings } from "../settings.ts";
import { type FileContent, WatchedFiles } from "./watched_file.ts";

/** What one side does with its files. */
export interface TlsFilesOptions<Pem> {
  /** The settings. */
  settings: Settings;
  /** Uses what is in them. */
  use: (pem: Pem) => void;
  /** Logs that a change was taken up, or why it was not. */
  report: (level: "info" | "warning", text: string) => void;
  /** Time. */
  clock: Clock;
}

const decoder = new TextDecoder();

/** A file's name for an error, and its text. */
function pemFile(setting: string, { bytes, path }: FileContent) {
  return { setting, path, text: decoder.decode(bytes) };
}

/** Refuses a setting that takes a newer runtime. */
function refuseOldRuntime(setting: string): void {
  if (hasNodeTls()) return;
  throw new UsageError(
    `${setting}: client certificates take Deno 2.8 or later, and this is ${Deno.version.deno}; leave it out`,
  );
}

/** Checks a certificate and its key, as far as the runtime can. */
function checkOwn(cert: FileContent, key: FileContent): { cert: string; key: string } {
  const [own, secret] = [pemFile("tls_cert", cert), pemFile("tls_key", key)];
  checkPair(own, secret);
  return { cert: own.text, key: secret.text };
}

/**
 * Reads the files of a server, and watches them.
 *
 * @throws {UserError} If they cannot be read or used.
 */
export function watchServerTls(options: TlsFilesOptions<ServerPem>): WatchedFiles {
  const { clock, report, settings: { tls_cert, tls_client_ca, tls_key }, use } = options;
  if (tls_client_ca !== "") refuseOldRuntime("tls_client_ca");
  const authorities = tls_client_ca === "" ? [] : [tls_client_ca];
  let isFirst = true;
  const warnOfTime = (text: string, path: string) => {
    const fault = hasNodeTls() &&
      validityFault({ setting: "tls_cert", path, text }, clock.wallTime());
    if (fault) report("warning", `tls_cert ${path}: ${fault}; clients will not accept it`);
  };
  return new WatchedFiles({
    paths: [tls_cert, tls_key, ...authorities],
    clock,
    report,
    use: ([cert, key, clientCa]) => {
      if (!isFirst && !hasNodeTls()) {
        throw new UsageError(
          `${tls_cert}: has changed, which Deno ${Deno.version.deno} takes up only at the next start ` +
            "(2.8 and later at once)",
        );
      }
      const ca = clientCa && pemFile("tls_client_ca", clientCa);
      if (ca) checkAuthorities(ca);
      const own = checkOwn(cert!, key!);
      use({ ...own, clientCa: ca?.text });
      warnOfTime(own.cert, cert!.path);
      isFirst = false;
    },
  });
}

/**
 * Reads the files of a client, and watches them.
 *
 * @throws {UserError} If they cannot be read or used.
 */
export function watchClientTls(options: TlsFilesOptions<ClientPem>): WatchedFiles {
  const { clock, report, settings, use } = options;
  const { tls_ca, tls_cert, tls_key, tls_server_name } = settings;
  if (tls_cert !== "") refuseOldRuntime("tls_cert");
  const own = tls_cert === "" ? [] : [tls_cert, tls_key];
  return new WatchedFiles({
    paths: [...own, ...tls_ca === "" ? [] : [tls_ca]],
    clock,
    report,
    use: (files) => {
      const ca = tls_ca === "" ? undefined : pemFile("tls_ca", files.at(-1)!);
      if (ca) certificatesOf(ca);
      const pair = tls_cert === "" ? {} : checkOwn(files[0]!, files[1]!);
      use({ ca: ca?.text, serverName: tls_server_name || undefined, ...pair });
    },
  });
}
