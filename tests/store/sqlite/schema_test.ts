/**
 * The schema, the queries and their results in `docs/store.md` are those of the store.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { SCHEMA, SCHEMA_VERSION } from "../../../lib/store/sqlite/schema.ts";
import type { Entry } from "../../../lib/store/store.ts";
import { testUnless, whyNot } from "../../support/skip.ts";
import {
  AT,
  ended,
  lost,
  message,
  opened,
  resumed,
  StoreFolder,
  ThreadlessStore,
} from "../../support/store_folder.ts";

const PAGE = Deno.readTextFileSync(new URL("../../../docs/store.md", import.meta.url));

/** The first code block of a language after a text. */
function blockAfter(text: string, language: string): string {
  const rest = PAGE.slice(PAGE.indexOf(text) + text.length);
  return new RegExp("^```" + language + "\\n(.*?)^```$", "ms").exec(rest)![1]!.trim();
}

const LONG = "4cda025595b19bb4";
const PUMP = "pump-7";

function reading(session: string, seq: number, after_ms: number): Entry {
  const payload = new TextEncoder().encode(`reading ${seq}`);
  return { ...message(session, seq, AT + after_ms), payload };
}

/** Makes the store that the page shows. */
async function makeStore(folder: StoreFolder): Promise<void> {
  const first = await ThreadlessStore.open(folder.store);
  await first.commit([
    opened(LONG),
    ...[1, 2, 3].map((seq) => reading(LONG, seq, seq * 5_000)),
    opened(PUMP, 0, AT + 16_000),
    ...[1, 2].map((seq) => reading(PUMP, seq, 16_000 + seq * 1_000)),
    lost(LONG, AT + 75_000, "self", "silent"),
    resumed(LONG, AT + 216_412, 1),
    reading(LONG, 4, 216_500),
    reading(LONG, 5, 221_500),
    lost(PUMP, AT + 230_000, "network", "reset"),
    resumed(PUMP, AT + 230_734, 0),
    reading(PUMP, 3, 230_800),
    ended(LONG, AT + 240_000),
  ]);
  first.close();
  const second = await ThreadlessStore.open(folder.store);
  await second.commit([resumed(PUMP, AT + 243_000, 1), reading(PUMP, 4, 243_010)]);
  second.close();
}

const QUERIES: readonly [heading: string, option: string][] = [
  ["**The messages of a session", "-list"],
  ["**Outages, the longest first", "-box"],
  ["**Sessions, with counts and gaps", "-box"],
];

for (const [heading, option] of QUERIES) {
  testUnless(whyNot("sqlite3", "--version"), `docs/store.md: ${heading.slice(2)}`, async () => {
    using folder = new StoreFolder();
    await makeStore(folder);
    const args = ["-readonly", option, folder.store, blockAfter(heading, "sql")];
    const { stdout, stderr } = await new Deno.Command("sqlite3", { args }).output();
    const [rows, error] = [stdout, stderr].map((each) => new TextDecoder().decode(each).trim());
    assertEquals(error, "");
    assertEquals(rows, blockAfter(heading, "text"));
  });
}

Deno.test("docs/store.md shows the schema", () => {
  const heading = `## Schema, version ${SCHEMA_VERSION}\n`;
  const shown = blockAfter(heading, "sql");
  assertEquals(shown, SCHEMA.map((statement) => `${statement};`).join("\n"));
});

Deno.test("docs/store.md deletes old sessions with their messages and outages, and no open ones", async () => {
  using folder = new StoreFolder();
  const day_ms = 86_400_000;
  const ages_d = { old: 31, recent: 29, open: 90 };
  const store = await ThreadlessStore.open(folder.store);
  const now = Date.now();
  await store.commit(
    Object.entries(ages_d).flatMap(([id, days]) => {
      const at = now - days * day_ms;
      const entries = [opened(id, 0, at), message(id, 1, at), lost(id, at, "self", "silent")];
      return id === "open" ? entries : [...entries, ended(id, at)];
    }),
  );
  folder.change(blockAfter("## Deleting old sessions", "sql"));
  await store.commit([message("open", 2)]);
  const remaining = [{ id: "recent" }, { id: "open" }];
  assertEquals(folder.query("SELECT id FROM sessions"), remaining);
  const query = "SELECT id FROM messages LEFT JOIN sessions ON sessions.number = session";
  assertEquals(folder.query(query), [...remaining, { id: "open" }]);
  assertEquals(folder.query(query.replace("messages", "outages")), remaining);
  const deleteAll = () => folder.change("DELETE FROM sessions");
  assertThrows(deleteAll, Error, "a session that has not ended cannot be deleted");
  store.close();
});
