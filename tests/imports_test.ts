/**
 * Imports go one way, and only the files that may touch the world do (DESIGN, section 6).
 *
 * @module
 */
import { assertEquals } from "@std/assert";

const ROOT = new URL("..", import.meta.url);

/** From the bottom up: a file may import from its own layer and from those before it. */
const LAYERS = [
  [
    "version",
    "nearest",
    "address",
    "protocol",
    "printable",
    "random_id",
    "file_error",
    "tasks",
    "thread_link",
    "joined",
    "session_homes",
  ],
  ["backoff", "timer_queue", "store_types", "store_schema"],
  ["line", "clock", "transport", "settings", "greeting", "original_wire", "peeked_connection"],
  ["codec", "check", "wait", "ledger", "histogram", "ending", "dial"],
  ["first_words", "byte_sink"],
  [
    "reader",
    "writer",
    "events",
    "data_loop",
    "heartbeat_loop",
    "source",
    "delivery",
    "pace",
    "original_outbox",
    "pool",
    "reception",
    "worker_messages",
    "lent_connection",
    "worker_delivery",
    "worker_sink",
    "server_options",
    "server_notices",
  ],
  ["outbox", "verdict", "goodbye"],
  ["course"],
  ["heartbeats", "session", "heartbeat_watch", "original_connection", "kept_session"],
  [
    "client_session",
    "server_session",
    "kept_sessions",
    "original_client_session",
    "original_server_session",
    "original_sessions",
  ],
  ["acceptor", "client", "server", "crowd"],
  ["server_worker", "server_thread", "pool_worker", "worker_pool", "server_threads"],
  ["write_error", "store_batch", "store_file", "store_writer", "store_worker", "store"],
  ["output_file", "stored_output", "input"],
  [
    "explain",
    "messages",
    "output",
    "log",
    "config",
    "cli",
    "help",
    "ask",
    "signals",
    "digest",
    "teller",
  ],
  ["program"],
];

/** What only these files may do. */
const ONLY: [RegExp, string, string[]][] = [
  [/setTimeout|setInterval|setImmediate|performance\.now|Date\.now/, "time", ["clock"]],
  [/Deno\.(connect|listen)\b|node:dns/, "the network", ["transport"]],
  [/@std\/log/, "the logging package", ["log"]],
  [/@std\/toml/, "TOML", ["config"]],
  [/@std\/cli/, "flags", ["cli"]],
  [/Deno\.(readTextFile|stat)/, "files that are given", ["config", "output_file", "store_file"]],
  [/node:sqlite/, "SQLite", ["store_file", "store_writer"]],
  [/new Worker\b/, "threads", ["server_threads", "store"]],
  [/Deno\.mkdir/, "log files", ["log"]],
  [/addSignalListener/, "signals", ["signals"]],
  [/Math\.random|crypto\./, "randomness", ["server_thread"]],
  [/Deno\.(exit|args)/, "the command's arguments and exit", []],
];

const sources = new Map<string, string>();
for (const { name } of Deno.readDirSync(new URL("lib", ROOT))) {
  sources.set(name.replace(".ts", ""), Deno.readTextFileSync(new URL(`lib/${name}`, ROOT)));
}

function importsOf(source: string): string[] {
  return [...source.matchAll(/^(?:import|export)\b[^;]*?from "([^"]+)";/gms)].map((each) =>
    each[1]!
  );
}

Deno.test("every file of lib/ has its layer", () => {
  assertEquals(LAYERS.flat().toSorted(), [...sources.keys()].toSorted());
});

Deno.test("no file of lib/ imports from a layer above its own", () => {
  const layerOf = new Map(LAYERS.flatMap((names, at) => names.map((name) => [name, at] as const)));
  const wrong = [...sources].flatMap(([name, source]) =>
    importsOf(source)
      .filter((path) => path.startsWith("."))
      .map((path) => path.replace("./", "").replace(".ts", ""))
      .filter((imported) => !(layerOf.get(imported)! <= layerOf.get(name)!))
      .map((imported) => `${name} imports ${imported}`)
  );
  assertEquals(wrong, []);
});

Deno.test("no files of lib/ import each other in a circle", () => {
  const state = new Map<string, "open" | "done">();
  const visit = (name: string, path: string[]): void => {
    if (state.get(name) === "done") return;
    assertEquals(state.get(name), undefined, `a circle: ${[...path, name].join(" → ")}`);
    state.set(name, "open");
    for (const imported of importsOf(sources.get(name)!)) {
      if (imported.startsWith("./")) visit(imported.slice(2, -3), [...path, name]);
    }
    state.set(name, "done");
  };
  for (const name of sources.keys()) visit(name, []);
});

for (const [pattern, what, names] of ONLY) {
  Deno.test(`only ${names.join(", ") || "the entry points"} may touch ${what}`, () => {
    const touching = [...sources].filter(([, source]) => pattern.test(withoutComments(source)));
    assertEquals(touching.map(([name]) => name).toSorted(), names);
  });
}

Deno.test("the entry points import from lib/ only, and lib/ from itself, @std, node:timers and node:sqlite", () => {
  for (const entry of ["client.ts", "server.ts"]) {
    const paths = importsOf(Deno.readTextFileSync(new URL(entry, ROOT)));
    assertEquals(paths.filter((path) => !path.startsWith("./lib/")), []);
  }
  const outside = [...sources].flatMap(([, source]) =>
    importsOf(source).filter((path) =>
      !/^\.\/[a-z_]+\.ts$|^@std\/[a-z]+$|^node:(timers|sqlite)$/.test(path)
    )
  );
  assertEquals(outside, []);
});

function withoutComments(source: string): string {
  return source.replace(/\/\*.*?\*\//gs, "").replace(/^\s*\/\/.*$/gm, "");
}
