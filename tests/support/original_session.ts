/**
 * A session with an original client on a virtual clock, as the server sees it, brought as far as a test
 * needs it.
 *
 * @module
 */
import { ORIGINAL_TEXT as TEXT } from "../../lib/original/wire.ts";
import { type OriginalStageOptions, stageOriginalServer } from "./original_stage.ts";
import type { Recorder } from "./stage.ts";

/** When, why and since when the only session has ended. */
export function closeReasonOf(recorder: Recorder) {
  const { at_ms, by, reason, text, detected_after_ms, detected_since, predicted_ms } = recorder.one(
    "terminated",
  );
  return { at_ms, by, reason, text, detected_after_ms, detected_since, predicted_ms };
}

/** A server, and the data connection of a client whose first message has come at time 0. */
export async function stageSession(options: OriginalStageOptions = {}) {
  const stage = stageOriginalServer(options);
  const data = await stage.call(TEXT.data);
  const { clock, recorder } = stage;
  /** Sends data every so often, for so many times. */
  const sendData = async (times: number, interval_ms = 5_000) => {
    for (let n = 0; n < times; n++) {
      await clock.advance(interval_ms);
      await data.say(TEXT.data);
    }
  };
  const closeReason = () => closeReasonOf(recorder);
  return { ...stage, data, sendData, closeReason };
}

/** The same, silent since 20 s, its client's second connection there since 25 s. */
export async function stageBeats(options: OriginalStageOptions = {}) {
  const stage = await stageSession(options);
  await stage.clock.advance(24_000);
  await stage.data.hangUp();
  await stage.clock.advance(1_000);
  const beats = await stage.call(TEXT.heartbeat);
  return { ...stage, beats };
}
