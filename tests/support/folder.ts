/**
 * Folders of tests.
 *
 * @module
 */

/** A new folder, which is removed with all that is in it. Dispose of it with `using`. */
export class Folder implements Disposable {
  /** Its path, with links resolved. */
  readonly path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "pulsewire_" }));

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Does something with a new folder, which is then removed. */
export async function withFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  using folder = new Folder();
  await use(folder.path);
}
