/**
 * A client whose connections open and confirm nothing: what counts as an attempt, and what is said.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { QueueSource } from "../../lib/client/source.ts";
import { stageDialling, welcoming } from "../support/scripted_network.ts";

/** Answers everything but data messages. */
const confirmsNothing = (line: string) => {
  const n = /^HEARTBEAT (\d+)/.exec(line)?.[1];
  return n === undefined ? welcoming('{"received":0}')(line) : `HEARTBEAT_REPLY ${n}\n`;
};

Deno.test("the delays keep growing while connections are lost soon and confirm nothing", async () => {
  const { clock, network, recorder } = stageDialling([confirmsNothing], { draw: 0xff });
  for (let n = 0; n < 7; n++) {
    await clock.advance(59_999 - clock.now() + network.dials_ms.at(-1)!);
    network.last.path.reset();
    await clock.advance(30_000);
  }
  const delays_ms = recorder.all("reconnecting").map(({ delay_ms }) => delay_ms);
  assertEquals(delays_ms, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

Deno.test("connections that confirm nothing count as attempts in a row, however long they are", async () => {
  const { clock, network, recorder, status } = stageDialling([confirmsNothing], {
    reconnect: { limit: 4 },
  });
  for (let n = 0; n < 5; n++) {
    await clock.advance(100_000);
    network.last.path.reset();
    await clock.advance(0);
    await clock.advance(500);
  }
  assertEquals(await status, 1);
  assertEquals(recorder.all("reconnecting").map(({ attempt }) => attempt), [1, 2, 3, 4]);
  // Besides these, that all of them were cut at the same age.
  const notices = recorder.all("notice").map(({ text }) => text)
    .filter((text) => !text.startsWith("cut "));
  const hint =
    " connections in a row opened and confirmed nothing: data message 1, of 1 byte, was " +
    "sent on each. Look next: is the message too large for the rate of the path, or does the path drop " +
    "packets above a size (an MTU black hole), so that small frames pass and large ones never do?";
  assertEquals(notices, [
    `2${hint}`,
    `4${hint}`,
    "given up after 4 attempts in a row (reconnect_limit)",
  ]);
});

Deno.test("a client that has nothing to send, or only had at the end, may lose healthy connections for ever", async () => {
  const source = new QueueSource();
  const { clock, network, recorder } = stageDialling([confirmsNothing], {
    reconnect: { limit: 1 },
    source,
  });
  for (let n = 0; n < 4; n++) {
    await clock.advance(100_000);
    if (n === 3) source.put(new Uint8Array(1));
    await clock.advance(0);
    network.last.path.reset();
    await clock.advance(500);
  }
  assertEquals(recorder.all("reconnecting").map(({ attempt }) => attempt), [1, 1, 1, 1]);
  const notices = recorder.all("notice").map(({ text }) => text);
  const ofAge =
    "each at an age of 100 s: something on the path limits the age of connections; no " +
    "timer changes that";
  assertEquals(notices, [2, 3, 4].map((times) => `cut ${times} times, ${ofAge}`));
});
