/**
 * What becomes of a server's output from one of its lives to the next.
 *
 * @module
 */
import { SmallDisk } from "./small_disk.ts";
import type { StoreFolder } from "./store_folder.ts";

/**
 * It is moved away, another file is named, it is a pipe with a new reader, or it is on a disk that is full
 * at times, until there is space or the file is moved away, in turn.
 */
export type OutputFate = "moved" | "elsewhere" | "a pipe" | "on a full disk";

/** The size of a disk that is soon full. */
const DISK_SIZE = "8m";

/** The outputs of the lives of one server, in order. */
export class Outputs implements AsyncDisposable {
  readonly #folder: StoreFolder;
  readonly #fate?: OutputFate;
  readonly #disk?: SmallDisk;
  readonly #parts: string[] = [];
  #reader?: Deno.ChildProcess;
  #fills = 0;
  #moves = 0;

  private constructor(folder: StoreFolder, fate?: OutputFate, disk?: SmallDisk) {
    this.#folder = folder;
    this.#fate = fate;
    this.#disk = disk;
  }

  /** Makes one without outputs; by default there is one file only. */
  static async open(folder: StoreFolder, fate?: OutputFate): Promise<Outputs> {
    const isOnDisk = fate === "on a full disk";
    return new Outputs(
      folder,
      fate,
      isOnDisk ? await SmallDisk.open(folder, DISK_SIZE) : undefined,
    );
  }

  /** What precedes the command line of a server that writes there. */
  get words(): readonly string[] {
    return this.#disk?.words ?? [];
  }

  /** Whether they can be on a full disk. */
  get isOnDisk(): boolean {
    return this.#disk !== undefined;
  }

  /** The path of the one that is on a disk. */
  get diskPath(): string {
    return `${this.#disk!.path}/out`;
  }

  /** Fills the disk, until the next life. */
  async fillDisk(): Promise<void> {
    this.#fills++;
    await this.#disk!.fill();
  }

  /** Prepares the output of the next life; gives its path. */
  async next(): Promise<string> {
    const { output } = this.#folder;
    switch (this.#fate) {
      case "moved":
        if (this.#parts.pop()) await this.#moveAway(output);
        this.#parts.push(output);
        return output;
      case "elsewhere":
        this.#parts.push(this.#nextPart);
        return this.#parts.at(-1)!;
      case "a pipe":
        await this.#reader?.status;
        this.#parts.push(this.#nextPart);
        return await this.#openPipe(this.#folder.file("pipe"), this.#parts.at(-1)!);
      case "on a full disk":
        return await this.#nextOnDisk(this.#disk!, this.diskPath);
      default:
        this.#parts[0] = output;
        return output;
    }
  }

  /** What has come out, part by part. */
  async read(): Promise<Uint8Array[]> {
    await this.#reader?.status;
    const parts = this.#parts.map((path) =>
      this.#disk ? this.#disk.run("cat", path) : Deno.readFile(path)
    );
    return await Promise.all(parts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disk?.[Symbol.asyncDispose]();
  }

  /** Every other time that the disk was full, the file is moved away. */
  async #nextOnDisk(disk: SmallDisk, path: string): Promise<string> {
    if (this.#fills >= 2 * (this.#moves + 1)) {
      this.#moves++;
      this.#parts.pop();
      await this.#moveAway(path);
    }
    if (this.#parts.at(-1) !== path) this.#parts.push(path);
    await disk.free();
    return path;
  }

  get #nextPart(): string {
    return this.#folder.file(`part${this.#parts.length}`);
  }

  async #moveAway(path: string): Promise<void> {
    const moved = this.#nextPart;
    if (this.#disk) await this.#disk.run("mv", path, moved);
    else await Deno.rename(path, moved);
    this.#parts.push(moved);
  }

  async #openPipe(pipe: string, part: string): Promise<string> {
    if (!this.#reader) await new Deno.Command("mkfifo", { args: [pipe] }).output();
    const script = 'exec cat "$0" > "$1"';
    this.#reader = new Deno.Command("sh", { args: ["-c", script, pipe, part] }).spawn();
    return pipe;
  }
}
