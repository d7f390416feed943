/**
 * The rooms of `lib/`: imports go one way, and only some rooms touch the world outside.
 *
 * @module
 */
import { assertEquals } from "@std/assert";

const ROOT = new URL("..", import.meta.url);

/** A file may import from its own room and from rooms on earlier lines; those on one line are apart. */
const ORDER = [
  ["platform"],
  ["wire"],
  ["evidence"],
  ["session"],
  ["monitor"],
  ["store", "original"],
  ["client", "server"],
  ["output"],
  ["report"],
  ["cli"],
];

/** What only these rooms or files may touch. */
const ONLY: [RegExp, string, string[]][] = [
  [/setTimeout|setInterval|performance\.now|Date\.now/, "time", ["platform/clock.ts"]],
  [/setImmediate|queueMicrotask/, "turns of the event loop", ["platform"]],
  [/Deno\.(connect|listen)|resolveDns|WebSocket|\bfetch\(|node:(net|dns|tls)/, "sockets", [
    "platform/net",
  ]],
  [/new Worker\b/, "threads", ["platform"]],
  [/Math\.random|crypto\.|node:crypto/, "randomness and cryptography", ["platform"]],
  [/Deno\.Command|Deno\.serve\b|node:http/, "child processes and the web server", ["platform"]],
  [
    /Deno\.(open|create|read(File|TextFile|Dir|Link)|write|l?stat|mkdir|remove|realPath|rename|copy|link|symlink|chmod|truncate|makeTemp|FsFile)|node:fs/,
    "files",
    ["platform/net/tcp.ts", "store", "output", "report", "cli"],
  ],
  [/node:sqlite/, "SQLite", ["store/sqlite"]],
  [/@std\/log/, "the logging package", ["output/log.ts"]],
  [/@std\/(cli|toml)/, "flags and TOML", ["cli"]],
  [/SignalListener/, "signals", ["cli"]],
  [/npm:|opentelemetry/, "OpenTelemetry's package", ["output/metrics/meter.ts"]],
  [/Deno\.(exit|args)\b/, "the command's arguments and exit", []],
];

/** Every file of `lib/` by its path there, without its comments. */
const sources = new Map<string, string>();
readFolder("");

function readFolder(folder: string): void {
  for (const { isDirectory, name } of Deno.readDirSync(new URL(`lib/${folder}`, ROOT))) {
    const path = `${folder}${name}`;
    if (isDirectory) readFolder(`${path}/`);
    else sources.set(path, withoutComments(Deno.readTextFileSync(new URL(`lib/${path}`, ROOT))));
  }
}

function withoutComments(source: string): string {
  return source.replace(/\/\*.*?\*\//gs, "").replace(/^\s*\/\/.*$/gm, "");
}

function importsOf(source: string): string[] {
  const imports = /^(?:import|export)\b[^;]*?from "([^"]+)";|\bimport\(?\s*"([^"]+)"/gms;
  return [...source.matchAll(imports)].map(([, named, bare]) => named ?? bare!);
}

/** The files of `lib/` that a file of it imports. */
function filesImportedBy(path: string): string[] {
  return importsOf(sources.get(path)!)
    .filter((each) => each.startsWith("."))
    .map((each) => new URL(each, `file:///${path}`).pathname.slice(1));
}

function roomOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Whether a file of one room may import from another: from its own, from around it, or from below. */
function mayImport(from: string, to: string): boolean {
  if (`${from}/`.startsWith(`${to}/`)) return true;
  const level = (room: string) => ORDER.findIndex((line) => line.includes(room.split("/")[0]!));
  return level(to) < level(from);
}

Deno.test("every file of lib/ is in a room that has its place in the order", () => {
  const homeless = [...sources.keys()].filter((path) =>
    !ORDER.flat().includes(path.split("/")[0]!) || !path.includes("/")
  );
  assertEquals(homeless, []);
});

Deno.test("a room of lib/ imports from itself, from around it, and from rooms below it", () => {
  const wrong = [...sources.keys()].flatMap((path) =>
    filesImportedBy(path)
      .filter((imported) => !mayImport(roomOf(path), roomOf(imported)))
      .map((imported) => `${path} imports ${imported}`)
  );
  assertEquals(wrong, []);
});

Deno.test("no files of lib/ import each other in a circle", () => {
  const state = new Map<string, "open" | "done">();
  const visit = (path: string, before: string[]): void => {
    if (state.get(path) === "done") return;
    assertEquals(state.get(path), undefined, `a circle: ${[...before, path].join(" → ")}`);
    state.set(path, "open");
    for (const imported of filesImportedBy(path)) visit(imported, [...before, path]);
    state.set(path, "done");
  };
  for (const path of sources.keys()) visit(path, []);
});

Deno.test("no file of lib/ has more than 300 lines", () => {
  const lines = (path: string) =>
    Deno.readTextFileSync(new URL(`lib/${path}`, ROOT)).split("\n").length - 1;
  assertEquals([...sources.keys()].filter((path) => lines(path) > 300), []);
});

Deno.test("no room of lib/ has more than 12 files", () => {
  const counts = new Map<string, number>();
  for (const path of sources.keys()) {
    counts.set(roomOf(path), (counts.get(roomOf(path)) ?? 0) + 1);
  }
  assertEquals([...counts].filter(([, count]) => count > 12), []);
});

/** What only a live view, a web page or an exporter of metrics needs. */
const OF_VIEWERS = /^(?:monitor|output\/live|output\/web)\//;

/** The files of `lib/` that are loaded when a file outside it begins: not those of types, or loaded later. */
function loadedBy(entry: string): string[] {
  const loaded = new Set<string>();
  const load = (path: string, source: string): void => {
    const imports = /^(?:import|export) (?!type\b)[^;]*?from "(\.[^"]+)";/gms;
    for (const [, to] of source.matchAll(imports)) {
      const file = new URL(to!, `file:///${path}`).pathname.slice("/lib/".length);
      if (loaded.has(file)) continue;
      loaded.add(file);
      load(`lib/${file}`, sources.get(file)!);
    }
  };
  load(entry, Deno.readTextFileSync(new URL(entry, ROOT)));
  return [...loaded];
}

for (const role of ["client", "server"] as const) {
  Deno.test(`a ${role} loads what only viewers need when it has one`, () => {
    const loaded = loadedBy(`${role}.ts`);
    assertEquals(loaded.includes("cli/viewers.ts"), true);
    // Both ends of the messages between threads stand in one file, of which workers need the other one.
    const isNeeded = (path: string) => role === "server" && path === "monitor/roster.ts";
    assertEquals(loaded.filter((path) => OF_VIEWERS.test(path) && !isNeeded(path)), []);
  });
}

for (const [pattern, what, places] of ONLY) {
  Deno.test(`only ${places.join(", ") || "the entry points"} may touch ${what}`, () => {
    const touching = [...sources].filter(([, source]) => pattern.test(source));
    const isAllowed = (path: string) =>
      places.some((place) => path === place || path.startsWith(`${place}/`));
    assertEquals(touching.map(([path]) => path).filter((path) => !isAllowed(path)), []);
    // A rule that nothing falls under any more is to go.
    if (what !== "child processes and the web server") {
      assertEquals(touching.length > 0, places.length > 0);
    }
  });
}

Deno.test("the entry points import from lib/ only, and lib/ from itself, @std and node", () => {
  for (const entry of ["client.ts", "server.ts"]) {
    const paths = importsOf(Deno.readTextFileSync(new URL(entry, ROOT)));
    assertEquals(paths.filter((path) => !path.startsWith("./lib/")), []);
  }
  const outside = [...sources.values()].flatMap((source) =>
    importsOf(source).filter((path) =>
      !/^\.|^@std\/[a-z]+$|^node:(crypto|fs|net|process|stream|timers|tls|sqlite)$/.test(path)
    )
  );
  assertEquals(outside, []);
});
