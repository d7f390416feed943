/**
 * Terminals of files of tests that run side by side.
 *
 * @module
 */
import { testUnless } from "./skip.ts";
import { Tmux, whyNoTmux } from "./tmux.ts";

testUnless(whyNoTmux(), "terminals of two threads have nothing in common", async () => {
  // A thread has its own copy of a module, as an import by another name has.
  const other: typeof import("./tmux.ts") = await import(
    `${new URL("tmux.ts?2", import.meta.url)}`
  );
  await using first = await Tmux.open({ run: ["echo", "first"] });
  {
    await using second = await other.Tmux.open({ run: ["echo", "second"] });
    await first.enter("run 1");
    await second.enter("run 2");
    await first.shows(/^\$ run 1\nfirst 1\n\$$/);
    await second.shows(/^\$ run 2\nsecond 2\n\$$/);
  }
  await first.enter("run 3");
  await first.shows(/^first 3$/m);
});
