/**
 * What a client did not send of its input: a line that is too large, and a server that never opens the session.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { QueueSource } from "../../lib/client/source.ts";
import { stageUnopenedClient } from "../support/stage.ts";
import { cameTo, type Outcome, stageDialling, welcoming } from "../support/scripted_network.ts";

/** An input with lines of these lengths, and more to come. */
function input(...lengths: number[]): QueueSource {
  const source = new QueueSource();
  for (const length of lengths) source.put(new Uint8Array(length));
  return source;
}

const TOO_LARGE = "the next data message has 6 bytes; the server accepts 5";

Deno.test("a line above the server's limit ends the client when those before it are confirmed", async () => {
  const staged = stageDialling([welcoming('{"received":0,"max_message_bytes":5}')], {
    source: input(1, 5, 6, 1),
    window: 10,
  });
  const { clock, network, recorder, status } = staged;
  for (const seq of [1, 2]) {
    await clock.advance(1_000);
    assertEquals([recorder.all("data_sent").length, recorder.all("terminated")], [2, []]);
    await network.last.peer.say(`CONFIRM ${seq}\n`);
  }
  assertEquals<unknown>(await cameTo(status, clock, 500), 1);
  assertEquals(recorder.one("terminated").text, TOO_LARGE);
  const { data_confirmed, in_doubt, lines_unsent } = recorder.one("summary");
  assertEquals([data_confirmed, in_doubt, lines_unsent], [2, [], 2]);
});

Deno.test("a line above the server's limit waits in the heartbeat phase, too", async () => {
  const { clock, ended, peer } = stageUnopenedClient({ source: input(1, 6), window: 10 });
  await peer.say('WELCOME 1 s {"max_message_bytes":5}\n');
  await clock.advance(25_000);
  await peer.say("HEARTBEAT_REPLY 1\nCONFIRM 1\n");
  await clock.advance(500);
  assertEquals((await ended).text, TOO_LARGE);
});

const NEVER_OPENED: [what: string, outcome: Outcome, status: number][] = [
  ["is refused", (line) => line.startsWith("HELLO") ? "TERMINATE refused full\n" : undefined, 4],
  ["cannot connect", "refused", 3],
];

for (const [what, outcome, expected] of NEVER_OPENED) {
  Deno.test(`a client that ${what} before any WELCOME sums up what it never sent`, async () => {
    const source = input(1, 2, 3);
    const { clock, recorder, status } = stageDialling([outcome], { source, reconnect: undefined });
    assertEquals<unknown>(await cameTo(status, clock, 1_000), expected);
    const { connections, data_sent, input_ended, lines_unsent } = recorder.one("summary");
    assertEquals([connections, data_sent, lines_unsent, input_ended], [0, 0, 3, false]);
    assertEquals(recorder.events.at(-1)!.event, "summary");
  });
}

Deno.test("a client without an input that never connects has no summary", async () => {
  const { clock, recorder, status } = stageDialling(["refused"], { reconnect: undefined });
  assertEquals<unknown>(await cameTo(status, clock, 1_000), 3);
  assertEquals(recorder.all("summary"), []);
});
