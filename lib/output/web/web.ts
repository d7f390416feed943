/**
 * The web page of a process and what it shows as JSON, served to who may see it. It is read only.
 *
 * The room: this file has the paths; `answers.ts` makes the documents (`documents.ts` has their types, `query.ts`
 * what may be asked, `budget.ts` how much of the time they may take), `viewers.ts` sends events to open pages,
 * `page_files.ts` has the page itself, whose source is in `page/`. `cli/` calls it, and passes in what `/metrics`
 * says. It reads a monitor, and must never touch a session.
 *
 * @module
 */
import type { Monitor } from "../../monitor/monitor.ts";
import type { Clock } from "../../platform/clock.ts";
import { defectText } from "../../platform/errors.ts";
import { type GuardRules, refusalOf } from "../../platform/net/http/guard.ts";
import { type HttpRequest, type HttpResponse, textResponse } from "../../platform/net/http/http.ts";
import { HttpServer } from "../../platform/net/http/server.ts";
import type { Address, Transport } from "../../platform/net/transport.ts";
import { Answers } from "./answers.ts";
import { BusyError, WorkBudget } from "./budget.ts";
import { PageFiles } from "./page_files.ts";
import { QueryError, refuseUnknown } from "./query.ts";
import { Viewers } from "./viewers.ts";

/** What another room has to say. */
export interface TextAnswer {
  /** The status. */
  readonly status: number;
  /** The field `Content-Type`. */
  readonly contentType: string;
  /** The text. */
  readonly body: string;
}

/** Options for {@linkcode WebServer}. */
export interface WebOptions {
  /** Where to listen. */
  readonly address: Address;
  /** What to listen with: TCP, or TLS on it. */
  readonly transport: Transport;
  /** Who may ask; called for each request, because the key may change. */
  readonly rules: () => GuardRules;
  /** What is shown. */
  readonly monitor: Monitor;
  /** Answers `/metrics`, to whoever accepts these types. */
  readonly metrics: (accept: string | null) => Promise<TextAnswer>;
  /** Answers `/healthz`. */
  readonly health: () => TextAnswer;
  /** Time. */
  readonly clock: Clock;
  /** Logs a defect. */
  readonly report: (text: string) => void;
  /** The page. */
  readonly page?: PageFiles;
}

/** Nothing but this server's own script, style and data; no frame around it (CSP, level 3). */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Fields of every response. */
const FIELDS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

const SESSION = "/api/sessions/";

/** Serves a page, its API, `/metrics` and `/healthz`. */
export class WebServer {
  /** Where it listens. */
  readonly address: Address;
  /** The page. */
  readonly page: PageFiles;
  readonly #options: WebOptions;
  readonly #server: HttpServer;
  readonly #answers: Answers;
  readonly #viewers: Viewers;
  /** Apart from documents: a scrape does not wait for pages. */
  readonly #metrics: WorkBudget;
  readonly #closed = new AbortController();

  /**
   * Listens, and serves until it is closed.
   *
   * @throws {TransportError} If it cannot listen.
   */
  constructor(options: WebOptions) {
    const { address, clock, monitor, page = new PageFiles(), report, transport } = options;
    const onDefect = (error: unknown) => report(defectText(error, " in the web server"));
    this.#options = options;
    this.page = page;
    this.#answers = new Answers(monitor, clock);
    this.#metrics = new WorkBudget(clock);
    this.#viewers = new Viewers({
      clock,
      makeData: () => this.#answers.overview(),
      renew: () => this.#answers.renew(),
      onDefect,
    });
    this.#server = new HttpServer({
      address,
      transport,
      clock,
      handle: async (request) => {
        const { fields, ...response } = await this.#handle(request);
        return { ...response, fields: { ...FIELDS, ...fields } };
      },
      onDefect,
    });
    this.address = this.#server.address;
    monitor.onChange(() => this.#viewers.changed(), this.#closed.signal);
  }

  /** Stops serving. Idempotent. */
  close(): void {
    this.#closed.abort();
    this.#viewers.close();
    this.#answers[Symbol.dispose]();
    this.#metrics[Symbol.dispose]();
    this.#server.close();
  }

  async #handle(request: HttpRequest): Promise<HttpResponse> {
    const refusal = refusalOf(request, this.#options.rules());
    if (refusal) return refusal;
    try {
      return this.page.answer(request.path) ?? await this.#answer(request);
    } catch (error) {
      if (error instanceof QueryError) return textResponse(400, error.message);
      if (error instanceof BusyError) return textResponse(503, "too much is asked for at once");
      throw error;
    }
  }

  async #answer({ fields, path, query }: HttpRequest): Promise<HttpResponse> {
    switch (path) {
      case "/api/sessions":
        return json(await this.#answers.sessions(query));
      case "/api/outages":
        return json(await this.#answers.outages(query));
      case "/api/events":
        refuseUnknown(query, []);
        return this.#events();
      case "/metrics":
        return await this.#metrics.run(async () =>
          ofText(await this.#options.metrics(fields.get("accept") ?? null))
        );
      case "/healthz":
        return ofText(this.#options.health());
    }
    if (!path.startsWith(SESSION)) return textResponse(404, "there is nothing at this path");
    return json(await this.#answers.history(decoded(path.slice(SESSION.length)), query));
  }

  #events(): HttpResponse {
    if (!this.#viewers.hasRoom) return textResponse(503, "too many pages are open");
    return {
      status: 200,
      fields: { "content-type": "text/event-stream" },
      stream: (stream) => this.#viewers.add(stream),
    };
  }
}

function ofText({ body, contentType, status }: TextAnswer): HttpResponse {
  return { status, fields: { "content-type": contentType }, body };
}

/** A document; without one, nothing is there. */
function json(body: Uint8Array | undefined): HttpResponse {
  if (!body) return textResponse(404, "there is no session of this id");
  return { status: 200, fields: { "content-type": "application/json" }, body };
}

/** A part of a path without its percent signs. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new QueryError("a session's id in a path is UTF-8, with percent signs");
  }
}
