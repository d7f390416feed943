/**
 * Checks where the web page would be served, and who could see it.
 *
 * @module
 */
import { explainListen } from "../../output/explain_connect.ts";
import { systemClock } from "../../platform/clock.ts";
import { UserError } from "../../platform/errors.ts";
import { formatAddress } from "../../platform/net/address.ts";
import { listenReachOf, type Reach } from "../../platform/net/reach.ts";
import { type Transport, TransportError } from "../../platform/net/transport.ts";
import type { Role } from "../../wire/protocol.ts";
import { isWebEncrypted, webAddress } from "../check.ts";
import type { Settings } from "../settings.ts";
import { about, type Finding } from "./findings.ts";
import type { TrustReaders } from "./preflight_trust.ts";

const SHOWN_TO: Readonly<Record<Reach, string>> = {
  host: "which every user of this host can see",
  private: "which whoever in private networks has its key can see",
  public: "which whoever has its key can see",
};

/** Checks the address of the web page, its key, and whether others could read along. */
export function webFindings(
  role: Role,
  settings: Settings,
  { own, transport }: { readonly own?: readonly string[]; readonly transport: Transport },
  { keys }: TrustReaders,
): Finding[] {
  const address = webAddress(settings.web);
  if (!address) return [];
  const { error, ok, warning } = about("web");
  const reach = listenReachOf(address.host, own);
  const isEncrypted = isWebEncrypted(role, settings);
  const url = `${isEncrypted ? "https" : "http"}://${formatAddress(address.host, address.port)}/`;
  const isReadable = reach !== "host" && !isEncrypted;
  const text = `serves the page at ${url}, ${SHOWN_TO[reach]}`;
  const fault = settings.web_key_file === "" ? undefined : keyFault(settings.web_key_file, keys);
  return [
    ...listenFault(address, transport, (text, isTaken) => (isTaken ? warning : error)(text)),
    isReadable
      ? warning(`${text}; nothing is encrypted: whoever is on the path can read the key, too`)
      : ok(text),
    ...fault === undefined ? [] : [about("web_key_file").error(fault)],
  ];
}

function listenFault(
  address: NonNullable<ReturnType<typeof webAddress>>,
  transport: Transport,
  found: (text: string, isTaken: boolean) => Finding,
): Finding[] {
  try {
    transport.listen(address).close();
    return [];
  } catch (cause) {
    if (!(cause instanceof TransportError)) throw cause;
    // Whoever checks the settings of a process that runs is to be told no more than that.
    return [found(explainListen(cause, address), cause.kind === "address_in_use")];
  }
}

/** What is wrong with the file of the key; `undefined` if it can be used. */
function keyFault(path: string, keys: TrustReaders["keys"]): string | undefined {
  try {
    keys(path, { role: "web", clock: systemClock, report: () => {}, use: () => {} })
      [Symbol.dispose]();
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}
