/**
 * The store's thread: commits wait for the disk here, not in the thread whose heartbeats must be on
 * time.
 *
 * @module
 */
import type { Past } from "../../monitor/watch.ts";
import type { EncodedEntries } from "../batch.ts";
import {
  type Lines,
  type OutputRecord,
  type Position,
  type StoredSession,
  StoreError,
} from "../store.ts";
import { StoreFile } from "./file.ts";
import { readPast } from "./history.ts";
import { StoreWriter } from "./writer.ts";

/** A request to the thread. Each has one answer, in the order of the requests. */
export type Request =
  | { ask: "open"; name: string }
  | { ask: "commit"; entries: EncodedEntries; position?: Position }
  | { ask: "position"; path: string }
  | { ask: "lines"; after: number }
  | { ask: "past"; count: number }
  | { ask: "close" };

/** The answer to a request; to `commit` and `close` it is empty. */
export interface Answer {
  /** The error, in one sentence; there are no other fields then. */
  error?: string;
  /** To `open`: the sessions that have not ended. */
  sessions?: StoredSession[];
  /** To `open`: a sentence for the user, if something may be missing. */
  warning?: string;
  /** To `position`: what is known of the output. */
  output?: OutputRecord;
  /** To `lines`: some of the messages after that number. */
  lines?: Lines;
  /** To `past`: outages of earlier processes. */
  past?: Past;
}

/** What a request does to the file, in the words of an error. */
const USES = {
  open: "open",
  commit: "write",
  position: "read",
  lines: "read",
  past: "read",
  close: "close",
} as const;

/** Executes requests on one file. */
class RequestHandler {
  #file?: StoreFile;
  #writer?: StoreWriter;
  /** Why nothing more is committed. */
  #failure?: StoreError;

  async answer(request: Request): Promise<Answer> {
    try {
      return await this.#execute(request);
    } catch (error) {
      const failure = this.#file ? this.#file.explain(error, USES[request.ask]) : error;
      if (request.ask === "open") this.#file?.close();
      if (!(failure instanceof StoreError)) throw failure;
      if (request.ask === "commit") this.#failure = failure;
      return { error: failure.message };
    }
  }

  async #execute(request: Request): Promise<Answer> {
    switch (request.ask) {
      case "open":
        this.#file = await StoreFile.open(request.name);
        this.#writer = new StoreWriter(this.#file.database);
        return { sessions: this.#writer.sessions, warning: this.#file.warning };
      case "commit":
        // The parent sent it before it knew.
        if (this.#failure) return { error: this.#failure.message };
        this.#writer!.commit(request.entries, request.position);
        this.#file!.checkInPlace();
        return {};
      case "position":
        return { output: this.#writer!.position(request.path) };
      case "lines":
        return { lines: this.#writer!.linesAfter(request.after) };
      case "past":
        return { past: readPast(this.#file!.database, request.count) };
      case "close":
        this.#file!.close();
        return {};
    }
  }
}

/** The thread that started this one. */
const parent = self as unknown as {
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage(answer: Answer, transfer: Transferable[]): void;
};

const handler = new RequestHandler();

parent.onmessage = async ({ data }) => {
  const answer = await handler.answer(data);
  parent.postMessage(answer, answer.lines ? [answer.lines.bytes.buffer] : []);
};
