/**
 * The demo, as a new user runs it.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { runWords } from "../support/run.ts";

const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/** The outages, as they are printed: each text begins on its own line and goes on in the next ones. */
function outagesIn(stdout: string): Record<string, string>[] {
  return stdout.split(/^ {2}Outage \d: .*\n/m).slice(1).map((text) => {
    const fields = text.split(/\n\n/)[0]!.split(/^ {4}(?=\S)/m).slice(1);
    return Object.fromEntries(fields.map((field) => {
      const [name, value] = [field.slice(0, 12).trim(), field.slice(12)];
      return [name, value.replace(/\s+/g, " ").trim()];
    }));
  });
}

Deno.test("the demo prints what both recordings prove of its two outages, and leaves a page", async () => {
  const std = Deno.env.get("STD");
  const words = ["run", "-q", ...std ? [std] : [], "-P=demo", "demo/demo.ts"];
  const cd = ["sh", "-c", 'cd "$0" && exec "$@"', ROOT];
  const { code, stderr, stdout } = await runWords([...cd, Deno.execPath(), ...words]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" }, stdout);

  const page = `${ROOT}dist/demo/report.html`;
  for (const line of stdout.split("\n")) {
    assert(line.length <= 80 || line.includes(`${ROOT}dist/demo/`), `too long: ${line}`);
  }
  const [first, second, ...more] = outagesIn(stdout);
  assertEquals(more, []);
  for (const { ["not proven"]: doubt, verdict } of [first!, second!]) {
    assertMatch(verdict!, /^the path was cut.*; the server noticed it first, by \S+ m?s \(± .*\)$/);
    assertMatch(doubt!, /where on the path, and by what$/);
  }
  assertEquals(first!.ledger, "in doubt: 1, confirmed later: 1");
  assertEquals(second!.ledger, "in doubt: 1, confirmed later: 0");
  assertMatch(stdout, /account of the outage: the path was cut/);
  assert(stdout.includes(`As a page   ${page}\n`), stdout);
  assertMatch(await Deno.readTextFile(page), /^<!doctype html>/i);
});
