/**
 * The rows of the fault table that a session outlives, and those of stepped clocks.
 *
 * @module
 */
import {
  DROP,
  forward,
  freeze,
  FROM_CLIENT,
  FROM_SERVER,
  heal,
  healing,
  PATH_CUT,
  resuming,
  setClock,
  signal,
  stepping,
  thaw,
} from "./evidence_faults.ts";
import type { Row } from "./evidence_row.ts";

/** The rows. */
export const HEALS: readonly Row[] = [
  {
    fault: "the router drops what is for the server, for a time",
    heals: true,
    course: healing(forward(`${FROM_CLIENT} ${DROP}`), heal),
    ...PATH_CUT,
    began: ["to_server"],
  },
  {
    fault: "the router drops what is for the client, for a time",
    heals: true,
    course: healing(forward(`${FROM_SERVER} ${DROP}`), heal),
    client_words: "--data-interval 1",
    threshold_s: 2,
    ...PATH_CUT,
    began: ["to_client", "unknown"],
  },
  {
    fault: "the router drops everything, for a time",
    heals: true,
    course: healing(forward(DROP), heal),
    ...PATH_CUT,
    began: ["both"],
  },
  {
    fault: "the server's process is stopped, for a time",
    heals: true,
    course: healing(signal("server", "SIGSTOP"), signal("server", "SIGCONT"), "client"),
    client: ["process_not_running"],
    server: ["none"],
    began: ["unknown"],
    cause: ["process_not_running", "local_stall"],
    at: "server",
  },
  {
    fault: "the client's process is stopped, for a time",
    heals: true,
    course: healing(signal("client", "SIGSTOP"), signal("client", "SIGCONT"), "server"),
    client: ["none"],
    server: ["process_not_running"],
    began: ["unknown"],
    cause: ["process_not_running", "local_stall"],
    at: "client",
  },
  {
    fault: "the client's host freezes, with its kernel, for a time",
    heals: true,
    course: healing(freeze("client"), thaw("client"), "server"),
    client: ["none"],
    server: ["path_cut"],
    began: ["unknown"],
    cause: ["local_stall", "unknown"],
    at: "client",
  },
  {
    // When it runs again, TCP still waits before it transmits again.
    fault: "the server's host freezes, with its kernel, for a time",
    heals: true,
    course: healing(freeze("server"), thaw("server"), "client"),
    server: ["none", "unknown"],
    client: ["path_cut"],
    began: ["unknown"],
    cause: ["local_stall", "unknown"],
    at: "server",
  },
  {
    // When it runs again, the path is still about to recover.
    fault: "the server's process is stopped, and the router drops everything, for a time",
    heals: true,
    course: healing(
      async (scene) => {
        await forward(DROP)(scene);
        scene.server.kill("SIGSTOP");
      },
      async (scene) => {
        scene.server.kill("SIGCONT");
        await heal(scene);
      },
      "client",
    ),
    client: ["path_cut"],
    server: ["none", "unknown", "path_cut"],
    began: ["both", "unknown"],
    cause: ["path_cut", "unknown"],
    at: null,
  },
  {
    fault: "the server's clock goes 30 s ahead",
    isNone: true,
    stepped: { role: "server", by_ms: 30_000 },
    course: stepping(30),
    client: ["none"],
    server: ["none"],
    began: [],
    cause: [],
    at: null,
  },
  {
    fault: "the client's clock goes 30 s back",
    isNone: true,
    stepped: { role: "client", by_ms: -30_000 },
    course: stepping(-30),
    client: ["none"],
    server: ["none"],
    began: [],
    cause: [],
    at: null,
  },
  {
    fault: "the server's clock goes 30 s back, and the router drops what is for it, for a time",
    heals: true,
    stepped: { role: "server", by_ms: -30_000 },
    course: healing(
      async (scene) => {
        setClock(scene.folder, -30);
        await forward(`${FROM_CLIENT} ${DROP}`)(scene);
      },
      heal,
    ),
    ...PATH_CUT,
    began: ["to_server"],
  },
  {
    fault:
      "the router drops what is for the server until both gave up, then the session is resumed",
    heals: true,
    tries: 1,
    client_words: "--data-interval 0.5 --reconnect",
    server_words: "--no-original",
    course: resuming(forward(`${FROM_CLIENT} ${DROP}`)),
    ...PATH_CUT,
    began: ["to_server"],
  },
  {
    fault:
      "the router drops what is for the client until both gave up, then the session is resumed",
    heals: true,
    tries: 1,
    client_words: "--data-interval 1 --reconnect",
    threshold_s: 2,
    server_words: "--no-original",
    course: resuming(forward(`${FROM_SERVER} ${DROP}`)),
    ...PATH_CUT,
    began: ["to_client", "unknown"],
  },
];
