/**
 * What is read of an earlier search for idle timeouts, out of its recording.
 *
 * @module
 */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseCommandLine } from "../../../lib/cli/args.ts";
import { commandText, earlierResults } from "../../../lib/cli/commands/find_idle_timeout.ts";
import { defaultSettings, type Settings } from "../../../lib/cli/settings.ts";
import { UsageError } from "../../../lib/platform/errors.ts";
import { withFolder } from "../../support/folder.ts";

const PROBE = {
  ...{ time: "2026-11-27T12:21:57.706Z", event: "idle_probe", session: null },
  ...{ wall_ms: 1, mono_us: 1, n: 2, first: "client", idle_ms: 1_000, idled_ms: 1_002.5 },
  ...{ outcome: "silent", local_port: 53_382, kernel: "x" },
};

const RESULT = {
  plan: { id: 2, idle_ms: 1_000, first: "client" },
  ...{ outcome: "silent", idled_ms: 1_002.5, local_port: 53_382 },
};

function lines(...objects: readonly object[]): string {
  return objects.map((each) => `${JSON.stringify(each)}\n`).join("");
}

Deno.test("earlierResults() reads the probes of all files of a recording, the oldest first", () =>
  withFolder((folder) => {
    const path = `${folder}/search.jsonl`;
    const ended = { ...PROBE, n: 3, first: "server", outcome: "closed", ended_after_ms: 15_000 };
    Deno.writeTextFileSync(`${path}.1`, lines({ event: "started" }, PROBE));
    Deno.writeTextFileSync(path, lines({ event: "started" }, ended, { event: "idle_timeout" }));
    assertEquals(earlierResults(path) as unknown[], [
      RESULT,
      {
        ...RESULT,
        ...{ plan: { id: 3, idle_ms: 1_000, first: "server" } },
        ...{ outcome: "closed", ended_after_ms: 15_000 },
      },
    ]);
  }));

Deno.test("earlierResults() passes over what is no probe, or a damaged one", () =>
  withFolder((folder) => {
    const path = `${folder}/search.jsonl`;
    const damaged = [
      ...[{ ...PROBE, outcome: "odd" }, { ...PROBE, first: "both" }, { ...PROBE, idle_ms: "1" }],
      ...[{ ...PROBE, idled_ms: null }, { event: "notice", text: '"idle_probe"' }],
      ...["7", null, -1, 1.5, 1e15].map((n) => ({ ...PROBE, n })),
      ...[{ ...PROBE, n: undefined }, { ...PROBE, idle_ms: -1 }, { ...PROBE, idled_ms: 1e308 }],
    ];
    const odd = { ...PROBE, local_port: "x", ended_after_ms: -1 };
    Deno.writeTextFileSync(path, `${lines(PROBE, ...damaged, odd)}{"event":"idle_probe","n":`);
    const { local_port: _, ...known } = RESULT;
    assertEquals(earlierResults(path) as unknown[], [RESULT, known]);
  }));

Deno.test("earlierResults() throws on a file that is not there, or has no search in it", () =>
  withFolder((folder) => {
    const path = `${folder}/search.jsonl`;
    assertStringIncludes(
      assertThrows(() => earlierResults(path), UsageError).message,
      "cannot be read: there is no such file",
    );
    Deno.writeTextFileSync(path, lines({ event: "started" }));
    assertEquals(
      assertThrows(() => earlierResults(path), UsageError).message,
      `--from-record ${path}: no session of an idle-timeout search in it; name what --record of one was given`,
    );
  }));

Deno.test("commandText() goes on with all that was given", () => {
  const text = (...args: string[]) => {
    const commandLine = parseCommandLine("client", ["--find-idle-timeout", ...args]);
    const settings = { ...defaultSettings("client"), ...commandLine.settings } as Settings;
    return commandText(settings, commandLine);
  };
  assertEquals(
    text("::1", "4001", "--record", "it's 2.rec", "--up-to", "1m", "--soak", "--config", "c.toml"),
    "pulsewire-client '[::1]:4001' --find-idle-timeout --up-to 60 --config c.toml --soak " +
      "--record 'it'\\''s 2.rec' --from-record 'it'\\''s 2.rec'",
  );
  assertEquals(
    text("--tls", "--tls-ca", "ca.pem", "--key-file", "k 1", "--record", "r", "--probes=8"),
    "pulsewire-client 127.0.0.1:4000 --find-idle-timeout --probes 8 --key-file 'k 1' --tls " +
      "--tls-ca ca.pem --record r --from-record r",
  );
});
