/**
 * What becomes of a server's output from one of its lives to the next.
 *
 * @module
 */
import type { StoreFolder } from "./store_folder.ts";

/** It is moved away, another file is named, or it is a pipe with a new reader. */
export type OutputFate = "moved" | "elsewhere" | "a pipe";

/** The outputs of the lives of one server, in order. */
export class Outputs {
  readonly #fate?: OutputFate;
  readonly #parts: string[] = [];
  #reader?: Deno.ChildProcess;

  /** Makes one without outputs; by default there is one file only. */
  constructor(fate?: OutputFate) {
    this.#fate = fate;
  }

  /** Prepares the output of the next life; gives its path. */
  async next(folder: StoreFolder): Promise<string> {
    const part = folder.file(`part${this.#parts.length}`);
    switch (this.#fate) {
      case "moved":
        if (this.#parts.pop()) {
          const moved = folder.file(`part${this.#parts.length}`);
          Deno.renameSync(folder.output, moved);
          this.#parts.push(moved);
        }
        this.#parts.push(folder.output);
        return folder.output;
      case "elsewhere":
        this.#parts.push(part);
        return part;
      case "a pipe":
        await this.#reader?.status;
        this.#parts.push(part);
        return await this.#openPipe(folder.file("pipe"), part);
      default:
        this.#parts[0] = folder.output;
        return folder.output;
    }
  }

  /** What has come out, part by part. */
  async read(): Promise<Uint8Array[]> {
    await this.#reader?.status;
    return await Promise.all(this.#parts.map((path) => Deno.readFile(path)));
  }

  async #openPipe(pipe: string, part: string): Promise<string> {
    if (!this.#reader) await new Deno.Command("mkfifo", { args: [pipe] }).output();
    const script = 'exec cat "$0" > "$1"';
    this.#reader = new Deno.Command("sh", { args: ["-c", script, pipe, part] }).spawn();
    return pipe;
  }
}
