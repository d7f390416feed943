/**
 * The instant at which an event is due. Apart from `stage.ts`, which the simulation runs without packages.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { EventName } from "../../lib/session/events.ts";
import type { Recorder } from "./stage.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/**
 * Checks that an event comes when so many milliseconds have passed, and none of its name before.
 *
 * @param line the event as in {@linkcode Recorder.story}, or only its name, with its time or without
 */
export async function assertEventAfter(
  { clock, recorder }: { clock: VirtualClock; recorder: Recorder },
  after_ms: number,
  line: string,
): Promise<void> {
  const [name, ...fields] = line.replace(/^\d+ /, "").split(" ") as [EventName, ...string[]];
  const before = recorder.all(name).length;
  await clock.advance(after_ms - 1);
  assertEquals(recorder.story(name).slice(before), [], `before ${line}`);
  await clock.advance(1);
  const lines = recorder.story(name).slice(before);
  const time = line === name ? "" : `${clock.now()} `;
  if (fields.length > 0) assertEquals(lines, [line]);
  else assertEquals([lines.length, `${time}${name}`], [1, line]);
}
