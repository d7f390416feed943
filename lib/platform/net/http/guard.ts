/**
 * Judges who may ask: by method, `Host`, `Origin` and key. A page of another origin that a browser shows cannot
 * read what is served here, also not after its name was made to lead here (DNS rebinding).
 *
 * @module
 */
import { isSameSecret } from "../../secrets.ts";
import { isHost, isNumericHost } from "../address.ts";
import { reachOf } from "../reach.ts";
import { type HttpRequest, type HttpResponse, textResponse } from "./http.ts";

/** What a request is judged by. */
export interface GuardRules {
  /** The host that was given to listen on, and the name of this host, if it is known. */
  readonly names: readonly string[];
  /** The secret that a request must show, if there is one. */
  readonly secret?: string;
}

/** Why a request is not served, as a response; `undefined` if it is. */
export function refusalOf(request: HttpRequest, rules: GuardRules): HttpResponse | undefined {
  const { fields, method } = request;
  const host = fields.get("host") ?? "";
  if (!isOwnHost(host, rules)) {
    return textResponse(421, "the Host of the request is none of this server's");
  }
  if (method !== "GET" && method !== "HEAD") {
    return textResponse(405, "only GET and HEAD are served", { allow: "GET, HEAD" });
  }
  if (!isSameOrigin(request, host)) {
    return textResponse(403, "pages of other origins may not ask");
  }
  if (rules.secret === undefined || showsSecret(fields.get("authorization"), rules.secret)) {
    return undefined;
  }
  return textResponse(401, "the secret in web_key_file is needed, as bearer token or password", {
    "www-authenticate": 'Basic realm="Pulsewire", charset="UTF-8"',
  });
}

/**
 * Whether a `Host` names this server: by the name that it was given, or a name or address of this host. An
 * address cannot be rebound; where anybody may listen in, though, a key is asked for besides.
 */
function isOwnHost(field: string, { names, secret }: GuardRules): boolean {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(field);
  const name = parts?.[1] ?? parts?.[2] ?? "";
  if (!isHost(name)) return false;
  const isNamed = names.some((each) => each.toLowerCase() === name.toLowerCase());
  if (isNamed || reachOf(name) === "host") return true;
  return secret !== undefined && isNumericHost(name);
}

/** Whether a request comes from a page of this server, from no page, or opens a page. */
function isSameOrigin({ fields, path }: HttpRequest, host: string): boolean {
  const origin = fields.get("origin");
  if (origin !== undefined && !["http", "https"].some((each) => origin === `${each}://${host}`)) {
    return false;
  }
  const site = fields.get("sec-fetch-site") ?? "none";
  if (site === "none" || site === "same-origin") return true;
  // A link somewhere else may lead here.
  return path === "/" && fields.get("sec-fetch-mode") === "navigate" &&
    fields.get("sec-fetch-dest") === "document";
}

/** Whether a request shows a secret: as a bearer token (RFC 6750), or as a password of any user (RFC 7617). */
function showsSecret(field: string | undefined, secret: string): boolean {
  const [, scheme = "", value = ""] = /^(bearer|basic) +(\S+)$/i.exec(field ?? "") ?? [];
  if (scheme.toLowerCase() === "bearer") return isSameSecret(value, secret);
  try {
    const password = /^[^:]*:(.*)$/.exec(atob(value))?.[1];
    return password !== undefined && isSameSecret(password, secret);
  } catch {
    return false;
  }
}
