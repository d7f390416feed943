/**
 * The paths of the web page's server, on a virtual clock: what they answer, against their schema, and what open
 * pages receive.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Outage, SessionStateName } from "../../../lib/monitor/reading.ts";
import type {
  OutagesDocument,
  OverviewDocument,
  SessionHistoryDocument,
  SessionsDocument,
} from "../../../lib/output/web/documents.ts";
import { PageFiles } from "../../../lib/output/web/page_files.ts";
import { CALM_INTERVAL_MS, LEAST_INTERVAL_MS } from "../../../lib/output/web/viewers.ts";
import { WebServer } from "../../../lib/output/web/web.ts";
import type { GuardRules } from "../../../lib/platform/net/http/guard.ts";
import { FakeMonitor, readingOf } from "../../support/fake_monitor.ts";
import { Folder } from "../../support/folder.ts";
import { HttpExchange, requestText } from "../../support/http_client.ts";
import { MemoryNetwork } from "../../support/memory_network.ts";
import { Schema } from "../../support/schema.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const MARKUP = `<script>alert("x")</script>&'`;

const schema = new Schema("web.schema.json");

/** What the paths answer, by their names in the schema. */
interface Documents {
  readonly sessions: SessionsDocument;
  readonly history: SessionHistoryDocument;
  readonly outages: OutagesDocument;
}

/** A web server in memory. */
class WebStage implements Disposable {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork(this.clock);
  readonly monitor = new FakeMonitor();
  readonly reports: string[] = [];
  readonly web: WebServer;
  rules: GuardRules = { names: ["127.0.0.1"] };

  constructor(page?: PageFiles) {
    this.web = new WebServer({
      address: { host: "127.0.0.1", port: 8080 },
      transport: this.network,
      rules: () => this.rules,
      monitor: this.monitor,
      metrics: (accept) =>
        Promise.resolve({ status: 200, contentType: "text/plain", body: `metrics ${accept}` }),
      health: () => ({ status: 503, contentType: "text/plain", body: "the store fails" }),
      clock: this.clock,
      report: (text) => this.reports.push(text),
      page,
    });
  }

  async ask(target: string, fields: Record<string, string> = {}): Promise<HttpExchange> {
    const client = (await HttpExchange.connect(this.network)).read();
    await client.say(requestText(target, { fields }));
    await this.clock.advance(1);
    return client;
  }

  /** The document of a path, which fits the schema of its name. */
  async document<Name extends keyof Documents>(
    name: Name,
    target: string,
  ): Promise<Documents[Name]> {
    const client = await this.ask(target);
    assertEquals([client.status, client.field("content-type")], [200, "application/json"]);
    const document: Documents[Name] = JSON.parse(client.body);
    schema.check(name, document);
    return document;
  }

  [Symbol.dispose](): void {
    this.web.close();
  }
}

function outageOf(session: string, more: Partial<Outage> = {}): Outage {
  return {
    session,
    peer: "192.0.2.1:50000",
    began_ms: Date.UTC(2026, 10, 22),
    ended_ms: null,
    silent_ms: 1234.5,
    outcome: "lasts",
    cause: "unknown",
    ...more,
  };
}

Deno.test("every response has the fields that keep a browser safe, and none of CORS", async () => {
  using stage = new WebStage();
  for (const target of ["/", "/api/sessions", "/metrics", "/healthz", "/none", "/api/events"]) {
    const client = await stage.ask(target);
    const policy = client.field("content-security-policy")!;
    assert(policy.startsWith("default-src 'none'; script-src 'self'; style-src 'self'"), policy);
    assert(!policy.includes("unsafe"));
    assertEquals(client.field("x-content-type-options"), "nosniff", target);
    assertEquals(client.field("referrer-policy"), "no-referrer");
    assertEquals(client.field("cache-control"), "no-store");
    assertEquals(/^access-control/im.exec(client.text), null);
  }
});

Deno.test("a web server asks each request for the key that holds now", async () => {
  using stage = new WebStage();
  stage.rules = { names: [], secret: "A".repeat(43) };
  const client = await stage.ask("/healthz");
  assertEquals(client.status, 401);
  assertEquals(client.field("www-authenticate"), 'Basic realm="Pulsewire", charset="UTF-8"');
  for (const target of ["/", "/page.js", "/api/sessions", "/api/events", "/metrics"]) {
    assertEquals((await stage.ask(target)).status, 401, target);
  }
  const fields = { authorization: `Bearer ${"A".repeat(43)}` };
  assertEquals((await stage.ask("/metrics", fields)).status, 200);
  stage.rules = { names: [], secret: "B".repeat(43) };
  assertEquals((await stage.ask("/metrics", fields)).status, 401);
});

Deno.test("/metrics and /healthz answer what they are told", async () => {
  using stage = new WebStage();
  const metrics = await stage.ask("/metrics", { accept: "text/x" });
  assertEquals([metrics.status, metrics.body], [200, "metrics text/x"]);
  const health = await stage.ask("/healthz");
  assertEquals([health.status, health.body], [503, "the store fails"]);
});

Deno.test("the page's files are served, and without them a sentence", async () => {
  using folder = new Folder();
  for (const name of ["index.html", "page.js", "page.css", "icon.svg"]) {
    Deno.writeTextFileSync(`${folder.path}/${name}`, `<${name}>`);
  }
  using stage = new WebStage(new PageFiles(new URL(`file://${folder.path}/`)));
  const page = await stage.ask("/");
  assertEquals([page.body, page.field("content-type")], [
    "<index.html>",
    "text/html; charset=utf-8",
  ]);
  assertEquals(
    (await stage.ask("/page.js")).field("content-type"),
    "text/javascript; charset=utf-8",
  );
  assertEquals((await stage.ask("/index.html")).status, 404);
  assertEquals((await stage.ask("/..%2f..%2fdeno.json")).status, 404);
  using bare = new WebStage(new PageFiles(new URL(`file://${folder.path}/none/`)));
  const missing = await bare.ask("/");
  assertEquals(missing.status, 503);
  assert(missing.body.startsWith("the page is not built: run `deno task page`"), missing.body);
  assertEquals((await bare.ask("/api/sessions")).status, 200);
});

Deno.test("/api/sessions lists what its query asks for, as docs/web.schema.json has it", async () => {
  using stage = new WebStage();
  stage.monitor.rows = [
    readingOf("b"),
    readingOf(MARKUP, { who: MARKUP, peer: "192.0.2.7:1", state: "silent", missed: 2, left: 1 }),
    readingOf("a", { state: "held", held: "store", due: { what: "dead", in_ms: 10.4 } }),
    readingOf("c", { state: "lost", end: { by: "self", reason: "silent" }, quiet_ms: null }),
  ];
  const list = (query: string) => stage.document("sessions", `/api/sessions?${query}`);
  const ids = ({ sessions }: SessionsDocument) => sessions.map(({ session }) => session);
  assertEquals(ids(await list("history=true"))[0], MARKUP);
  const page = await list("order=session&descending=true&from=1&count=2");
  assertEquals([ids(page), page.matched, page.from], [["b", "a"], 4, 1]);
  assertEquals(ids(await list("search=2.0.2.7")), [MARKUP]);
  assertEquals(ids(await list("states=held,lost")), ["a", "c"]);
});

for (
  const [query, text] of [
    ["order=best", "order: expected worst, session, peer, round_trip, age, in_doubt"],
    ["states=ok,good", "states: expected some of ok, idle, held"],
    ["count=501", "count: expected a whole number from 0 to 500"],
    ["from=-1", "from: expected a whole number from 0"],
    ["from=1e3", "from: expected a whole number from 0"],
    ["history=1", "history: expected true or false"],
    [`search=${"x".repeat(201)}`, "search: expected at most 200 characters"],
    ["count=1&count=2", "count: given twice; keep one"],
    ["<script>=1", "unknown parameter in the query; known are order,"],
  ]
) {
  Deno.test(`/api/sessions refuses ${query!.slice(0, 20)} with a sentence`, async () => {
    using stage = new WebStage();
    const client = await stage.ask(`/api/sessions?${query}`);
    assertEquals([client.status, client.field("content-type")], [400, "text/plain; charset=utf-8"]);
    assert(client.body.startsWith(text!), client.body);
  });
}

Deno.test("/api/sessions/ID tells one session's history, whatever its id", async () => {
  using stage = new WebStage();
  stage.monitor.rows = [readingOf(MARKUP)];
  stage.monitor.outageList = [outageOf(MARKUP), outageOf("other")];
  stage.monitor.histories.set(MARKUP, {
    states: [{ from_ms: 1, state: "ok" }, { from_ms: 2.6, state: "silent" }],
    round_trips: [[1, 0.2, 0.9], [2, null, null]],
    sample_ms: 1_000,
  });
  const path = `/api/sessions/${encodeURIComponent(MARKUP)}`;
  const document = await stage.document("history", path);
  assertEquals(document.session.states!.stretches, [[1, "ok"], [3, "silent"]]);
  assertEquals(document.outages.length, 1);
  assertEquals((await stage.ask("/api/sessions/none")).status, 404);
  assertEquals((await stage.ask("/api/sessions/%ff")).status, 400);
  assertEquals((await stage.ask("/api/sessions/a?b=c")).status, 400);
});

Deno.test("/api/outages lists the latest first, of one session if asked for", async () => {
  using stage = new WebStage();
  stage.monitor.outageList = [
    outageOf("a", { ended_ms: Date.UTC(2026, 10, 23), outcome: "recovered", in_doubt: 3 }),
    outageOf(MARKUP, { began: "to_server", first_noticed_by: "client", cause: "path_cut" }),
  ];
  const outages = async (query: string) =>
    (await stage.document("outages", `/api/outages${query}`)).outages;
  assertEquals((await outages("")).length, 2);
  assertEquals((await outages("?count=1"))[0]!.session, "a");
  assertEquals((await outages("?session=a")).length, 1);
  assertEquals((await stage.ask("/api/outages?order=worst")).status, 400);
});

/** The documents in the events that were received. */
function eventsOf(client: HttpExchange): OverviewDocument[] {
  return [...client.body.matchAll(/^data: (.*)\n\n/gm)].map(([, text]) => JSON.parse(text!));
}

Deno.test("an open page receives an event at once, then at most one a second, and one while calm", async () => {
  using stage = new WebStage();
  stage.monitor.outageList = [outageOf(MARKUP)];
  const client = await stage.ask("/api/events");
  assertEquals(client.field("content-type"), "text/event-stream");
  assertEquals(eventsOf(client).length, 1);
  schema.check("overview", eventsOf(client)[0]);
  await stage.clock.advance(CALM_INTERVAL_MS);
  assertEquals(eventsOf(client).length, 2);
  for (let n = 1; n <= 300; n++) {
    stage.monitor.set({ silences: n });
    await stage.clock.advance(10);
  }
  const counts = eventsOf(client).map(({ totals }) => totals.silences);
  assertEquals(counts.length, 5, `${counts}`);
  // What changed after an event was sent is in the next.
  await stage.clock.advance(LEAST_INTERVAL_MS);
  assertEquals(eventsOf(client).at(-1)!.totals.silences, 300);
  const before = eventsOf(client).length;
  await stage.clock.advance(10 * CALM_INTERVAL_MS);
  assertEquals(eventsOf(client).length - before, 10);
});

Deno.test("fifty open pages take no more of the monitor than one, and none takes nothing", async () => {
  using stage = new WebStage();
  stage.monitor.rows = [readingOf("a"), readingOf("b")];
  await stage.clock.advance(60_000);
  assertEquals(stage.monitor.asked, { totals: 0, list: 0, history: 0 });
  const clients = [];
  for (let n = 1; n <= 50; n++) clients.push(await stage.ask("/api/events"));
  assertEquals(stage.monitor.asked.totals, 1);
  for (let second = 1; second <= 10; second++) {
    await stage.clock.advance(CALM_INTERVAL_MS);
    const state_ms = stage.clock.now();
    stage.monitor.rows = [readingOf("a", { state_ms }), readingOf("b", { state_ms })];
    for (let n = 1; n <= 50; n++) await stage.document("sessions", "/api/sessions?history=true");
  }
  assert(stage.monitor.asked.totals <= 12, `${stage.monitor.asked.totals}`);
  assert(stage.monitor.asked.list <= 11, `${stage.monitor.asked.list}`);
  // States over time are asked for only when they change.
  assertEquals(stage.monitor.asked.history, 2);
  for (const client of clients) client.end.close();
  await stage.clock.advance(10_000);
  const { totals } = stage.monitor.asked;
  await stage.clock.advance(60_000);
  assertEquals(stage.monitor.asked.totals, totals);
});

Deno.test("the states of a listed session are up to date after each change", async () => {
  using stage = new WebStage();
  const states: [number, SessionStateName][] = [[0, "ok"]];
  for (let n = 1; n <= 20; n++) {
    const state = n % 2 ? "silent" : "ok";
    const now_ms = stage.clock.wallTime();
    states.push([now_ms - 5, state]);
    stage.monitor.rows = [readingOf("a", { state, state_ms: 5, silences: Math.ceil(n / 2) })];
    stage.monitor.histories.set("a", {
      states: states.map(([from_ms, state]) => ({ from_ms, state })),
    });
    const { sessions: [row] } = await stage.document("sessions", "/api/sessions?history=true");
    assertEquals(row!.states!.stretches, states);
    await stage.clock.advance(2_000);
  }
});

Deno.test("events are sent less often if they take long to make", async () => {
  using stage = new WebStage();
  const { monitor } = stage;
  const totals = monitor.totals.bind(monitor);
  // 200 ms of each: with at most 5 %, one every 4 s.
  monitor.totals = () => {
    stage.clock.stall(200);
    return totals();
  };
  const client = await stage.ask("/api/events");
  await stage.clock.advance(CALM_INTERVAL_MS);
  const before = eventsOf(client).length;
  for (let n = 1; n <= 400; n++) {
    monitor.set({ silences: n });
    await stage.clock.advance(100);
  }
  const events = eventsOf(client).length - before;
  assert(events >= 8 && events <= 11, `${events}`);
});

Deno.test("whoever asks for many different documents waits, and takes 5 % of the time", async () => {
  using stage = new WebStage();
  const list = stage.monitor.list.bind(stage.monitor);
  stage.monitor.list = (query) => {
    stage.clock.stall(50);
    return list(query);
  };
  const clients: HttpExchange[] = [];
  for (let n = 0; n < 25; n++) {
    const client = (await HttpExchange.connect(stage.network)).read();
    clients.push(await client.say(requestText(`/api/sessions?from=${n}`)));
  }
  const answered = () => clients.filter(({ status }) => status === 200).length;
  await stage.clock.advance(1_000);
  assert(answered() >= 4 && answered() <= 8, `${answered()}`);
  await stage.clock.advance(10_000);
  assert(answered() >= 13 && answered() <= 18, `${answered()}`);
  assertEquals((await stage.ask("/metrics")).status, 200);
  await stage.clock.advance(15_000);
  assertEquals(answered(), 25);
});

Deno.test("what has arrived for sessions goes between any two documents", async () => {
  using stage = new WebStage();
  const order: string[] = [];
  stage.monitor.list = () => {
    order.push("document");
    stage.clock.afterInput(() => order.push("session"));
    return Promise.resolve({ matched: 0, rows: [] });
  };
  for (let n = 0; n < 3; n++) {
    const client = await HttpExchange.connect(stage.network);
    await client.say(requestText(`/api/sessions?from=${n}`));
  }
  await stage.clock.advance(1);
  assertEquals(order.slice(0, 5), ["document", "session", "document", "session", "document"]);
});

Deno.test("a web server refuses documents when too many are waited for", async () => {
  using stage = new WebStage();
  stage.monitor.list = () => new Promise(() => {});
  const clients = [];
  for (let n = 0; n < 70; n++) clients.push(await stage.ask(`/api/sessions?from=${n}`));
  const refused = clients.filter(({ status }) => status === 503);
  assertEquals(refused.length, 5);
  assertEquals(refused[0]!.body, "too much is asked for at once\n");
  assertEquals(stage.reports, []);
});

Deno.test("a defect while an event is made is reported, and events go on", async () => {
  using stage = new WebStage();
  const { monitor } = stage;
  const client = await stage.ask("/api/events");
  const totals = monitor.totals.bind(monitor);
  monitor.totals = () => Promise.reject(new Error("broken"));
  await stage.clock.advance(CALM_INTERVAL_MS);
  monitor.totals = totals;
  await stage.clock.advance(CALM_INTERVAL_MS);
  assertEquals(eventsOf(client).length, 2);
  assertEquals(stage.reports.length, 1);
  assert(stage.reports[0]!.startsWith("a defect of this program in the web server"));
});

Deno.test("more open pages than a server has room for are refused, and others served", async () => {
  using stage = new WebStage();
  const clients = [];
  for (let n = 0; n < 200; n++) clients.push(await stage.ask("/api/events"));
  assert(clients.every(({ status }) => status === 200));
  assertEquals((await stage.ask("/api/events")).status, 503);
  assertEquals((await stage.ask("/healthz")).status, 503);
  assertEquals((await stage.ask("/metrics")).status, 200);
  assert(clients.every(({ isClosed }) => !isClosed));
});

Deno.test("a web server that is closed leaves nothing behind", async () => {
  const stage = new WebStage();
  const client = await stage.ask("/api/events");
  stage.web.close();
  await stage.clock.advance(1);
  assertEquals([client.isClosed, stage.clock.pending, stage.network.listening], [true, 0, 0]);
});
