/**
 * A real Prometheus scrapes a real server, and knows of its outages.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { withFolder } from "../support/folder.ts";
import { freePort } from "../support/ports.ts";
import { type Command, startCommand, startServer } from "../support/process.ts";
import { Prometheus, promtool } from "../support/prometheus.ts";
import { testUnless, whyNot } from "../support/skip.ts";

const RULES = decodeURIComponent(
  new URL("../../docs/monitoring/alerts.yml", import.meta.url).pathname,
);

const OUTAGES = 2;

const TIMERS = ["--data-interval=0.1", "--data-threshold=1", "--heartbeat-threshold=20"];

/** How often a side fell silent, as its events say. */
function silences({ events }: Command): number {
  return events.filter((each) => each.event === "phase" && each.to === "heartbeat").length;
}

/** Stops the client until the server has noticed it. */
async function outage(server: Command, client: Command): Promise<void> {
  const before = silences(server);
  const recoveries = () =>
    server.events.filter((each) => each.event === "phase" && each.to === "data");
  const recovered = recoveries().length;
  client.kill("SIGSTOP");
  await server.event("phase", ({ to }) => to === "heartbeat" && silences(server) > before);
  client.kill("SIGCONT");
  await server.event("phase", ({ to }) => to === "data" && recoveries().length > recovered);
}

testUnless(
  whyNot("prometheus", "--version"),
  "Prometheus scrapes a server, knows how many silences there were, and alerts",
  async () => {
    await withFolder(async (folder) => {
      const [port, web] = [freePort(), freePort()];
      await using server = await startServer(port, `--web=${web}`, ...TIMERS);
      const target = `127.0.0.1:${web}`;
      await using prometheus = await Prometheus.start({
        ...{ folder, port: freePort(), rules: RULES, target },
      });
      await prometheus.until("pulsewire_silences_total", 0);
      await using client = startCommand("client", ["127.0.0.1", `${port}`, ...TIMERS]);
      await client.event("data_confirmed");
      await prometheus.until('pulsewire_sessions{phase="data"}', 1);
      for (let n = 0; n < OUTAGES; n++) await outage(server, client);
      // From here on the numbers are the last ones: a busy machine may make further silences.
      client.kill("SIGTERM");
      await client.ended();
      await prometheus.until("pulsewire_recoveries_total", silences(server));
      await prometheus.until("pulsewire_silences_total", silences(server));
      await prometheus.until("pulsewire_silence_seconds_count", silences(server));
      await prometheus.until("sum(pulsewire_sessions_ended_total)", 1);
      await prometheus.alert("PulsewireSessionsSilent");
      const answer = await fetch(`http://${target}/metrics`);
      assertEquals(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
      assertEquals(await promtool(["check", "metrics"], await answer.text()), {
        ...{ code: 0, said: "" },
      });
      const health = await fetch(`http://${target}/healthz`);
      assertEquals([health.status, await health.text()], [200, "ok\n"]);
    });
  },
);
