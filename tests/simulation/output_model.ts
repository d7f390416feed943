/**
 * An output file as the server sees one: it takes what it is given when it has the time.
 *
 * @module
 */
import type { MessageOutput } from "../../lib/store/store.ts";
import { Device } from "./device.ts";
import type { SimulatedProcess } from "./process.ts";

/** A file that outlives every process. */
export class OutputFile extends Device<readonly Uint8Array[]> {
  /** Opens the file, as a process does at its start. */
  open(process: SimulatedProcess): MessageOutput {
    const append = (payloads: readonly Uint8Array[]) =>
      new Promise<void>((resolve) => {
        this.begin("appends", process, payloads, () => {
          for (const payload of payloads) this.deliveries.written(payload);
          process.whenRunning(resolve);
        });
      });
    return { append, close: () => Promise.resolve() };
  }

  /** The process is no more: some of what was under way is there. */
  crash(): void {
    const payloads = this.underWay?.work ?? [];
    const record = this.random.below(payloads.length + 1);
    for (const payload of payloads.slice(0, record)) this.deliveries.written(payload);
    this.underWay = undefined;
  }
}
