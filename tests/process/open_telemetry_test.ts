/**
 * A real server and a real client export their metrics by OTLP, to a small receiver.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { METRICS } from "../../lib/output/metrics/metrics.ts";
import { telemetryName } from "../../lib/output/metrics/open_telemetry.ts";
import { withFolder } from "../support/folder.ts";
import { AT_END_MS, Otlp } from "../support/otlp.ts";
import { freePort } from "../support/ports.ts";
import { startCommand, startServer } from "../support/process.ts";
import { runWords } from "../support/run.ts";

const TIMERS = [
  "--data-interval=0.1",
  "--data-threshold=1",
  "--heartbeat-threshold=0.5",
  "--heartbeat-additional-tries=0",
];

Deno.test("a client exports its metrics by OpenTelemetry, and the last ones when it ends", async () => {
  await using receiver = new Otlp();
  const port = freePort();
  await using server = await startServer(port);
  await using client = startCommand("client", ["127.0.0.1", `${port}`, ...TIMERS], {
    before: ["env", ...receiver.variables()],
  });
  await receiver.until("pulsewire.sessions phase=data", (value) => value === 1);
  const names = new Set([...receiver.values.keys()].map((key) => key.split(" ")[0]));
  // A histogram is there with its first time.
  const fixed = METRICS.filter(({ type }) => type !== "histogram");
  assertEquals(
    fixed.map((each) => telemetryName(each.name)).filter((name) => !names.has(name)),
    [],
  );
  // Its last numbers must not get lost: it ends because of them.
  server.kill("SIGSTOP");
  assertEquals(await client.ended(), 1);
  const { event } = client.events.at(-1)!;
  assertEquals(event, "summary");
  const summary = await client.event("summary");
  await receiver.until("pulsewire.sessions_ended by=self reason=silent", (value) => value === 1);
  assertEquals(receiver.values.get("pulsewire.silences"), summary.silences);
  assertEquals(receiver.values.get("pulsewire.data_messages_sent"), summary.data_sent);
  assertEquals(receiver.values.get("pulsewire.round_trip"), summary.data_confirmed);
  assertEquals(receiver.values.get("pulsewire.detection_overshoot"), 1);
});

Deno.test("a server exports the last numbers of all its workers when it ends", async () => {
  await using receiver = new Otlp();
  const port = freePort();
  await using server = startCommand("server", ["127.0.0.1", `${port}`, "--workers=2"], {
    before: ["env", ...receiver.variables(AT_END_MS)],
  });
  await server.event("listening");
  const args = ["127.0.0.1", `${port}`, "--sessions=8", "--count=2", "--data-interval=0.1"];
  await using clients = startCommand("client", args);
  assertEquals(await clients.ended(), 0);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), 0);
  await receiver.until("pulsewire.data_messages_received", (value) => value === 16);
  await receiver.until("pulsewire.sessions_ended by=peer reason=done", (value) => value === 8);
});

Deno.test("where the package for it cannot be had, one sentence says so", async () => {
  await withFolder(async (folder) => {
    const meter = new URL("../../lib/output/metrics/meter.ts", import.meta.url);
    const code = `import { loadMeter } from "${meter}";
      await loadMeter("pulsewire", "1").catch((error) => console.log(error.name, error.message));`;
    const { stdout } = await runWords([Deno.execPath(), "eval", "--quiet", code], {
      DENO_DIR: folder,
      NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/",
      NO_COLOR: "1",
    });
    assertMatch(
      stdout,
      /^UsageError OTEL_DENO is true, but npm:@opentelemetry\/api\S+ cannot be loaded \(.*\): connect .*\n$/,
    );
  });
});
