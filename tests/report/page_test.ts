import { assert, assertEquals } from "@std/assert";
import { pageOf } from "../../lib/report/page/page.ts";
import { makeReport } from "../../lib/report/report.ts";
import { CutPath } from "../support/cut_path.ts";
import { Folder } from "../support/folder.ts";
import { Random } from "../support/random.ts";
import { recordingOf } from "../support/recorded_path.ts";

/** The page of recordings of both sides, or of one; perhaps with lines that an attacker wrote. */
function page(roles: readonly ("client" | "server")[], extra: readonly string[] = []): string {
  using folder = new Folder();
  const cut = { direction: "to_client", from_ms: 32_000, to_ms: 60_000 } as const;
  const path = new CutPath(new Random(1), cut, 5_000);
  path.run(120_000);
  const paths = roles.map((role) => {
    const lines = recordingOf(role, path, { mono_ms: 0, drift_ppm: 0, wall_ms: 1.79e12 });
    const file = `${folder.path}/${role}`;
    Deno.writeTextFileSync(file, [...lines, ...extra].map((line) => `${line}\n`).join(""));
    return file;
  });
  return pageOf(makeReport(paths));
}

Deno.test("pageOf() links each outage from the table and from the band, and has its lines", () => {
  const html = page(["client", "server"]);
  const links = [...html.matchAll(/href="#outage-1"/g)].length;
  assert(links >= 3, `${links}`);
  assertEquals([...html.matchAll(/id="outage-1"/g)].length, 1);
  assert(html.includes("<summary>Lines of the client's recording"));
  assert(html.includes("<summary>Lines of the server's recording"));
  assert(html.includes("&quot;event&quot;:&quot;frame_sent&quot;"));
  // Each element that is opened is closed.
  for (const name of ["section", "table", "details", "svg", "a", "dl", "div", "g", "tr"]) {
    const count = (pattern: string) => [...html.matchAll(new RegExp(pattern, "g"))].length;
    assertEquals(count(`<${name}[ >]`), count(`</${name}>`), name);
  }
  assert(!/NaN|undefined|Infinity/.test(html), "no value is missing");
});

Deno.test("pageOf() asks nobody for anything, and has no script", () => {
  const html = page(["client", "server"]);
  assert(!/<script|<img|<link|<iframe|@import|url\(|src=|https?:/.test(html));
  assert(html.includes(`content="default-src 'none'; style-src 'unsafe-inline'"`));
});

Deno.test("pageOf() escapes what stands in a recording", () => {
  const evil = (session: string, event: string, fields: object) =>
    JSON.stringify({ time: "", event, session, wall_ms: 1.79e12, mono_us: 1, ...fields });
  const html = page(["client"], [
    evil("<script>alert(1)</script>", "phase", { from: "connecting", to: "<b>" }),
    evil("<img src=x onerror=y>", "disconnected", { by: "network", reason: "<i>", connection: 1 }),
  ]);
  assert(!/<script|<img|<b>|<i>/.test(html), "no element of a recording");
  assert(html.includes("&lt;script&gt;alert(1)&lt;/script&gt;"));
});

Deno.test("pageOf() of one side, and of a server without round trips, says what is missing", () => {
  assert(page(["server"]).includes("No round trip is in the recordings"));
  assert(page(["client"]).includes("One side only was recorded"));
});
