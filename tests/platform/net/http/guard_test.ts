/**
 * Who may ask a web server.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type GuardRules, refusalOf } from "../../../../lib/platform/net/http/guard.ts";
import { parseHead } from "../../../../lib/platform/net/http/request_head.ts";
import { requestText } from "../../../support/http_client.ts";

const SECRET = "A".repeat(43);

const LOCAL: GuardRules = { names: ["127.0.0.1", "mill"] };
const PUBLIC: GuardRules = { names: ["0.0.0.0", "mill"], secret: SECRET };

/** The status with which a request is refused; 200 if it is not. */
function judged(
  rules: GuardRules,
  fields: Record<string, string>,
  method = "GET",
  path = "/api/sessions",
): number {
  const head = parseHead(new TextEncoder().encode(requestText(path, { fields, method })));
  if (!head || "status" in head) throw new Error("no request");
  return refusalOf(head.request, rules)?.status ?? 200;
}

for (
  const [host, local, isPublic] of [
    ["localhost", 200, 200],
    ["localhost:9000", 200, 200],
    ["LOCALHOST:8080", 200, 200],
    ["127.0.0.1:8080", 200, 200],
    ["[::1]:8080", 200, 200],
    ["mill", 200, 200],
    ["mill.example.org:8080", 421, 421],
    ["mill.evil.example", 421, 421],
    // An address cannot be rebound, but without a key nobody else has to ask.
    ["192.0.2.1:8080", 421, 200],
    ["[2001:db8::1]", 421, 200],
    ["evil.example", 421, 421],
    ["localhost.evil.example", 421, 421],
    ["127.0.0.1.evil.example", 421, 421],
    ["notmill", 421, 421],
    ["localhost:8080@evil.example", 421, 421],
    ["", 421, 421],
    [":8080", 421, 421],
    ["[::1", 421, 421],
  ] as const
) {
  Deno.test(`a web server asked as ${host || "nobody"} answers ${local}, with a key ${isPublic}`, () => {
    assertEquals(judged(LOCAL, { host }), local);
    assertEquals(judged(PUBLIC, { host, authorization: `Bearer ${SECRET}` }), isPublic);
  });
}

for (
  const [origin, status] of [
    ["http://localhost:8080", 200],
    ["https://localhost:8080", 200],
    ["http://localhost", 403],
    ["http://localhost:8081", 403],
    ["http://evil.example", 403],
    ["null", 403],
  ] as const
) {
  Deno.test(`a web server answers a page of ${origin} with ${status}`, () => {
    assertEquals(judged(LOCAL, { origin }), status);
  });
}

for (
  const [site, mode, dest, path, status] of [
    ["same-origin", "cors", "empty", "/api/sessions", 200],
    ["none", "navigate", "document", "/api/sessions", 200],
    ["cross-site", "navigate", "document", "/", 200],
    ["cross-site", "navigate", "iframe", "/", 403],
    ["cross-site", "navigate", "document", "/api/sessions", 403],
    ["cross-site", "no-cors", "script", "/", 403],
    ["same-site", "cors", "empty", "/api/sessions", 403],
  ] as const
) {
  Deno.test(`a web server answers ${path} as ${dest} from ${site} with ${status}`, () => {
    const fields = { "sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest };
    assertEquals(judged(LOCAL, fields, "GET", path), status);
  });
}

for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY"]) {
  Deno.test(`a web server does not serve ${method}`, () => {
    assertEquals(judged(LOCAL, {}, method), 405);
  });
}

const basic = (text: string) => `Basic ${btoa(text)}`;

for (
  const [authorization, status] of [
    [`Bearer ${SECRET}`, 200],
    [`bearer ${SECRET}`, 200],
    [basic(`:${SECRET}`), 200],
    [basic(`anybody:${SECRET}`), 200],
    [`Bearer ${SECRET}B`, 401],
    [`Bearer ${SECRET.slice(1)}`, 401],
    [`Bearer ${"a".repeat(43)}`, 401],
    ["Bearer", 401],
    ["Bearer ", 401],
    [SECRET, 401],
    [basic(SECRET), 401],
    [basic(`${SECRET}:`), 401],
    [basic(`user:${SECRET}:`), 401],
    ["Basic !", 401],
    ["", 401],
  ] as const
) {
  Deno.test(`a web server with a key answers ${authorization.slice(0, 60) || "no key"} with ${status}`, () => {
    assertEquals(judged(PUBLIC, { authorization }), status);
  });
}
