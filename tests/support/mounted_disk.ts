/**
 * A disk that is soon full.
 *
 * @module
 */
import { withFolder } from "./folder.ts";
import { whyNot } from "./skip.ts";

/** Does something with a disk of 64 KiB, mounted for as long as that takes. */
export async function withSmallDisk(
  use: (disk: { folder: string; enlarge(): void }) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", folder);
    try {
      await use({ folder, enlarge: () => mount("-o", "remount,size=1m", folder) });
    } finally {
      new Deno.Command("umount", { args: [folder] }).outputSync();
    }
  });
}

function mount(...args: string[]): void {
  const failure = whyNot("mount", ...args);
  if (failure !== undefined) throw new Error(failure);
}

/** Why there can be none here; `undefined` if there can. */
export function whyNoSmallDisk(): string | undefined {
  // In a mount namespace of its own, so that the trial leaves nothing behind.
  return Deno.build.os === "linux" && Deno.uid() === 0
    ? whyNot("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt")
    : "to mount a small disk takes Linux and root";
}
