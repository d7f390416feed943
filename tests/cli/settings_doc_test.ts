/**
 * `docs/settings.md` is what `deno task docs` writes.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { SETTINGS_DOC, settingsDoc } from "../../scripts/settings_doc.ts";

Deno.test("docs/settings.md is up to date: deno task docs writes it", async () => {
  assertEquals(await Deno.readTextFile(SETTINGS_DOC), settingsDoc());
});
