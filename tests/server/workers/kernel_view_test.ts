/**
 * What the kernel shows to the workers of a server, wherever the connection of a session was accepted.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Addresses, KernelView } from "../../../lib/platform/net/transport.ts";
import { BACK, data } from "../../support/callers.ts";
import { stagePool } from "../../support/pool_stage.ts";

const QUIET: KernelView = {
  unacked_bytes: 0,
  unread_bytes: 0,
  retransmissions: 0,
  timer: "none",
  timer_ms: 0,
  probes: 0,
  rto_ms: 200,
  read_ms: 0,
};

Deno.test("a worker looks up by its addresses a connection that another worker accepted", async () => {
  const { clock, hello, lent, network, recorder, resume } = await stagePool(2);
  const asked: Addresses[] = [];
  network.kernelView = ({ local, peer }, _clock, receiver) => {
    asked.push({ local, peer });
    const view = () => ({ ...QUIET, read_ms: clock.now() });
    clock.after(100, () => receiver.onKernelView(view()));
  };
  const first = await hello("s", BACK);
  await first.peer.say(data(1));
  first.path.reset();
  await clock.advance(0);
  await (await resume("s", { sent: 1, confirmed: 1 })).peer.say(data(2));
  assertEquals(lent(), 1);
  await clock.advance(60_000);
  assertEquals(asked[0], { local: "server:4000", peer: "client:50000" });
  const { cause } = recorder.all("disconnected").at(-1)!;
  assertEquals([recorder.all("kernel").length, cause], [5, "process_not_running"]);
});

Deno.test("a server of several workers says once that its kernel shows nothing", async () => {
  const { clock, hello, recorder } = await stagePool(3);
  for (const id of ["a", "b", "c", "d"]) {
    const { path } = await hello(id);
    path.server.kernelView = (_clock, receiver) =>
      receiver.onKernelView({ unreadable: "no /proc" });
  }
  await clock.advance(60_000);
  assertEquals(recorder.all("terminated").map(({ cause }) => cause), Array(4).fill("unknown"));
  assertEquals(recorder.story("kernel"), ["20000 kernel no /proc"]);
});
