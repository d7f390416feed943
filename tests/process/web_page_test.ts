/**
 * The web page in a real Chromium: what it shows of real sessions, live and after a restart; thousands of sessions;
 * what peers send as text; keyboard, colours and widths. Its pictures go to `dist/pictures/`, or to the folder that
 * `PULSEWIRE_SCREENSHOTS` names.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Outage, SessionReading, SessionStateName } from "../../lib/monitor/reading.ts";
import { WebServer } from "../../lib/output/web/web.ts";
import { systemClock } from "../../lib/platform/clock.ts";
import { tcpTransport } from "../../lib/platform/net/tcp.ts";
import { Chromium, noChromium } from "../support/chromium.ts";
import { FakeMonitor, readingOf } from "../support/fake_monitor.ts";
import { freePort } from "../support/ports.ts";
import { startCommand, startServer } from "../support/process.ts";
import { testUnless } from "../support/skip.ts";
import { webUrl } from "../support/web.ts";

const PICTURES = Deno.env.get("PULSEWIRE_SCREENSHOTS") ??
  decodeURIComponent(new URL("../../dist/pictures", import.meta.url).pathname);

async function keepPicture(chromium: Chromium, name: string): Promise<void> {
  const picture = await chromium.screenshot();
  assert(picture.length > 10_000, `${name}: ${picture.length} bytes`);
  Deno.mkdirSync(PICTURES, { recursive: true });
  Deno.writeFileSync(`${PICTURES}/${name}.png`, picture);
}

/** The states of the rows in view, from the top. */
const STATES = `[...document.querySelectorAll(".rows .state")].map((each) => each.textContent)`;
const NOTICE = `document.querySelector("[role=status]").textContent`;

/** Timers with which a silence shows soon, and a death not. */
const TIMERS = ["--data-threshold", "3", "--heartbeat-threshold", "60"];

testUnless(noChromium, "the page follows a silence, a recovery and a restart", async () => {
  const [port, webPort] = [freePort(), freePort()];
  await using made = new AsyncDisposableStack();
  const serve = () => startServer(port, ...TIMERS, "--web", `${webPort}`);
  let server = made.use(await serve());
  const call = () => {
    const args = ["127.0.0.1", `${port}`, "--data-interval", "0.2", "--reconnect"];
    return made.use(startCommand("client", args));
  };
  const [well, frozen] = [call(), call()];
  const { session } = await frozen.event("data_confirmed");
  await well.event("data_confirmed");
  await using chromium = await Chromium.start();
  await chromium.openUrl(await webUrl(server), 1400, "light");
  await chromium.until(`${STATES}.join() === "ok,ok"`);

  frozen.kill("SIGSTOP");
  await chromium.until(`${STATES}.join() === "silent,ok"`);
  assertEquals(await chromium.evaluate("document.title"), "(1 silent) Pulsewire");
  const first = await chromium.evaluate(`document.querySelector(".rows .at-session").innerText`);
  assertEquals(first, session);
  assertEquals(await chromium.until(`document.querySelector(".outcome")?.textContent`), "lasts");

  frozen.kill("SIGCONT");
  await chromium.until(`${STATES}.join() === "ok,ok"`);
  await chromium.until(`document.querySelector(".outcome").textContent === "recovered"`);
  // The band has the silence, as wide as it was long.
  const red = `[...document.querySelectorAll(".rows .fill-silent")].length`;
  assertEquals(await chromium.until(red), 1);
  assertEquals(chromium.complaints, []);

  await chromium.click("tbody a");
  await chromium.until(`document.querySelector(".plot canvas") !== null`);
  assertEquals(await chromium.evaluate(`document.querySelector("h2").textContent`), session);
  await chromium.until(`document.querySelectorAll("section td").length > 0`);

  server.kill("SIGKILL");
  await chromium.until(`${NOTICE}.startsWith("No answer from the server since ")`);
  await server.ended();
  server = made.use(await serve());
  await chromium.until(`${NOTICE} === ""`);
  await chromium.evaluate(`location.hash = ""`);
  // A client with data messages in flight at the kill is not taken back, since there is no store: that may be both.
  call();
  await chromium.until(`${STATES}.includes("ok")`);
  // The new server does not know the session that is shown until its client has dialled again.
  const isUnknown = (each: string) =>
    each.includes("404 (Not Found)") && each.includes(`/api/sessions/${session}"`);
  const unexpected = chromium.complaints.filter((each) =>
    !/ERR_CONNECTION|ERR_EMPTY|ERR_INCOMPLETE/.test(each) && !isUnknown(each)
  );
  assertEquals(unexpected, []);
});

const MARKUP = `<script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">`;

const COUNT = 10_000;

/** Thousands of sessions, of which a few are not well. */
function crowd(): FakeMonitor {
  const monitor = new FakeMonitor();
  const now_ms = Date.now();
  const states: Record<number, SessionStateName> = {
    3: "silent",
    17: "silent",
    40: "held",
    41: "lost",
  };
  monitor.rows = Array.from(
    { length: COUNT },
    (_, n): SessionReading =>
      readingOf(n === 3 ? MARKUP : `mill-${String(n).padStart(5, "0")}`, {
        who: n % 3 === 0 ? (n === 3 ? MARKUP : `key-${n}`) : undefined,
        peer: `192.0.2.${n % 250}:${30_000 + n}`,
        state: states[n] ?? "ok",
        rtt_ms: 0.2 + n % 100 / 10,
        age_ms: 1_000 * n,
        due: { what: states[n] === "silent" ? "dead" : "silent", in_ms: 12_345 },
        ...states[n] === "lost" && { end: { by: "self", reason: "silent" } },
      }),
  );
  for (const { session } of monitor.rows) {
    monitor.histories.set(session, {
      known_since_ms: now_ms - 3_600_000,
      states: [
        { from_ms: now_ms - 3_000_000, state: "ok" },
        { from_ms: now_ms - 1_500_000, state: "silent" },
        { from_ms: now_ms - 1_440_000, state: "ok" },
        { from_ms: now_ms - 400_000, state: "away" },
        { from_ms: now_ms - 370_000, state: "ok" },
      ],
      sample_ms: 10_000,
      round_trips: Array.from({ length: 300 }, (_, at) => {
        const isSilent = at >= 150 && at < 156;
        const most_ms = 0.8 + Math.sin(at / 9) * 0.3 + (at % 70 === 0 ? 3 : 0);
        return [now_ms - 3_000_000 + at * 10_000, isSilent ? null : 0.3, isSilent ? null : most_ms];
      }),
      round_trip: { p50_ms: 0.61, p99_ms: 3.2, max_ms: 4.1 },
    });
  }
  monitor.outageList = monitor.rows.slice(0, 20).map(({ peer, session }, n): Outage => ({
    session,
    peer,
    began_ms: now_ms - 60_000 * n,
    ended_ms: n === 0 ? null : now_ms - 60_000 * n + 23_400,
    silent_ms: 23_400,
    outcome: n === 0 ? "lasts" : n % 7 === 0 ? "lost" : "recovered",
    cause: n % 2 ? "path_cut" : MARKUP,
    began: "to_server",
    first_noticed_by: "client",
    in_doubt: n,
  }));
  monitor.set({
    phases: { connecting: 0, data: COUNT - 2, heartbeat: 2, terminated: 0 },
    silent: 2,
    held: 1,
    silences: 41,
    recoveries: 38,
    ended: [{ by: "self", reason: "silent", count: 1 }],
    data_confirmed: 12_345_678,
    round_trip: { p50_ms: 0.61, p99_ms: 3.2, max_ms: 4.1 },
  });
  return monitor;
}

/** Serves a page of this monitor. */
function serve(monitor: FakeMonitor) {
  const reports: string[] = [];
  const text = { status: 200, contentType: "text/plain", body: "" };
  const web = new WebServer({
    address: { host: "127.0.0.1", port: 0 },
    transport: tcpTransport,
    rules: () => ({ names: [] }),
    monitor,
    metrics: () => Promise.resolve(text),
    health: () => text,
    clock: systemClock,
    report: (text) => reports.push(text),
  });
  const url = `http://127.0.0.1:${web.address.port}/`;
  return { url, reports, [Symbol.dispose]: () => web.close() };
}

/** The ids of the rows in the page, by their places. */
const IDS = `[...document.querySelectorAll(".rows .row")]
  .sort((a, b) => a.offsetTop - b.offsetTop).map((row) => row.querySelector("a").textContent)`;

testUnless(
  noChromium,
  "the page shows 10,000 sessions: sorted, searched, by keyboard",
  async () => {
    using served = serve(crowd());
    await using chromium = await Chromium.start();
    await chromium.openUrl(served.url, 1400, "light");
    await chromium.until(`${IDS}.length > 0`);
    const [first, second] = await chromium.evaluate(IDS) as string[];
    assertEquals([first, second], [MARKUP, "mill-00017"]);
    const count = async () =>
      await chromium.evaluate(`document.querySelectorAll("*").length`) as number;
    assert(await count() < 3_000, "only what is in view is in the page");
    assertEquals(
      await chromium.evaluate(`document.querySelector("[role=grid]").ariaRowCount`),
      `${COUNT + 1}`,
    );

    // Sorted by a click, and turned round by another.
    await chromium.click(".at-session button");
    await chromium.until(`${IDS}[1] === "mill-00000"`);
    await chromium.click(".at-session button");
    await chromium.until(`${IDS}[0] === "mill-09999"`);
    const sort = `document.querySelector(".head .at-session").ariaSort`;
    assertEquals(await chromium.evaluate(sort), "descending");

    // By keyboard to the last one, and into it, and back.
    await chromium.evaluate(`document.querySelector(".list").focus()`);
    await chromium.press("End");
    await chromium.until(`${IDS}.includes("mill-00000")`);
    assert(await count() < 3_000);
    await chromium.press("Enter");
    await chromium.until(
      `document.querySelector("h2.id")?.textContent === ${JSON.stringify(MARKUP)}`,
    );
    await chromium.until(`document.querySelector(".plot canvas") !== null`);
    // The plot has drawn something: not all its pixels are alike.
    await chromium.until(`(() => {
    const { width, height } = document.querySelector(".plot canvas");
    const { data } = document.querySelector(".plot canvas").getContext("2d").getImageData(0, 0, width, height);
    return new Set(new Uint32Array(data.buffer)).size > 10;
  })()`);
    await chromium.press("Escape");
    // As it was sorted before.
    await chromium.until(`${IDS}[0] === "mill-09999"`);

    await chromium.press("/");
    await chromium.type("mill-0777");
    await chromium.until(`${IDS}.length === 10`);
    await chromium.evaluate(`document.querySelector("input").select()`);
    await chromium.type("no such session");
    await chromium.until(`document.querySelector(".none") !== null`);
    assertEquals(await chromium.evaluate("window.hacked === undefined"), true);
    assertEquals([chromium.complaints, served.reports], [[], []]);
  },
);

testUnless(noChromium, "the page is readable wide and narrow, in light and dark", async () => {
  using served = serve(crowd());
  await using chromium = await Chromium.start();
  const backgrounds = new Set();
  for (const scheme of ["light", "dark"] as const) {
    for (const width of [390, 1400]) {
      const isWithin = async (what: string) => {
        const beyond = await chromium.evaluate("document.documentElement.scrollWidth - innerWidth");
        assert(beyond as number <= 0, `${what}, ${width} pixels: ${beyond} beyond`);
      };
      await chromium.openUrl(served.url, width, scheme);
      await chromium.until(`document.querySelectorAll(".rows .band rect").length > 10`);
      await isWithin("list");
      backgrounds.add(await chromium.evaluate("getComputedStyle(document.body).backgroundColor"));
      await keepPicture(chromium, `web-list-${width}-${scheme}`);
      await chromium.evaluate(`location.hash = "session=mill-00005"`);
      await chromium.until(`document.querySelector(".plot canvas") !== null`);
      await isWithin("session");
      await keepPicture(chromium, `web-session-${width}-${scheme}`);
    }
  }
  assertEquals(backgrounds.size, 2);
  // For screen readers: one main part, headings, and a name for whatever can be used or is an image.
  await chromium.evaluate(`location.hash = ""`);
  await chromium.until(`${IDS}.length > 0`);
  assertEquals(await chromium.evaluate(`document.querySelectorAll("main, h1").length`), 2);
  const unnamed = await chromium.evaluate(
    `[...document.querySelectorAll("input, select, button, [role=img], a")]
    .filter((each) => !each.labels?.length && !each.ariaLabel && !each.textContent.trim()).length`,
  );
  assertEquals(unnamed, 0);
  assertEquals([chromium.complaints, served.reports], [[], []]);
});
