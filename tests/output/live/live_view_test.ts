/**
 * The live view over time: when it reads, what the keys do, and when it leaves the terminal alone.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { LineOutput } from "../../../lib/output/line_output.ts";
import { LiveView } from "../../../lib/output/live/live_view.ts";
import { FakeMonitor } from "../../support/fake_monitor.ts";
import { historyOf, WELL } from "../../support/live_readings.ts";
import { Screen } from "../../support/screen.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

/** A terminal, and a person at it. */
class FakeTerminal {
  columns = 80;
  isInFront = true;
  isLeader = true;
  /** What became of the keys: each that was opened, closed, abandoned. */
  readonly log: string[] = [];
  press: (key: string) => void = () => {};

  size() {
    return { columns: this.columns, rows: 24 };
  }

  /** Until when it does not say who is in front. */
  busy?: Promise<void>;

  async jobPlace() {
    const { isInFront: isInForeground, isLeader } = this;
    await this.busy;
    return { isInForeground, isLeader };
  }

  readKeys(onKey: (key: string) => void) {
    this.log.push("open");
    this.press = onKey;
    return {
      close: () => void this.log.push("close"),
      abandon: () => void this.log.push("abandon"),
    };
  }
}

async function open(role: "client" | "server" = "client", { isInFront = true } = {}) {
  const clock = new VirtualClock();
  const screen = new Screen(80, 24);
  const output = new LineOutput(screen, () => {}, clock);
  const monitor = new FakeMonitor(role);
  const terminal = new FakeTerminal();
  terminal.isInFront = isInFront;
  let stops = 0;
  const stop = () => void stops++;
  const view = new LiveView({ monitor, output, terminal, hasColours: false, clock, stop });
  await settle();
  return { clock, monitor, output, screen, terminal, view, stops: () => stops };
}

function line(screen: Screen, at: number): string | undefined {
  return screen.text.split("\n")[at];
}

Deno.test("LiveView shows itself, changes four times a second, and is gone at its end", async () => {
  const { clock, monitor, output, screen, terminal, view } = await open();
  assertStringIncludes(screen.text, "no session yet");
  monitor.rows = [WELL];
  monitor.histories.set(WELL.session, historyOf(WELL));
  await clock.advance(249);
  assertStringIncludes(screen.text, "no session yet");
  await clock.advance(1);
  assertEquals(line(screen, 0), "ok for 2m13s · next data message in 3.2 s · data phase");
  const before = monitor.asked.list;
  await clock.advance(10_000);
  assertEquals(monitor.asked.list - before, 40);
  view[Symbol.dispose]();
  await output.flush();
  assertEquals(screen.text, "");
  await clock.advance(10_000);
  assertEquals(monitor.asked.list - before, 40, "nothing is left behind");
  assertEquals(terminal.log, ["open", "close"]);
});

Deno.test("LiveView reads less often where reading takes long, and never twice at once", async () => {
  const { clock, monitor } = await open();
  const before = monitor.asked.list;
  const { promise, resolve } = Promise.withResolvers<void>();
  monitor.busy = promise;
  await clock.advance(250);
  await clock.advance(5);
  resolve();
  await settle();
  await clock.advance(994);
  assertEquals(monitor.asked.list - before, 1, "5 ms: not before a second is over");
  await clock.advance(1);
  assertEquals(monitor.asked.list - before, 2);
});

Deno.test("LiveView shows nobody once all have ended as asked, and who was lost", async () => {
  const { clock, monitor, screen } = await open("server");
  monitor.rows = [{ ...WELL, state: "ended" }];
  await clock.advance(250);
  assertStringIncludes(screen.text, "nobody is connected · running");
  monitor.rows = [{ ...WELL, state: "lost", due: undefined }];
  await clock.advance(250);
  assertStringIncludes(screen.text, `nobody is connected\nopened`);
  assertStringIncludes(screen.text, `\n${WELL.session} 192.0.2.7:4000  lost `);
});

Deno.test("LiveView draws anew at once when the terminal has another size", async () => {
  const { screen, terminal, view } = await open("server");
  assertEquals(screen.text, "nobody is connected · running for 0.0 s\n? keys");
  terminal.columns = 24;
  screen.resize(24);
  view.onResize();
  await settle();
  assertEquals(line(screen, 0), "nobody is connected");
  assertEquals(line(screen, 2), "? keys");
});

Deno.test("LiveView stands still at p, and goes on at p", async () => {
  const { clock, monitor, screen, terminal } = await open("server");
  terminal.press("p");
  await settle();
  assertStringIncludes(screen.text, "paused: p goes on");
  monitor.rows = [WELL, { ...WELL, session: "other" }];
  await clock.advance(5_000);
  assertStringIncludes(screen.text, "nobody is connected");
  terminal.press("p");
  await clock.advance(250);
  assertStringIncludes(screen.text, "other");
  assert(!screen.text.includes("paused"));
});

Deno.test("LiveView sorts at s, explains its keys at ?, and ends the process in order at q", async () => {
  const { clock, monitor, screen, stops, terminal } = await open("server");
  terminal.press("?");
  await settle();
  assertStringIncludes(screen.text, "p pause · s sort (worst first) · q quit · ? hide keys");
  const orders: unknown[] = [];
  for (let n = 0; n < 6; n++) {
    terminal.press("s");
    await clock.advance(250);
    const { order, descending } = monitor.lastQuery;
    orders.push(`${order}${descending ? " descending" : ""}`);
  }
  assertEquals(orders, [
    "session",
    "peer",
    "round_trip descending",
    "age descending",
    "in_doubt descending",
    "worst",
  ]);
  terminal.press("?");
  terminal.press("x");
  await settle();
  assert(!screen.text.includes("hide keys"));
  assertEquals(stops(), 0);
  terminal.press("q");
  assertEquals(stops(), 1);
});

Deno.test("LiveView reads no more often when a key is held down", async () => {
  const { clock, monitor, terminal } = await open("server");
  const before = monitor.asked.list;
  for (let n = 0; n < 100; n++) {
    terminal.press("s");
    await clock.advance(10);
  }
  assert(monitor.asked.list - before <= 4, `${monitor.asked.list - before}`);
});

Deno.test("LiveView gives the terminal back before a stop, and shows itself where it goes on", async () => {
  const { clock, screen, terminal, view } = await open("server");
  assertEquals(await view.suspend(), true);
  assertEquals([screen.text, terminal.log], ["", ["open", "close"]]);
  await clock.advance(5_000);
  assertEquals(screen.text, "");
  screen.show("[1]+  Stopped\n$ fg\n");
  view.onContinue();
  await settle();
  assertStringIncludes(screen.text, "$ fg\nnobody is connected");
  assertEquals(terminal.log, ["open", "close", "open"]);
});

Deno.test("LiveView.suspend() changes nothing on a terminal that a shell has taken already", async () => {
  const { clock, monitor, output, screen, terminal, view } = await open("server");
  terminal.isLeader = false;
  view.onContinue();
  await settle();
  terminal.log.length = 0;
  const before = screen.text;
  screen.show("[1]+  Stopped\n$ ");
  const { length } = screen.writes;
  assertEquals(await view.suspend(), false);
  assertEquals([screen.writes.length, terminal.log], [length, ["abandon"]]);
  const { list } = monitor.asked;
  output.write("line");
  await clock.advance(5_000);
  assertEquals(screen.text, `${before}\n[1]+  Stopped\n$ line`);
  assertEquals(monitor.asked.list, list);
});

Deno.test("LiveView.closeKeys() reads no more keys, and goes on showing", async () => {
  const { clock, monitor, screen, terminal, view } = await open("server");
  view.closeKeys();
  monitor.rows = [WELL, { ...WELL, session: "other" }];
  await clock.advance(250);
  assertStringIncludes(screen.text, "other");
  assert(!screen.text.includes("? keys"));
  view[Symbol.dispose]();
  assertEquals(terminal.log, ["open", "close"]);
});

Deno.test("LiveView.suspend() does not wait for a terminal that takes nothing", async () => {
  const { clock, screen, view } = await open("server");
  screen.stop();
  const suspended = view.suspend();
  await clock.advance(200);
  await suspended;
  screen.go();
});

Deno.test("LiveView leaves the terminal alone in the background, and finds the foreground again", async () => {
  const { clock, monitor, output, screen, terminal, view } = await open("server", {
    isInFront: false,
  });
  output.write("line");
  await clock.advance(10_000);
  assertEquals([screen.text, terminal.log, monitor.asked.list], ["line", [], 0]);
  terminal.isInFront = true;
  await clock.advance(2_000);
  assertStringIncludes(screen.text, "line\nnobody is connected");
  // Stopped and put into the background by someone who told it nothing: the mode is not its own any more.
  terminal.isInFront = false;
  view.onContinue();
  await settle();
  assertEquals(terminal.log, ["open", "abandon"]);
  view[Symbol.dispose]();
  await output.flush();
  assertEquals(terminal.log, ["open", "abandon"]);
});

Deno.test("LiveView asks again where it is when it is not told", async () => {
  const { clock, screen, terminal, view } = await open("server");
  // Ctrl-Z has stopped the child that answers.
  terminal.busy = new Promise(() => {});
  view.onContinue();
  terminal.busy = undefined;
  await clock.advance(2_000);
  assertEquals(terminal.log, ["open", "close", "open"]);
  assertStringIncludes(screen.text, "? keys");
  view[Symbol.dispose]();
  await clock.advance(2_000);
  assertEquals(clock.pending, 0);
});

Deno.test("LiveView does not take the terminal by an answer from before a stop", async () => {
  const { screen, terminal, view } = await open("server");
  const { promise, resolve } = Promise.withResolvers<void>();
  terminal.busy = promise;
  view.onContinue();
  await view.suspend();
  resolve();
  await settle();
  assertEquals([screen.text.includes("? keys"), terminal.log], [true, ["open", "abandon"]]);
  view[Symbol.dispose]();
  assertEquals(terminal.log, ["open", "abandon"]);
});
