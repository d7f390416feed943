/**
 * A small HTTP/1.1 server (RFC 9112) on any transport, for what is read only: it serves `GET` and `HEAD`.
 *
 * The room: this file has the types; `request_head.ts` parses the head of a request, `connection.ts` serves one
 * connection, `server.ts` accepts them, within bounds; `guard.ts` judges who may ask. `output/web/` calls it. It
 * must never know what is served.
 *
 * Why it is not `node:http`: before Deno 2.9 that has no limit of connections, no time-out for a head, and does
 * not say that a reader is slow, so that what is written to it is buffered without bound (measured with 2.6.8);
 * and a server of it would not run on the virtual clock. `Deno.serve` has none of the three either.
 *
 * @module
 */

/** A request without a body. */
export interface HttpRequest {
  /** Its method, in capitals; not only those that are served. */
  readonly method: string;
  /** Its path, as it was sent, without the query. */
  readonly path: string;
  /** What stands behind the question mark of its target. */
  readonly query: URLSearchParams;
  /** Its fields, by their names in small letters. */
  readonly fields: ReadonlyMap<string, string>;
  /** Whether the connection may serve another one after it. */
  readonly keepsAlive: boolean;
}

/** A response: with a body, which may be empty, or with a stream of events. */
export interface HttpResponse {
  /** Its status, such as 200. */
  readonly status: number;
  /** Its fields; those of length and connection are added. */
  readonly fields: Readonly<Record<string, string>>;
  /** Its body. */
  readonly body?: string | Uint8Array;
  /** Receives the stream that its body is, once its head has been written. */
  readonly stream?: (stream: HttpStream) => void;
}

/** A body that is written bit by bit, until either side closes the connection. */
export interface HttpStream {
  /** Whether all that was written has been taken; if not, what would be written now is to be left out. */
  readonly isReady: boolean;
  /** Writes some bytes; without effect if the stream is not ready. */
  write(bytes: Uint8Array): void;
  /** Resolves when the connection has been closed. */
  readonly closed: Promise<void>;
}

/** Answers a request. */
export type HttpHandler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** The reasons of the statuses that are used. */
export const STATUS_TEXTS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Content Too Large",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** A response of one sentence. */
export function textResponse(
  status: number,
  text: string,
  fields: Readonly<Record<string, string>> = {},
): HttpResponse {
  return {
    status,
    fields: { "content-type": "text/plain; charset=utf-8", ...fields },
    body: `${text}\n`,
  };
}
