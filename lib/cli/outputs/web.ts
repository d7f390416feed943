/**
 * What a command shows besides its lines, and that is loaded only if it is asked for: the web page of `--web`.
 *
 * The entry points pass it to `command.ts`, which calls it.
 *
 * @module
 */
import { explainListen } from "../../output/explain_connect.ts";
import { healthAnswer, metricsAnswer } from "../../output/metrics/exposition.ts";
import { WebServer } from "../../output/web/web.ts";
import type { Clock } from "../../platform/clock.ts";
import { ListenError } from "../../platform/errors.ts";
import { formatAddress } from "../../platform/net/address.ts";
import { tcpTransport } from "../../platform/net/tcp.ts";
import { type Transport, TransportError } from "../../platform/net/transport.ts";
import type { ServerPem } from "../../platform/net/tls/server.ts";
import { isWebEncrypted, webAddress } from "../check.ts";
import { VERSION } from "../help.ts";
import type { Settings } from "../settings.ts";
import type { WebParts } from "../viewers.ts";

/** How what is in files is used, at once and again when they have changed, until the result is disposed of. */
export interface FileUse<Content> {
  /** Uses it. */
  readonly use: (content: Content) => void;
  /** Logs that a change was taken up, or why it was not. */
  readonly report: (level: "info" | "warning", text: string) => void;
  /** Time. */
  readonly clock: Clock;
}

/** Reads the files that a web page may need; each throws `UserError` if one cannot be used. */
export interface WebReaders {
  /** Reads the key. */
  readonly keys: (
    path: string,
    options: FileUse<readonly { readonly secret: string }[]> & { readonly role: "web" },
  ) => Disposable;
  /** Reads the certificate, at a server. */
  readonly tls?: (
    options: FileUse<ServerPem> & { readonly settings: Settings },
  ) => Disposable;
}

/**
 * Serves the web page until that is disposed of, and logs where.
 *
 * @throws {ListenError} If it cannot listen.
 * @throws {UserError} If a file that it needs cannot be used.
 */
export async function openWeb(parts: WebParts, readers: WebReaders): Promise<Disposable> {
  const { clock, monitor, report, role, settings } = parts;
  const address = webAddress(settings.web)!;
  using opened = new DisposableStack();
  let secret: string | undefined;
  if (settings.web_key_file !== "") {
    opened.use(readers.keys(settings.web_key_file, {
      role: "web",
      clock,
      report,
      use: ([key]) => secret = key!.secret,
    }));
  }
  const isEncrypted = isWebEncrypted(role, settings);
  const transport = isEncrypted ? await tlsTransport(parts, readers, opened) : tcpTransport;
  const names = [address.host, Deno.hostname()];
  let web: WebServer;
  try {
    web = new WebServer({
      address,
      transport,
      rules: () => ({ names, secret }),
      monitor,
      metrics: (accept) => metricsAnswer(monitor, VERSION, accept),
      health: () => healthAnswer(monitor.health()),
      clock,
      report: (text) => report("error", text),
    });
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    throw new ListenError(`--web: ${explainListen(error, address)}`, { cause: error });
  }
  opened.adopt(web, (web) => web.close());
  const { host, port } = web.address;
  const scheme = isEncrypted ? "https" : "http";
  report("info", `web page: ${scheme}://${formatAddress(host, port)}/`);
  if (web.page.fault) report("warning", web.page.fault);
  return opened.move();
}

/** TLS with the server's certificate; who asks shows a key, not a certificate. */
async function tlsTransport(
  { clock, settings }: WebParts,
  readers: WebReaders,
  opened: DisposableStack,
): Promise<Transport> {
  // Loaded only with TLS.
  const { serverTls } = await import("../../platform/net/tls/tls.ts");
  let serving: ReturnType<typeof serverTls> | undefined;
  opened.use(readers.tls!({
    settings: { ...settings, tls_client_ca: "" },
    clock,
    // The server reports changes of the same files.
    report: () => {},
    use: (pem) => {
      if (serving) void serving.then((tls) => tls.use(pem));
      else serving = serverTls(pem);
    },
  }));
  return (await serving!).on(tcpTransport);
}
