import { assertEquals, assertThrows } from "@std/assert";
import {
  type FileContent,
  MAX_FILE_BYTES,
  WATCH_INTERVAL_MS,
  WatchedFiles,
} from "../../../lib/cli/files/watched_file.ts";
import { UsageError } from "../../../lib/platform/errors.ts";
import { Folder } from "../../support/folder.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const text = ({ bytes }: FileContent) => new TextDecoder().decode(bytes);

/** A folder with a file `a`, watched; what is "bad" cannot be used. */
class Stage implements Disposable {
  readonly clock = new VirtualClock();
  readonly used: string[] = [];
  readonly reported: string[] = [];
  onUsed = () => {};
  readonly #folder = new Folder();

  path(name: string): string {
    return `${this.#folder.path}/${name}`;
  }

  write(content: string, name = "a"): void {
    Deno.writeTextFileSync(this.path(name), content);
  }

  watch(...names: string[]): WatchedFiles {
    return new WatchedFiles({
      paths: names.map((name) => this.path(name)),
      clock: this.clock,
      report: (level, text) => this.reported.push(`${level}: ${text.replace(/\S*\//g, "")}`),
      use: (files) => {
        const all = files.map(text).join("+");
        if (all.includes("bad")) throw new UsageError(`${files[0]!.path}: bad content`);
        this.used.push(all);
        this.onUsed();
      },
    });
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

Deno.test("WatchedFiles uses a file at the start, and again when it has changed", async () => {
  using stage = new Stage();
  stage.write("one");
  using files = stage.watch("a");
  assertEquals(stage.used, ["one"]);
  await files.look();
  stage.write("one");
  await files.look();
  assertEquals(stage.used, ["one"]);
  stage.write("two");
  await files.look();
  assertEquals(stage.used, ["one", "two"]);
  assertEquals(stage.reported, ["info: a: has changed; taken up"]);
});

Deno.test("WatchedFiles looks every 10 s, until it is disposed of", async () => {
  using stage = new Stage();
  stage.write("one");
  const files = stage.watch("a");
  stage.write("two");
  await stage.clock.advance(WATCH_INTERVAL_MS - 1);
  assertEquals(stage.used, ["one"]);
  for (const round of ["two", "three"]) {
    stage.write(round);
    const { promise, resolve } = Promise.withResolvers<void>();
    stage.onUsed = resolve;
    await stage.clock.advance(WATCH_INTERVAL_MS);
    await promise;
    assertEquals(stage.used.at(-1), round);
    await files.look();
    assertEquals(stage.clock.pending, 1);
  }
  files[Symbol.dispose]();
  assertEquals(stage.clock.pending, 0);
  stage.write("four");
  await files.look();
  assertEquals(stage.used.length, 3);
  assertEquals(stage.clock.pending, 0);
});

Deno.test("WatchedFiles does not use what was read when it was disposed of meanwhile", async () => {
  using stage = new Stage();
  stage.write("one");
  const files = stage.watch("a");
  stage.write("two");
  const looking = files.look();
  files[Symbol.dispose]();
  await looking;
  assertEquals(stage.used, ["one"]);
  assertEquals(stage.clock.pending, 0);
});

Deno.test("WatchedFiles reports bad content once, and takes up what follows", async () => {
  using stage = new Stage();
  stage.write("one");
  using files = stage.watch("a");
  stage.write("bad");
  await files.look();
  await files.look();
  const bad = "warning: a: bad content; what was read before stays in use";
  assertEquals(stage.reported, [bad]);
  stage.write("bad again");
  await files.look();
  assertEquals(stage.reported, [bad, bad]);
  stage.write("one");
  await files.look();
  assertEquals(stage.used, ["one", "one"]);
});

Deno.test("WatchedFiles reports a file that cannot be read once, and that it can be again", async () => {
  using stage = new Stage();
  stage.write("one");
  using files = stage.watch("a");
  Deno.removeSync(stage.path("a"));
  await files.look();
  await files.look();
  const missing =
    "warning: cannot read a: there is no such file; what was read before stays in use";
  assertEquals(stage.reported, [missing]);
  stage.write("one");
  await files.look();
  const again = "info: a: can be read again; nothing has changed";
  assertEquals(stage.reported, [missing, again]);
  Deno.removeSync(stage.path("a"));
  await files.look();
  Deno.mkdirSync(stage.path("a"));
  await files.look();
  const folder =
    "warning: cannot read a: it is a folder, not a file; what was read before stays in use";
  assertEquals(stage.reported, [missing, again, missing, folder]);
  assertEquals(stage.used, ["one"]);
});

Deno.test("WatchedFiles uses files that belong together, all of them when one has changed", async () => {
  using stage = new Stage();
  stage.write("one");
  stage.write("uno", "b");
  using files = stage.watch("a", "b");
  stage.write("due", "b");
  await files.look();
  assertEquals(stage.used, ["one+uno", "one+due"]);
});

Deno.test({
  name: "WatchedFiles gives the permission bits, and uses a file again when they change",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    using stage = new Stage();
    stage.write("one");
    Deno.chmodSync(stage.path("a"), 0o600);
    const modes: (number | null)[] = [];
    using files = new WatchedFiles({
      paths: [stage.path("a")],
      clock: stage.clock,
      report: () => {},
      use: ([file]) => modes.push(file!.mode),
    });
    Deno.chmodSync(stage.path("a"), 0o644);
    await files.look();
    assertEquals(modes, [0o600, 0o644]);
  },
});

Deno.test("WatchedFiles refuses to start with what cannot be read or used", () => {
  using stage = new Stage();
  const start = (name: string) => stage.watch(name)[Symbol.dispose]();
  assertThrows(() => start("a"), UsageError, "a: there is no such file");
  stage.write("bad");
  assertThrows(() => start("a"), UsageError, "a: bad content");
  Deno.truncateSync(stage.path("a"), MAX_FILE_BYTES + 1);
  assertThrows(() => start("a"), UsageError, "a: it is larger than 16 MiB");
  if (Deno.build.os !== "windows") {
    Deno.symlinkSync("/dev/zero", stage.path("zero"));
    assertThrows(() => start("zero"), UsageError, "zero: it is no regular file");
  }
  assertEquals(stage.clock.pending, 0);
});
