/**
 * Parses the head of an HTTP/1.1 request (RFC 9112, sections 2 to 5), strictly: what is not as it must be is
 * refused.
 *
 * @module
 */
import type { HttpRequest } from "./http.ts";

/** How many bytes a head may have. */
export const MAX_HEAD_BYTES = 8_192;

/** How many fields it may have. */
const MAX_FIELDS = 64;

/** A head that was parsed, and how many bytes it took. */
export interface ParsedHead {
  /** The request. */
  readonly request: HttpRequest;
  /** The length of the head. */
  readonly length: number;
}

/** Why a request cannot be served; the connection is to be closed after it. */
export interface HeadFault {
  /** The status of the response. */
  readonly status: 400 | 413 | 431;
  /** What is wrong. */
  readonly text: string;
}

const TARGET = /^([A-Za-z]{1,32}) (\/[\x21-\x7e]*) HTTP\/1\.([01])$/;

const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;

/** Fields that may stand in a request once only: two of them would mean different things to different readers. */
const SINGLE = ["host", "authorization", "origin", "content-length"];

/** Parses the head at the start of these bytes; `undefined` if it is not complete. */
export function parseHead(bytes: Uint8Array): ParsedHead | HeadFault | undefined {
  const length = headLength(bytes);
  if (length === undefined) {
    return bytes.length < MAX_HEAD_BYTES
      ? undefined
      : { status: 431, text: `the head of a request has at most ${MAX_HEAD_BYTES} bytes` };
  }
  // One character for each byte.
  const text = String.fromCharCode(...bytes.subarray(0, length - 4));
  const [start = "", ...lines] = text.split("\r\n");
  const target = TARGET.exec(start);
  if (!target) return bad("expected a request line such as GET / HTTP/1.1");
  if (lines.length > MAX_FIELDS) {
    return { status: 431, text: `a request has at most ${MAX_FIELDS} fields` };
  }
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name = "", value = ""] = FIELD.exec(line) ?? [];
    if (name === "") return bad("a field is not of the form NAME: VALUE");
    const key = name.toLowerCase();
    const before = fields.get(key);
    if (before !== undefined && SINGLE.includes(key)) return bad(`there are two fields ${key}`);
    fields.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  if (fields.has("transfer-encoding") || (fields.get("content-length") ?? "0") !== "0") {
    return { status: 413, text: "a request may have no body" };
  }
  const [, method = "", whole = "", minor = ""] = target;
  if (minor === "1" && !fields.has("host")) return bad("there is no field host");
  const [path = "", ...query] = whole.split("?");
  const options = (fields.get("connection") ?? "").toLowerCase().split(/[ \t]*,[ \t]*/);
  return {
    request: {
      method: method.toUpperCase(),
      path,
      query: new URLSearchParams(query.join("?")),
      fields,
      keepsAlive: minor === "1" && !options.includes("close"),
    },
    length,
  };
}

function bad(text: string): HeadFault {
  return { status: 400, text };
}

/** The length of a head with the empty line at its end; `undefined` if that is not there. */
function headLength(bytes: Uint8Array): number | undefined {
  for (let at = bytes.indexOf(CR); at !== -1; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at + 4;
  }
  return undefined;
}

const CR = 13;
const LF = 10;
