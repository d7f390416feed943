/**
 * Where a server of the simulation puts data messages: the real code of an output, on a store and files that
 * outlive every process.
 *
 * @module
 */
import { openOutput } from "../../lib/store/output_file.ts";
import type { MessageOutput, OutputJournal, Store } from "../../lib/store/store.ts";
import { openStoredOutput } from "../../lib/store/stored_output.ts";
import { Deliveries } from "./deliveries.ts";
import { OutputFiles } from "./files_model.ts";
import { OutputCheck } from "./output_check.ts";
import type { SimulatedProcess } from "./process.ts";
import type { ServerHostOptions } from "./server_host.ts";
import { Disk } from "./store_model.ts";

/** The store and the outputs of one server, over all its processes. */
export class Storage {
  /** What has been delivered here. */
  readonly deliveries: Deliveries;
  /** The disk of the store, if there is one. */
  readonly disk?: Disk;
  /** What the output may be, if there is one. */
  readonly files?: OutputFiles;
  readonly #check: OutputCheck;
  /** The process that has an output open, and where that is. */
  #writer?: { readonly process: SimulatedProcess; readonly path: string };

  constructor({ clock, outputRandom, plan, random }: ServerHostOptions) {
    const { append_ms, commit_ms, maxPendingBytes, outputs } = plan;
    const deliveries = this.deliveries = new Deliveries({
      clock,
      hasStore: commit_ms !== undefined,
      hasOutput: append_ms !== undefined,
      maxPendingBytes,
    });
    const device = { clock, random, deliveries, outputs, outputRandom };
    if (commit_ms) this.disk = new Disk({ ...device, latency_ms: commit_ms });
    const check = this.#check = new OutputCheck({ clock, deliveries, disk: this.disk });
    if (append_ms) this.files = new OutputFiles({ ...device, check, latency_ms: append_ms });
  }

  /** When its process was given an error, if it was. */
  get failed_ms(): number | undefined {
    return this.disk?.failed_ms ?? this.files?.failed_ms;
  }

  /** Opens the store, as a process does at its start. */
  openStore(process: SimulatedProcess): (Store & OutputJournal) | undefined {
    this.deliveries.restarted();
    return this.disk?.open(process);
  }

  /** Opens the output, as a process does after that. */
  openOutput(
    process: SimulatedProcess,
    store?: OutputJournal,
  ): Promise<MessageOutput> | undefined {
    const { files } = this;
    if (!files) return undefined;
    const { path } = files;
    this.#writer = { process, path };
    const options = { clock: process, files: files.open(process) };
    const opening = store ? openStoredOutput(store, path, options) : openOutput(path, options);
    return opening.then((output) => {
      files.isOpening = false;
      this.#check.opened(path);
      return output;
    });
  }

  /** The process is no more. */
  crash(how: "killed" | "powered off"): void {
    this.disk?.crash();
    this.files?.crash(how);
    if (!this.#writer) return;
    const { path, process } = this.#writer;
    const slowest_ms = Math.max(this.disk?.slowest_ms ?? 0, this.files!.slowest_ms);
    this.#check.ended(path, process, slowest_ms);
    this.#writer = undefined;
  }
}
