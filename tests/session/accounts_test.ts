/**
 * Real client and real server over a path that is cut, in one direction or in both: what the accounts say.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { Client } from "../../lib/client/client.ts";
import { eventText } from "../../lib/output/event_text.ts";
import { Server } from "../../lib/server/server.ts";
import { clientOptions } from "../support/client_options.ts";
import { type Direction, MemoryNetwork } from "../support/memory_network.ts";
import { serverOptions } from "../support/server_options.ts";
import { Recorder, saying } from "../support/stage.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";

const TIMERS = {
  data_interval_ms: 1_000,
  data_threshold_ms: 3_000,
  heart_beat_interval_ms: 1_000,
  heart_beat_threshold_ms: 2_000,
  heart_beat_additional_tries: 3,
};

function stage() {
  const clock = new VirtualClock();
  const network = new MemoryNetwork(clock, { latency_ms: 3 });
  const server = new Recorder(clock);
  const client = new Recorder(clock);
  const common = { clock, transport: network, timers: TIMERS };
  const running = Server.listen(serverOptions({ ...common, sink: server }));
  running.run();
  const calling = new Client(clientOptions({
    ...common,
    ...saying("hello", TIMERS),
    reconnect: { limit: 0 },
    sink: client,
  }));
  calling.run();
  return { clock, network, client, server };
}

/** What each side concludes of an outage that begins after 5.5 s. */
async function concluded(
  lasts_ms: number,
  ...directions: Direction[]
): Promise<ReturnType<typeof stage>> {
  const staged = stage();
  const { clock, network } = staged;
  await settle();
  await clock.advance(5_500);
  network.paths[0]!.silence(...directions);
  await clock.advance(lasts_ms);
  network.paths.at(-1)!.heal();
  await clock.advance(5_000);
  return staged;
}

Deno.test("prints", async () => {
  for (const d of [["to_server"],["to_client"],["to_server","to_client"]] as Direction[][]) for (const ms of [8_000, 40_000]) {
    const { client, server } = await concluded(ms, ...d);
    console.log(d, ms);
    for (const r of [client, server]) { console.log(r.story("phase","disconnected","resumed","terminated","connected", "heartbeat_received","heartbeat_sent").slice(0,40)); for (const e of r.all("account")) console.log(e, eventText(e, r===client?"client":"server", TIMERS)); }
  }
});
