/**
 * The files of the page, which `deno task page` makes in `dist/page/`; an executable has them in itself.
 *
 * @module
 */
import { fileErrorText } from "../../platform/errors.ts";
import { type HttpResponse, textResponse } from "../../platform/net/http/http.ts";

const FOLDER = new URL("../../../dist/page/", import.meta.url);

/** The files by the paths where they are served. */
const FILES: Readonly<Record<string, { readonly name: string; readonly type: string }>> = {
  "/": { name: "index.html", type: "text/html; charset=utf-8" },
  "/page.js": { name: "page.js", type: "text/javascript; charset=utf-8" },
  "/page.css": { name: "page.css", type: "text/css; charset=utf-8" },
  "/icon.svg": { name: "icon.svg", type: "image/svg+xml" },
};

/** The page, as it is served. */
export class PageFiles {
  readonly #files = new Map<string, Uint8Array>();

  /** Why the page is not there; `undefined` if it is. */
  readonly fault?: string;

  /** Reads the files. */
  constructor(folder: URL = FOLDER) {
    try {
      for (const [path, { name }] of Object.entries(FILES)) {
        this.#files.set(path, Deno.readFileSync(new URL(name, folder)));
      }
    } catch (error) {
      this.#files.clear();
      this.fault = error instanceof Deno.errors.NotFound
        ? "the page is not built: run `deno task page`, and start again; the paths of the API, /metrics and " +
          "/healthz are served all the same"
        : `the page cannot be read: ${fileErrorText(error)}`;
    }
  }

  /** Answers a request for a file; `undefined` if there is none at this path. */
  answer(path: string): HttpResponse | undefined {
    const file = FILES[path];
    if (!file) return undefined;
    const body = this.#files.get(path);
    if (!body) return textResponse(503, this.fault!);
    return { status: 200, fields: { "content-type": file.type }, body };
  }
}
