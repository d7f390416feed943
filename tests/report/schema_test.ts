/**
 * docs/report.schema.json has every key of a report, and no other.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { makeReport } from "../../lib/report/report.ts";
import { CutPath } from "../support/cut_path.ts";
import { Folder } from "../support/folder.ts";
import { Random } from "../support/random.ts";
import { recordingOf } from "../support/recorded_path.ts";

interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema | false;
  prefixItems?: Schema[];
}

const schema: Schema = JSON.parse(
  Deno.readTextFileSync(new URL("../../docs/report.schema.json", import.meta.url)),
);

/** Checks a value; the keywords are those that the schema uses. */
function fits(value: unknown, { $ref, ...own }: Schema, path: string): void {
  const rule: Schema = $ref ? { ...schema.$defs![$ref.replace("#/$defs/", "")], ...own } : own;
  if (rule.oneOf) {
    const isNull = value === null && rule.oneOf.some(({ type }) => type === "null");
    return isNull ? undefined : fits(value, rule.oneOf[0]!, path);
  }
  if (rule.const !== undefined) return assertEquals(value, rule.const, path);
  if (rule.enum) return assert(rule.enum.includes(value), `${path}: ${value}`);
  const type = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  const types = [rule.type!].flat().map((each) => each === "integer" ? "number" : each);
  assert(types.includes(type), `${path}: ${type}, not ${types}`);
  if (type === "object") {
    assertEquals(Object.keys(value as object).sort(), Object.keys(rule.properties!).sort(), path);
    assertEquals([...rule.required!].sort(), Object.keys(rule.properties!).sort(), path);
    for (const [key, each] of Object.entries(value as object)) {
      fits(each, rule.properties![key]!, `${path}.${key}`);
    }
  }
  if (type !== "array") return;
  for (const [at, each] of (value as unknown[]).entries()) {
    fits(each, (rule.prefixItems?.[at] ?? rule.items) as Schema, `${path}[${at}]`);
  }
}

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
  for (const document of [whole, makeReport([client]).document, makeReport([server]).document]) {
    fits(JSON.parse(JSON.stringify(document)), schema, "report");
  }
});
