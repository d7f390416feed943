/**
 * A server, and its rule in a firewall: in which order they come and go, and what is said when nobody connects.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { QUIET_MS, ReachableServer } from "../../../lib/server/access/reachable_server.ts";
import type { ExitStatus } from "../../../lib/session/close_reason.ts";
import { EventSource } from "../../../lib/session/events.ts";
import { Recorder } from "../../support/stage.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

/** A server and a firewall that note what is done with them, and end when they are told to. */
function stage({ opensFirewall = true } = {}) {
  const clock = new VirtualClock();
  const recorder = new Recorder(clock);
  const done: string[] = [];
  const opening = Promise.withResolvers<{ isOpen: boolean; text: string }>();
  const ended = Promise.withResolvers<ExitStatus>();
  const problem: { text?: string } = {};
  const reached = { wasReached: false };
  const server = new ReachableServer({
    server: {
      address: { host: "0.0.0.0", port: 4000 },
      get wasReached() {
        return reached.wasReached;
      },
      run: () => {
        done.push("run");
        return ended.promise;
      },
      stop: (reason) => done.push(`stop ${reason}`),
    },
    opensFirewall,
    firewall: () =>
      Promise.resolve({
        rule: {
          open: () => {
            done.push("open");
            return opening.promise;
          },
          close: () => {
            done.push("close");
            return Promise.resolve(problem.text);
          },
        },
        advice: () => Promise.resolve("look there"),
      }),
    clock,
    events: new EventSource(recorder, clock),
  });
  const notices = () => recorder.all("notice").map(({ level, text }) => `${level} ${text}`);
  return { clock, done, ended, notices, opening, problem, reached, server };
}

Deno.test("ReachableServer.run() has the rule before the server runs, and until it has ended", async () => {
  const { clock, done, ended, notices, opening, problem, server } = stage();
  const status = server.run();
  await settle();
  assertEquals(done, ["open"]);
  opening.resolve({ isOpen: true, text: "it is open" });
  await settle();
  assertEquals([done, notices()], [["open", "run"], ["info it is open"]]);
  server.stop("shutdown");
  assertEquals(done, ["open", "run", "stop shutdown"]);
  problem.text = "it stays";
  ended.resolve(4);
  assertEquals(await status, 4);
  assertEquals(done, ["open", "run", "stop shutdown", "close"]);
  assertEquals(notices(), ["info it is open", "warning it stays"]);
  assertEquals(clock.pending, 0);
});

Deno.test("ReachableServer.run() runs the server if the rule cannot be added", async () => {
  const { done, ended, notices, opening, server } = stage();
  const status = server.run();
  opening.resolve({ isOpen: false, text: "that takes root" });
  await settle();
  assertEquals([done, notices()], [["open", "run"], ["warning that takes root"]]);
  ended.resolve(0);
  assertEquals(await status, 0);
});

Deno.test("ReachableServer.stop() while the rule is being added removes it, too", async () => {
  const { done, ended, opening, server } = stage();
  const status = server.run();
  await settle();
  server.stop("shutdown");
  assertEquals(done, ["open"]);
  opening.resolve({ isOpen: true, text: "" });
  await settle();
  assertEquals(done, ["open", "run", "stop shutdown"]);
  ended.resolve(0);
  await status;
  assertEquals(done.at(-1), "close");
});

Deno.test("ReachableServer.run() removes the rule after an error, in the server or in adding it", async () => {
  for (const failing of ["server", "rule"]) {
    const { clock, done, ended, opening, server } = stage();
    const status = server.run();
    if (failing === "rule") opening.reject(new Error("defect"));
    else opening.resolve({ isOpen: true, text: "" });
    ended.promise.catch(() => {});
    ended.reject(new Error("defect"));
    await assertRejects(() => status, Error, "defect");
    assertEquals(done.at(-1), "close");
    assertEquals(clock.pending, 0);
  }
});

Deno.test("ReachableServer says once what to do if nobody connects for a minute", async () => {
  const { clock, done, ended, notices, server } = stage({ opensFirewall: false });
  const status = server.run();
  await clock.advance(QUIET_MS - 1);
  assertEquals(notices(), []);
  await clock.advance(1);
  await settle();
  assertEquals(notices(), ["info nobody has connected for 60 s: look there"]);
  await clock.advance(10 * QUIET_MS);
  assertEquals(notices().length, 1);
  ended.resolve(0);
  await status;
  // No rule was asked for.
  assertEquals(done, ["run"]);
});

Deno.test("ReachableServer says nothing if somebody has connected, or it has ended", async () => {
  const reached = stage({ opensFirewall: false });
  const status = reached.server.run();
  reached.reached.wasReached = true;
  await reached.clock.advance(2 * QUIET_MS);
  assertEquals(reached.notices(), []);
  reached.ended.resolve(0);
  await status;
  const ended = stage({ opensFirewall: false });
  ended.ended.resolve(0);
  await ended.server.run();
  await ended.clock.advance(2 * QUIET_MS);
  assertEquals(ended.notices(), []);
});
