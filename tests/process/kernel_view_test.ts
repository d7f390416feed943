/**
 * What both commands conclude from their kernels, as real processes on loopback.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { freePort } from "../support/ports.ts";
import { type Command, startCommand, startPair } from "../support/process.ts";
import { testUnless } from "../support/skip.ts";

/**
 * Death is predicted after 1 + 7 × 0.8 s: that a process does not run is certain only as long after its kernel was asked
 * as it had been silent by then, and on a busy machine that takes some tenths of a second.
 */
const TIMERS = [
  "--data-interval=0.2",
  "--data-threshold=1",
  "--heartbeat-threshold=0.8",
  "--heartbeat-additional-tries=6",
];

const noKernelView = Deno.build.os === "linux" ? undefined : "only Linux has /proc/net/tcp";

/** Ends a process that is stopped. */
function end(command: Command): void {
  command.kill("SIGKILL");
}

testUnless(noKernelView, "a server of several workers knows which clients do not run", async () => {
  const port = freePort();
  const args = ["127.0.0.1", String(port), ...TIMERS];
  await using server = startCommand("server", [...args, "--workers=2"]);
  await server.event("listening");
  await using made = new AsyncDisposableStack();
  const clients = Array.from({ length: 4 }, () => made.use(startCommand("client", args)));
  await Promise.all(clients.map((client) => client.event("data_confirmed")));
  for (const client of clients) client.kill("SIGSTOP");
  for (const client of clients) {
    const { session } = await client.event("connected");
    const { cause } = await server.event("terminated", (each) => each.session === session);
    assertEquals(cause, "process_not_running", server.stderr);
  }
  clients.forEach(end);
});

testUnless(
  noKernelView,
  "a client whose process was stopped says that it did not run",
  async () => {
    await using pair = await startPair({ server: TIMERS, client: TIMERS }, 2);
    pair.client.kill("SIGSTOP");
    await pair.server.event("terminated");
    pair.client.kill("SIGCONT");
    const { by, cause } = await pair.client.event("terminated");
    assertEquals([by, cause], ["peer", "local_stall"]);
  },
);

testUnless(
  noKernelView,
  "where the kernel cannot be asked, that is said once, and no cause",
  async () => {
    const port = freePort();
    const args = ["127.0.0.1", String(port), ...TIMERS];
    // There is no `cat`.
    const before = ["env", "PATH=/nonexistent"];
    await using server = startCommand("server", [...args, "--workers=2"], { before });
    await server.event("listening");
    await using made = new AsyncDisposableStack();
    const clients = Array.from({ length: 4 }, () => made.use(startCommand("client", args)));
    await Promise.all(clients.map((client) => client.event("data_confirmed")));
    for (const client of clients) client.kill("SIGSTOP");
    for (const client of clients) {
      const { session } = await client.event("connected");
      const { cause } = await server.event("terminated", (each) => each.session === session);
      assertEquals(cause, "unknown", server.stderr);
    }
    const views = server.events.filter(({ event }) => event === "kernel");
    assertEquals(views.length, 1, JSON.stringify(views));
    await server.stderrText("what the kernel knows of silent connections cannot be read");
    clients.forEach(end);
  },
);
