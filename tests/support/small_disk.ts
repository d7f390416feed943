/**
 * Small disks, which are soon full.
 *
 * @module
 */
import { whyNot } from "./skip.ts";
import type { StoreFolder } from "./store_folder.ts";

/** Why disks cannot be made here; `undefined` if they can. */
export const whyNoDisk = whyNot("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt") ??
  whyNot("nsenter", "--version");

/**
 * A small disk in a folder, which commands use by `words` before them. It is gone when its first process
 * is, which ends with this one, however that ends.
 */
export class SmallDisk implements AsyncDisposable {
  /** Where it is. */
  readonly path: string;
  readonly #holder: Deno.ChildProcess;

  private constructor(folder: StoreFolder, size: string) {
    this.path = folder.file("disk");
    Deno.mkdirSync(this.path);
    const script = `mount -t tmpfs -o size=${size} tmpfs "$0" && touch "$0/../mounted" && exec cat`;
    const args = ["--mount", "sh", "-c", script, this.path];
    this.#holder = new Deno.Command("unshare", { args, stdin: "piped", stdout: "null" }).spawn();
  }

  /** Makes one of a size such as `512k`. */
  static async open(folder: StoreFolder, size: string): Promise<SmallDisk> {
    const disk = new SmallDisk(folder, size);
    let hasEnded = false;
    disk.#holder.status.then(() => hasEnded = true);
    while (!folder.names.includes("mounted")) {
      if (hasEnded) throw new Error(`Cannot make a disk of ${size}: unshare or mount has failed`);
      await new Promise((done) => setTimeout(done, 10));
    }
    return disk;
  }

  /** What precedes a command that uses it. */
  get words(): string[] {
    return ["nsenter", "--mount", `--target=${this.#holder.pid}`];
  }

  /** Runs a command; gives what it writes. */
  async run(...words: string[]): Promise<Uint8Array> {
    const [program, ...args] = [...this.words, ...words];
    const { success, stdout, stderr } = await new Deno.Command(program!, { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return stdout;
  }

  /** What is in a file on it. */
  async text(path: string): Promise<string> {
    return new TextDecoder().decode(await this.run("cat", path));
  }

  /** Fills it to its last page. */
  async fill(): Promise<void> {
    await this.run("sh", "-c", 'cat /dev/zero > "$0/filler" 2>/dev/null || true', this.path);
  }

  /** Takes away what has filled it. */
  async free(): Promise<void> {
    await this.run("rm", "-f", `${this.path}/filler`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.stdin.close();
    await this.#holder.status;
  }
}
