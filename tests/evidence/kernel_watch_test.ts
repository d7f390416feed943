/**
 * Silent sessions whose kernels show something, on the virtual clock: when it is asked, what is emitted, and
 * what an end says of it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { KernelView } from "../../lib/platform/net/transport.ts";
import type { End } from "../support/memory_network.ts";
import { stageClient, stageServer } from "../support/stage.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";

const QUIET: KernelView = {
  unacked_bytes: 0,
  unread_bytes: 0,
  retransmissions: 0,
  timer: "none",
  timer_ms: 0,
  probes: 0,
  rto_ms: 200,
  retries: 15,
  read_ms: 0,
};

/** A kernel that shows what the test says, a tenth of a second after it is asked. */
class FakeKernel {
  shows: Partial<KernelView> = {};
  /** Once: instead of that, that nothing can be read. */
  unreadable?: string;
  takes_ms = 100;
  readonly asked_ms: number[] = [];

  constructor(clock: VirtualClock, end: End) {
    end.kernelView = (_clock, receiver) => {
      this.asked_ms.push(clock.now());
      clock.after(this.takes_ms, () => {
        const { unreadable } = this;
        this.unreadable = undefined;
        const view = { ...QUIET, read_ms: clock.now(), ...this.shows };
        receiver.onKernelView(unreadable ? { unreadable } : view);
      });
    };
  }
}

function inVain(retransmissions: number, unacked_bytes = 42): Partial<KernelView> {
  const rto_ms = 200 * 2 ** retransmissions;
  return { unacked_bytes, timer: "retransmit", timer_ms: 100, retransmissions, rto_ms };
}

/** A client's session with data that is never confirmed: silent from 20 s on. */
async function client() {
  const stage = await stageClient();
  return { ...stage, kernel: new FakeKernel(stage.clock, stage.path.client) };
}

/** A server's session with one small data message, at 0 s: silent from 20 s on. */
async function server(data = "DATA 1 1\nx\n") {
  const stage = await stageServer();
  const kernel = new FakeKernel(stage.clock, stage.path.server);
  await stage.peer.say(data);
  return { ...stage, kernel };
}

for (const [side, stage] of [["client", client], ["server", () => server()]] as const) {
  Deno.test(`a ${side} asks the kernel at a silence and before each heartbeat is missed`, async () => {
    const { clock, kernel, recorder } = await stage();
    await clock.advance(60_000);
    assertEquals(kernel.asked_ms, [20_000, 29_500, 39_500, 49_500, 59_500]);
    assertEquals(recorder.story("kernel", "heartbeat_missed", "terminated").slice(0, -1), [
      "20100 kernel silence 0 0 0 none unknown",
      "30000 heartbeat_missed 1 1 3",
      "30000 kernel heartbeat_missed 0 0 0 none unknown",
      "40000 heartbeat_missed 2 2 2",
      "40000 kernel heartbeat_missed 0 0 0 none unknown",
      "50000 heartbeat_missed 3 3 1",
      "50000 kernel heartbeat_missed 0 0 0 none process_not_running ",
      "60000 heartbeat_missed 4 4 0",
      "60000 kernel heartbeat_missed 0 0 0 none process_not_running ",
    ]);
    const { cause, kernel: figures, tcp_gives_up_ms } = recorder.one("terminated");
    const shown = { unacked_bytes: 0, unread_bytes: 0, retransmissions: 0, timer: "none" };
    assertEquals([cause, figures, tcp_gives_up_ms], ["process_not_running", shown, null]);
  });

  Deno.test(`a ${side} says of a cut path what was sent in vain`, async () => {
    const { clock, kernel, recorder } = await stage();
    kernel.shows = { ...inVain(0), rto_ms: 200 };
    await clock.advance(20_100);
    kernel.shows = inVain(5);
    await clock.advance(10_000);
    kernel.shows = inVain(7);
    await clock.advance(29_900);
    const [first, second] = recorder.story("kernel");
    assertEquals(first, "20100 kernel silence 42 0 0 retransmit true unknown");
    assertEquals(second, "30000 kernel heartbeat_missed 42 0 5 retransmit path_cut");
    const { cause, kernel: figures } = recorder.one("terminated");
    assertEquals([cause, figures?.retransmissions], ["path_cut", 7]);
  });

  Deno.test(`a ${side} asks the kernel once more when data is heard again`, async () => {
    const { clock, kernel, peer, recorder } = await stage();
    kernel.shows = inVain(5);
    await clock.advance(35_000);
    kernel.shows = {};
    await peer.say(side === "client" ? "CONFIRM 1\n" : "DATA 2 1\nx\n");
    await clock.advance(10_000);
    assertEquals(kernel.asked_ms, [20_000, 29_500, 35_000]);
    assertEquals(recorder.story("kernel").at(-1), "35100 kernel recovery 0 0 0 none");
    // Of the silence that is over, the end says nothing.
    peer.say("TERMINATE silent\n");
    await clock.advance(0);
    const { cause, kernel: figures } = recorder.one("terminated");
    assertEquals([cause, figures], ["unknown", undefined]);
  });

  Deno.test(`a ${side} gives what the kernel shows late, but not after the end`, async () => {
    const { clock, kernel, recorder } = await stage();
    kernel.takes_ms = 700;
    await clock.advance(70_000);
    assertEquals(recorder.story("kernel"), [
      "20700 kernel silence 0 0 0 none unknown",
      "30200 kernel heartbeat_missed 0 0 0 none unknown",
      "40200 kernel heartbeat_missed 0 0 0 none unknown",
      "50200 kernel heartbeat_missed 0 0 0 none process_not_running ",
    ]);
    assertEquals(recorder.one("terminated").cause, "process_not_running");
  });

  Deno.test(`a ${side} says once that the kernel shows nothing, and knows no cause`, async () => {
    const { clock, kernel, recorder } = await stage();
    kernel.unreadable = "no /proc";
    await clock.advance(20_100);
    assertEquals(recorder.story("kernel"), ["20100 kernel no /proc"]);
    kernel.shows = {};
  });

  Deno.test(`a ${side} whose own link is down names that, whatever the kernel shows`, async () => {
    const { clock, path, recorder } = await stage();
    path[side].linkFault = () => Promise.resolve("no link on eth0 (down)");
    await clock.advance(60_000);
    const { cause, link } = recorder.one("terminated");
    assertEquals([cause, link], ["path_cut", "no link on eth0 (down)"]);
  });

  Deno.test(`a ${side} asks nothing while heartbeats are answered`, async () => {
    const { clock, kernel, peer, recorder } = await stage();
    peer.answer = (line) =>
      line.startsWith("HEARTBEAT ") ? line.replace(" ", "_REPLY ") + "\n" : "";
    await clock.advance(60_000);
    assertEquals(kernel.asked_ms, [20_000]);
    // What was acknowledged while it answered says nothing of a process that stops later.
    peer.answer = () => undefined;
    await clock.advance(35_000);
    assertEquals(recorder.story("kernel").map((each) => each.replace(/^\d+ /, "")), [
      "kernel silence 0 0 0 none unknown",
      "kernel heartbeat_missed 0 0 0 none unknown",
      "kernel heartbeat_missed 0 0 0 none unknown",
      "kernel heartbeat_missed 0 0 0 none process_not_running ",
    ]);
  });
}

Deno.test("what was acknowledged while heartbeats were answered is no proof after that", async () => {
  const { clock, kernel, peer, recorder } = await client();
  peer.answer = (line) => line.startsWith("HEARTBEAT ") ? line.replace(" ", "_REPLY ") + "\n" : "";
  await clock.advance(24_000);
  peer.answer = () => undefined;
  // The answer to what was acknowledged just now may be on its way.
  kernel.takes_ms = 400;
  await clock.advance(11_000);
  assertEquals(
    recorder.story("kernel").at(-1),
    "35000 kernel heartbeat_missed 0 0 0 none unknown",
  );
});

Deno.test("what TCP waits to send once more since the silence before is no sign of another cut", async () => {
  const { clock, kernel, peer, recorder } = await client();
  kernel.shows = inVain(4);
  await clock.advance(30_000);
  await peer.say("CONFIRM 1\n");
  // Data message 2 is sent at once, and not confirmed.
  await clock.advance(20_100);
  const causes = () => recorder.all("kernel").map((each) => "cause" in each ? each.cause : "");
  assertEquals(causes(), ["path_cut", "path_cut", "", "unknown"]);
  kernel.shows = inVain(5);
  await clock.advance(9_900);
  kernel.shows = inVain(6);
  await clock.advance(10_000);
  assertEquals(causes().slice(4), ["unknown", "path_cut"]);
});

Deno.test("what is sent again in vain in another silence, from its beginning on, is a sign of a cut", async () => {
  const { clock, kernel, peer, recorder } = await client();
  kernel.shows = inVain(7);
  await clock.advance(30_000);
  await peer.say("CONFIRM 1\n");
  kernel.shows = inVain(0);
  await clock.advance(20_000);
  kernel.shows = inVain(3);
  await clock.advance(10_000);
  assertEquals(
    recorder.all("kernel").map((each) => "cause" in each ? each.cause : "").at(-1),
    "path_cut",
  );
});

for (const data of ["", `DATA 1 401\n${"x".repeat(401)}\n`]) {
  Deno.test(`a server takes no client for stopped that may have sent large packets: ${data.length} bytes`, async () => {
    const { clock, recorder } = await server(data);
    await clock.advance(60_000);
    assertEquals(recorder.one("terminated").cause, "unknown");
  });
}

Deno.test("a client that hears the server, and is not heard, says that large packets do not arrive", async () => {
  const { clock, kernel, peer, recorder } = await client();
  kernel.shows = inVain(5, 20_000);
  await clock.advance(20_200);
  for (const n of [1, 2, 3, 4]) {
    await peer.say(`HEARTBEAT ${n}\n`);
    await clock.advance(9_900);
  }
  await peer.say("TERMINATE silent\n");
  await clock.advance(0);
  const { by, cause, kernel: figures, tcp_gives_up_ms } = recorder.one("terminated");
  assertEquals([by, cause, figures?.unacked_bytes], ["peer", "large_packets", 20_000]);
  assertEquals(tcp_gives_up_ms, 924_600);
  // At the silence, and as soon as each heartbeat was answered by one of the server's.
  assertEquals(kernel.asked_ms.slice(0, 2), [20_000, 20_200]);
});

for (const [ms, cause] of [[39_999, "unknown"], [40_000, "local_stall"]] as const) {
  Deno.test(`a peer's verdict after a local stall of ${ms} ms is of the cause ${cause}`, async () => {
    const { clock, peer, recorder } = await client();
    await peer.say("CONFIRM 1\n");
    await clock.advance(0);
    // The next data message is due in 5 s.
    clock.stall(5_000 + ms);
    await clock.advance(0);
    await peer.say("TERMINATE silent\n");
    await clock.advance(0);
    assertEquals([recorder.one("terminated").by, recorder.one("terminated").cause], [
      "peer",
      cause,
    ]);
  });
}
