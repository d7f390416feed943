/**
 * The report's page in a real Chromium. `PULSEWIRE_SCREENSHOTS` names a folder for its pictures.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { pageOf } from "../../lib/report/page/page.ts";
import { makeReport } from "../../lib/report/report.ts";
import { Chromium, noChromium } from "../support/chromium.ts";
import { CutPath } from "../support/cut_path.ts";
import { Folder } from "../support/folder.ts";
import { Random } from "../support/random.ts";
import { recordingOf } from "../support/recorded_path.ts";
import { testUnless } from "../support/skip.ts";

const PICTURES = Deno.env.get("PULSEWIRE_SCREENSHOTS");

/** Writes the page of a session whose path is cut; returns where. */
function writePage(folder: string): string {
  const cut = { direction: "to_server", from_ms: 32_000, to_ms: 60_000 } as const;
  const path = new CutPath(new Random(1), cut, 5_000);
  path.run(120_000);
  const recordings = (["client", "server"] as const).map((role) => {
    const lines = recordingOf(role, path, { mono_ms: 0, drift_ppm: 0, wall_ms: 1.79e12 });
    Deno.writeTextFileSync(`${folder}/${role}`, lines.map((line) => `${line}\n`).join(""));
    return `${folder}/${role}`;
  });
  Deno.writeTextFileSync(`${folder}/report.html`, pageOf(makeReport(recordings)));
  return `${folder}/report.html`;
}

testUnless(noChromium, "the report's page opens in Chromium, wide and narrow", async () => {
  using folder = new Folder();
  const page = writePage(folder.path);
  await using chromium = await Chromium.start();
  for (const scheme of ["light", "dark"] as const) {
    for (const width of [390, 1400]) {
      await chromium.open(page, width, scheme);
      const beyond = await chromium.evaluate("document.documentElement.scrollWidth - innerWidth");
      assert(beyond as number <= 0, `${width} pixels: ${beyond} beyond`);
      const picture = await chromium.screenshot();
      assert(picture.length > 10_000, `${picture.length} bytes`);
      if (PICTURES) Deno.writeFileSync(`${PICTURES}/report-${width}-${scheme}.png`, picture);
    }
  }
  // From the band, and from the table; and the lines about the outage.
  for (const link of ["svg a text", "table a"]) {
    await chromium.open(page, 1400, "light");
    await chromium.click(link);
    assertEquals(await chromium.evaluate("location.hash"), "#outage-1", link);
    const top = await chromium.evaluate(
      "document.querySelector('#outage-1').getBoundingClientRect().top < innerHeight",
    );
    assertEquals(top, true);
  }
  await chromium.click("summary");
  assertEquals(await chromium.evaluate("document.querySelector('details').open"), true);
  assertEquals(chromium.complaints, []);
});
