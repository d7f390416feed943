/**
 * Both sides of a session with an original peer whose own link is down: its end says so.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { ORIGINAL_TEXT as TEXT } from "../../lib/original/wire.ts";
import { stageOriginalClient, stageSession } from "../support/original_stage.ts";

const linkFault = () => Promise.resolve("no link on eth0 (down)");

Deno.test("a client of an original server says that this host's own link was down", async () => {
  const { clock, network, recorder } = await stageOriginalClient();
  Object.assign(network.paths[0]!.client, { linkFault });
  await clock.advance(61_000);
  const { link, reason } = recorder.one("terminated");
  assertEquals([reason, link], ["silent", "no link on eth0 (down)"]);
  assertEquals(clock.pending, 0);
});

Deno.test("a server of original clients says that this host's own link was down", async () => {
  const { clock, data, recorder } = await stageSession();
  Object.assign(data.path.server, { linkFault });
  await clock.advance(61_000);
  const { link, reason } = recorder.one("terminated");
  assertEquals([reason, link], ["silent", "no link on eth0 (down)"]);
});

for (const isSecond of [false, true]) {
  const what = isSecond ? "by a heartbeat on its second connection" : "by data";
  Deno.test(`a fault of before an original client was heard again, ${what}, is not named`, async () => {
    const { call, clock, data, recorder } = await stageSession();
    Object.assign(data.path.server, { linkFault });
    await clock.advance(24_000);
    Object.assign(data.path.server, { linkFault: undefined });
    if (isSecond) {
      await data.hangUp();
      await call(TEXT.heartbeat);
    } else {
      await data.say(TEXT.data);
    }
    await clock.advance(61_000);
    const { link, reason } = recorder.one("terminated");
    assertEquals([reason, link], ["silent", undefined]);
  });
}
