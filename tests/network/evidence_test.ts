/**
 * The fault table: true faults between two hosts and a router, and what each side alone, both together by
 * their accounts, and the report of both recordings say of them. Wrong is never allowed; `unknown` only
 * where a row has it beside the truth, because TCP hides it, or, in some runs, for a machine that is too busy:
 * then the row is run again. So many runs as PULSEWIRE_EVIDENCE_RUNS says.
 *
 * @module
 */
import { assertEquals, assertLessOrEqual } from "@std/assert";
import { ENDS } from "../support/evidence_ends.ts";
import { HEALS } from "../support/evidence_heals.ts";
import { type Row, whyNoFakeClock } from "../support/evidence_row.ts";
import { runTable, tableText } from "../support/evidence_table.ts";
import { Folder } from "../support/folder.ts";
import { whyNoRouter } from "../support/routed_network.ts";
import { testUnless } from "../support/skip.ts";

const RUNS = Number(Deno.env.get("PULSEWIRE_EVIDENCE_RUNS") ?? 1);

const ROWS: readonly Row[] = [...ENDS, ...HEALS];

const isDue = (row: Row) => row.stepped === undefined || whyNoFakeClock === undefined;

testUnless(whyNoRouter(), "nothing wrong is said of any fault", async (t) => {
  using folder = new Folder();
  const rows = ROWS.filter(isDue);
  const results = await runTable(rows, RUNS, folder.path);
  console.log(tableText(rows, results));
  for (const [at, { fault }] of rows.entries()) {
    await t.step(fault, () => {
      const said = results[at]!.map((each) => {
        if (each.status === "rejected") throw each.reason;
        return each.value;
      });
      assertEquals(said.flatMap(({ wrong }) => wrong), []);
      const untold = said.filter((each) => each.untold.length > 0);
      assertLessOrEqual(untold.length, said.length / 2, JSON.stringify(untold[0]?.untold));
    });
  }
});

// Their rows are among the others, where they can be.
testUnless(whyNoRouter() ?? whyNoFakeClock, "steps of a clock are among the faults", () => {
  assertEquals(ROWS.every(isDue), true);
});
