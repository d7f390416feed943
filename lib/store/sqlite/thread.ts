/**
 * The thread in which the store works: a commit waits for the disk there, not in the thread whose
 * heartbeats must be on time.
 *
 * @module
 */
import { type Lines, type Position, type StoredSession, StoreError } from "../store.ts";
import type { Batch } from "./batch.ts";
import { StoreFile } from "./file.ts";
import { StoreWriter } from "./writer.ts";

/** What the worker is asked: each is answered, in order. */
export type Request =
  | { ask: "open"; name: string }
  | { ask: "commit"; batch: Batch; position?: Position }
  | { ask: "position"; path: string }
  | { ask: "lines"; after: number }
  | { ask: "close" };

/** What it answers. */
export interface Answer {
  /** What is wrong; all else is then left out. */
  error?: string;
  /** To `open`: the sessions that have not ended. */
  sessions?: StoredSession[];
  /** To `position`: the number of the last message. */
  last?: number;
  /** To `position`: how far the output is written; left out if that is not known. */
  position?: Position;
  /** To `lines`: the messages behind that one, some of them. */
  lines?: Lines;
}

/** The store, in its thread. */
class StoreThread {
  #file?: StoreFile;
  #writer?: StoreWriter;

  /** Does what is asked. */
  answer(request: Request): Answer {
    if (request.ask === "open") return this.#open(request.name);
    try {
      return this.#do(request, this.#file!, this.#writer!);
    } catch (error) {
      const use = { commit: "write", position: "read", lines: "read", close: "close" } as const;
      return { error: this.#file!.explain(error, use[request.ask]).message };
    }
  }

  #open(name: string): Answer {
    try {
      this.#file = StoreFile.open(name);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return { error: error.message };
    }
    try {
      this.#writer = new StoreWriter(this.#file.database);
      return { sessions: this.#writer.sessions };
    } catch (error) {
      this.#file.close();
      return { error: this.#file.explain(error, "open").message };
    }
  }

  #do(request: Exclude<Request, { ask: "open" }>, file: StoreFile, writer: StoreWriter): Answer {
    switch (request.ask) {
      case "commit":
        writer.commit(request.batch, request.position);
        file.checkThere();
        return {};
      case "position":
        return { position: writer.position(request.path), last: writer.last };
      case "lines":
        return { lines: writer.linesAfter(request.after) };
      case "close":
        file.close();
        return {};
    }
  }
}

/** What a worker knows of the thread that started it. */
const starter = self as unknown as {
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage(answer: Answer, transfer: Transferable[]): void;
};

const thread = new StoreThread();

starter.onmessage = ({ data }) => {
  const answer = thread.answer(data);
  starter.postMessage(answer, answer.lines ? [answer.lines.bytes.buffer] : []);
};
