/**
 * docs/report.schema.json has every key of a report, and no other.
 *
 * @module
 */
import { assert } from "@std/assert";
import { makeReport } from "../../lib/report/report.ts";
import { CutPath } from "../support/cut_path.ts";
import { Folder } from "../support/folder.ts";
import { Random } from "../support/random.ts";
import { recordingOf } from "../support/recorded_path.ts";
import { Schema } from "../support/schema.ts";

Deno.test("docs/report.schema.json fits the reports of one side and of both", () => {
  using folder = new Folder();
  const path = new CutPath(
    new Random(1),
    { direction: "to_server", from_ms: 32_000, to_ms: 70_000 },
    5_000,
    { side: "server", from_ms: 10_000, to_ms: 26_000 },
  );
  path.run(120_000);
  const clocks = { mono_ms: 0, drift_ppm: 0, wall_ms: 1.79e12 };
  const step = { at_ms: 20_000, by_ms: 30_000 };
  for (const role of ["client", "server"] as const) {
    const lines = recordingOf(role, path, { ...clocks, ...role === "client" && { step } });
    Deno.writeTextFileSync(`${folder.path}/${role}`, lines.map((line) => `${line}\n`).join(""));
  }
  const [client, server] = [`${folder.path}/client`, `${folder.path}/server`];
  const whole = makeReport([client, server]).document;
  assert(whole.outages.length > 0 && whole.clock_steps.length > 0 && whole.clocks.length > 0);
  assert(whole.outages.some(({ stalls }) => stalls.length > 0));
  const schema = new Schema("report.schema.json");
  for (const document of [whole, makeReport([client]).document, makeReport([server]).document]) {
    schema.check(undefined, document);
  }
});
