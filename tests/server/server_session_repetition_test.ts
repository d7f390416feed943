/**
 * A client comes back while its data messages are on their way: what it repeats is delivered once.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { data, heardAfter, welcomeOf } from "../support/callers.ts";
import { HeldOutput } from "../support/held_delivery.ts";
import { stageRawServer } from "../support/raw_server.ts";

/** A server with 2 delivered and 3 to 5 on their way to the output, whose client comes back. */
async function takenOver() {
  const output = new HeldOutput({ held: false });
  const staged = stageRawServer({ output });
  const first = await staged.hello("s", { reconnect: true });
  await first.peer.say(data(1, 2));
  output.held = true;
  await first.peer.say(data(3, 5));
  const second = await staged.resume("s", { confirmed: 1, sent: 7 });
  return { ...staged, output, second };
}

Deno.test("a takeover while a delivery is pending: what is repeated is delivered once", async () => {
  const { clock, output, recorder, second } = await takenOver();
  assertEquals(welcomeOf(second)["received"], 2);
  await second.peer.say(data(3, 7));
  assertEquals(heardAfter(second), []);
  await output.letThrough();
  assertEquals(heardAfter(second), ["CONFIRM 5"]);
  await output.letThrough();
  assertEquals(heardAfter(second), ["CONFIRM 5", "CONFIRM 7"]);
  assertEquals(output.texts.flat().length, 7);
  assertEquals(recorder.all("data_received").map(({ seq }) => seq), [1, 2, 3, 4, 5, 6, 7]);
  await second.peer.say("TERMINATE done\n");
  await clock.advance(1_000);
  assertEquals(recorder.one("summary").by_connection, [
    { sent: 0, received: 5, confirmed: 2, resent: 0, in_doubt: 3, age_ms: 0, idle_ms: 0 },
    { sent: 0, received: 5, confirmed: 5, resent: 5, in_doubt: 0, age_ms: 0, idle_ms: 0 },
  ]);
});

Deno.test("a delivery that is done before anything is repeated is confirmed, and no connection owes", async () => {
  const { clock, output, recorder, second } = await takenOver();
  await output.letThrough();
  assertEquals(heardAfter(second), ["CONFIRM 5"]);
  // So the client goes on behind it.
  await second.peer.say(data(6));
  await output.letThrough();
  assertEquals(heardAfter(second), ["CONFIRM 5", "CONFIRM 6"]);
  await second.peer.say("TERMINATE done\n");
  await clock.advance(1_000);
  const [, last] = recorder.one("summary").by_connection;
  assertEquals([last!.received, last!.in_doubt], [1, 0]);
});

Deno.test("a client that has nothing to repeat by then leaves nothing in doubt", async () => {
  const { clock, output, recorder, second } = await takenOver();
  await output.letThrough();
  await second.peer.say("TERMINATE done\n");
  await clock.advance(1_000);
  const { by_connection, in_doubt } = recorder.one("summary");
  assertEquals([by_connection[1]!.received, by_connection[1]!.in_doubt, in_doubt], [0, 0, []]);
});

/** What may not come after WELCOME with 2 received while 3 to 5 are on their way. */
const DISORDER: [what: string, frames: string, wrong: number][] = [
  ["what WELCOME said was received", data(2), 2],
  ["a repetition twice", data(3) + data(3), 3],
  ["a repetition that goes back", data(3, 4) + data(3), 3],
  ["a repetition with a gap", data(3) + data(5), 5],
  ["new messages before the repetition is complete", data(3) + data(6), 6],
  ["new messages before any repetition", data(6), 6],
  ["a gap behind the repetition", data(3, 5) + data(7), 7],
  ["a repetition after new messages", data(3, 6) + data(4), 4],
];

for (const [what, frames, wrong] of DISORDER) {
  Deno.test(`after a resume, ${what} is a protocol error`, async () => {
    const { output, recorder, second } = await takenOver();
    await second.peer.say(frames);
    const { by, reason, text } = recorder.one("terminated");
    assertEquals([by, reason], ["self", "protocol"]);
    assert(text.startsWith(`DATA ${wrong} where DATA `), text);
    await output.letThrough();
    assertEquals(new Set(recorder.all("data_received").map(({ seq }) => seq)).size >= 5, true);
  });
}
