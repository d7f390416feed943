/**
 * `--check`: what is found, how it is to be taken, and that nothing is made, changed or called.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseCommandLine } from "../../../lib/cli/args.ts";
import { type FindingLevel, findingLine, statusOf } from "../../../lib/cli/commands/findings.ts";
import { preflightFindings } from "../../../lib/cli/commands/preflight.ts";
import type { Disks } from "../../../lib/cli/commands/preflight_files.ts";
import { firewallFindings } from "../../../lib/cli/commands/preflight_network.ts";
import { useAddressLists } from "../../../lib/cli/files/address_files.ts";
import { useKeys } from "../../../lib/cli/files/key_file.ts";
import { watchServerTls } from "../../../lib/cli/files/tls_files.ts";
import { defaultSettings, type Settings } from "../../../lib/cli/settings.ts";
import { FirewallRule } from "../../../lib/platform/net/firewall/firewall.ts";
import type { Tool } from "../../../lib/platform/net/firewall/firewall_host.ts";
import { TransportError } from "../../../lib/platform/net/transport.ts";
import { randomSecret, systemRandom } from "../../../lib/platform/secrets.ts";
import type { Role } from "../../../lib/wire/protocol.ts";
import { Folder } from "../../support/folder.ts";
import { MemoryNetwork } from "../../support/memory_network.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const ROOMY: Disks = { freeBytes: () => 1e12, user: () => Promise.resolve(undefined) };

const READERS = { keys: useKeys, lists: useAddressLists, tls: watchServerTls };

/** Checks a command line on a network in memory. */
async function check(role: Role, line: string, options: {
  own?: string[];
  transport?: MemoryNetwork;
  disks?: Partial<Disks>;
} = {}) {
  const transport = options.transport ?? new MemoryNetwork(new VirtualClock());
  const words = line.split(" ").filter((word) => word !== "");
  const findings = await preflightFindings(role, parseCommandLine(role, words), READERS, {
    own: options.own ?? ["127.0.0.1", "10.0.0.1"],
    transport,
    disks: { ...ROOMY, ...options.disks },
  });
  assertEquals(transport.paths, [], "a check calls nobody");
  assertEquals(transport.listening, 0, "a check listens no longer than it lasts");
  return findings;
}

/** What is not well of a command line, as `level about`. */
async function faults(...args: Parameters<typeof check>): Promise<string[]> {
  const findings = await check(...args);
  return findings.filter(({ level }) => level !== "ok").map((each) =>
    `${each.level} ${each.about}`
  );
}

const PLAIN: readonly [role: Role, line: string, faults: string[]][] = [
  ["server", "127.0.0.1", []],
  ["server", "::1", []],
  ["server", "0.0.0.0", ["warning access", "warning original"]],
  ["server", "0.0.0.0 --no-original", ["warning access"]],
  ["server", "10.0.0.1 --no-original", ["warning access"]],
  ["server", "192.0.2.1", ["warning access", "warning original"]],
  ["server", "127.0.0.1 --data-interval 20", ["warning timers"]],
  ["server", "127.0.0.1 --data-interval 19.9", []],
  ["server", "127.0.0.1 --allow 10.0.0.0/8 --deny 10.0.0.1", []],
  ["server", "127.0.0.1 --allow @/no/such/list", ["error allow"]],
  ["server", "127.0.0.1 --deny @/no/such/list", ["error deny"]],
  ["server", "10.0.0.1 --no-original --allow 10.0.0.0/8", ["warning access"]],
  ["server", "127.0.0.1 --resume-without-token", []],
  [
    "server",
    "10.0.0.1 --no-original --resume-without-token",
    ["warning access", "warning resume_without_token"],
  ],
  ["server", "127.0.0.1 --web 8080", []],
  ["server", "127.0.0.1 --web localhost:8080", []],
  ["server", "127.0.0.1 --web 10.0.0.1:8080", ["error configuration"]],
  [
    "server",
    "127.0.0.1 --web 10.0.0.1:8080 --web-key-file /no/such/key",
    ["warning web", "error web_key_file"],
  ],
  ["client", "127.0.0.1", []],
  ["client", "localhost", []],
  ["client", "127.0.0.1 --original", []],
  ["client", "192.0.2.1", ["warning access"]],
  ["client", "server.example", ["warning access"]],
  ["client", "192.0.2.1 --original", ["warning access", "warning original"]],
  ["client", "127.0.0.1 --data-interval 5m", ["warning timers"]],
  ["client", "127.0.0.1 --stdin --data-threshold 1", []],
  ["client", "--original --stdin", ["error configuration"]],
  ["client", "--config /no/such/file.toml", ["error configuration"]],
  ["server", "--output - --json", ["error configuration"]],
];

for (const [role, line, expected] of PLAIN) {
  Deno.test(`${role} ${line} --check: ${expected.join(", ") || "all well"}`, async () => {
    assertEquals(await faults(role, line), expected);
  });
}

Deno.test("--check of every address: as far as the farthest one of this host", async () => {
  assertEquals(await faults("server", "0.0.0.0", { own: ["127.0.0.1"] }), []);
  const found = await check("server", "0.0.0.0", { own: ["127.0.0.1", "192.0.2.1"] });
  assertStringIncludes(found.find(({ about }) => about === "host")!.text, "any host");
});

Deno.test("--check says what would be served, with the predicted detection", async () => {
  const texts = (await check("server", "127.0.0.1 --data-threshold 2h5m --max-sessions 7"))
    .map(({ about, text }) => `${about}: ${text}`).join("\n");
  assertStringIncludes(texts, "listens on 127.0.0.1:4000");
  assertStringIncludes(texts, "declared dead 7540 s after");
  assertStringIncludes(texts, "at most 7 sessions");
});

Deno.test("--check reads the files of lists", async () => {
  using folder = new Folder();
  const path = `${folder.path}/allow`;
  Deno.writeTextFileSync(path, "10.0.0.0/8 # ours\n");
  assertEquals(await faults("server", `127.0.0.1 --allow @${path}`), []);
  Deno.writeTextFileSync(path, "10.0.0.0/33\n");
  const found = await check("server", `127.0.0.1 --allow @${path}`);
  assertStringIncludes(found.find(({ level }) => level === "error")!.text, `${path}: line 1: `);
});

Deno.test("--check reads the file of keys, and shows their names alone", async () => {
  using folder = new Folder();
  const path = `${folder.path}/keys`;
  const secret = randomSecret(systemRandom);
  Deno.writeTextFileSync(path, `mill-7 ${secret}\n`, { mode: 0o600 });
  assertEquals(await faults("server", `10.0.0.1 --key-file ${path}`), []);
  assertEquals(await faults("server", `192.0.2.1 --key-file ${path}`), ["warning access"]);
  const found = await check("client", `10.0.0.1 --key-file ${path}`);
  assertEquals(found.find(({ about }) => about === "key_file")!.text, `${path}: mill-7`);
  assertEquals(found.filter(({ text }) => text.includes(secret)), []);
});

Deno.test({
  name: "--check of a file of keys that others can read, or that is none, is an error",
  ignore: Deno.build.os === "windows",
  async fn() {
    using folder = new Folder();
    const path = `${folder.path}/keys`;
    const secret = randomSecret(systemRandom);
    Deno.writeTextFileSync(path, `mill-7 ${secret}\n`);
    Deno.chmodSync(path, 0o644);
    const [fault] = (await check("server", `10.0.0.1 --key-file ${path}`))
      .filter(({ level }) => level === "error");
    assertEquals(fault!.about, "key_file");
    assertStringIncludes(fault!.text, "chmod 600");
    assertEquals(fault!.text.includes(secret), false);
    const missing = await faults("client", `127.0.0.1 --key-file ${folder.path}/none`);
    assertEquals(missing, ["error key_file"]);
  },
});

Deno.test("--check of a port that is taken is doubtful, of an address elsewhere an error", async () => {
  const transport = new MemoryNetwork(new VirtualClock());
  const running = transport.listen({ host: "127.0.0.1", port: 4000 });
  const words = parseCommandLine("server", ["127.0.0.1"]);
  const found = await preflightFindings("server", words, READERS, {
    transport,
    own: [],
    disks: ROOMY,
  });
  assertEquals(found.filter(({ level }) => level !== "ok").map(({ about }) => about), ["host"]);
  assertEquals(statusOf(found), 1);
  assertEquals(transport.listening, 1, "the server that runs goes on");
  running.close();
  transport.listen = () => {
    throw new TransportError("address_not_here", "", { code: "EADDRNOTAVAIL" });
  };
  const elsewhere = await preflightFindings("server", words, READERS, {
    transport,
    own: [],
    disks: ROOMY,
  });
  assertEquals(statusOf(elsewhere), 2);
});

Deno.test("--check of open_firewall: whether there is a right and a tool to open the port", async () => {
  const settings = { ...defaultSettings("server"), host: "127.0.0.1", open_firewall: true };
  const find = async (status: string, tools: readonly Tool[], change: Partial<Settings> = {}) => {
    const run = () => Promise.reject(new Error("no rule is looked at"));
    const read = () => Promise.resolve(status);
    const mayRun = (tool: Tool) => tools.includes(tool);
    const rule = new FirewallRule(settings, { run, read, mayRun, pid: 1 });
    const firewall = { rule, advice: () => Promise.resolve("") };
    return (await firewallFindings({ ...settings, ...change }, firewall)).map(({ level }) => level);
  };
  const [root, user] = ["Uid:\t0\nCapEff:\t1000\n", "Uid:\t7\nCapEff:\t0000\n"];
  assertEquals(await find(root, ["iptables"]), ["ok"]);
  assertEquals(await find(root, []), ["warning"]);
  assertEquals(await find(user, ["iptables"]), ["warning"]);
  assertEquals(await find(user, [], { open_firewall: false }), []);
});

Deno.test("statusOf() is that of the worst finding", () => {
  const status = (...levels: FindingLevel[]) =>
    statusOf(levels.map((level) => ({ level, about: "x", text: "y" })));
  assertEquals([status(), status("ok")], [0, 0]);
  assertEquals([status("ok", "warning", "ok"), status("error", "warning")], [1, 2]);
});

Deno.test("findingLine() is one line of text or JSON, whatever is in it", () => {
  const finding = { level: "warning", about: "store", text: 'a\nb\u202e"' } as const;
  assertEquals(findingLine(finding, false), 'warning  store          a\\u000ab\\u202e"');
  assertEquals(JSON.parse(findingLine(finding, true)), finding);
  assert(!findingLine(finding, true).includes("\n"));
});

/** Everything that is known of the files in a folder. */
function photograph(folder: string) {
  return [...Deno.readDirSync(folder)].map(({ name }) => {
    const { mtime, size } = Deno.statSync(`${folder}/${name}`);
    return { name, mtime, size };
  }).toSorted((a, b) => a.name < b.name ? -1 : 1);
}

Deno.test("--check of files that would be made makes none", async () => {
  using folder = new Folder();
  const at = (name: string) => `${folder.path}/${name}`;
  const files = `--store ${at("s.db")} --output ${at("o.txt")} --record ${at("r")} --log-dir ${
    at("a/logs")
  }`;
  assertEquals(await faults("server", `127.0.0.1 ${files}`), []);
  assertEquals(photograph(folder.path), []);
});

Deno.test("--check of files that are there changes none", async () => {
  using folder = new Folder();
  const at = (name: string) => `${folder.path}/${name}`;
  for (const name of ["o.txt", "r", "client_info.log"]) Deno.writeTextFileSync(at(name), "x\n");
  const before = photograph(folder.path);
  assertEquals(await faults("server", `127.0.0.1 --output ${at("o.txt")}`), []);
  assertEquals(
    await faults("client", `127.0.0.1 --record ${at("r")} --log-dir ${folder.path}`),
    [],
  );
  assertEquals(photograph(folder.path), before);
});

const UNUSABLE = ["store", "output", "record", "log_dir"] as const;

for (const about of UNUSABLE) {
  const flag = `--${about.replace("_", "-")}`;
  Deno.test(`--check ${flag} that cannot be used is an error`, async () => {
    const path = `${new URL(import.meta.url).pathname}/x`;
    assertEquals(await faults("server", `127.0.0.1 ${flag} ${path}`), [`error ${about}`]);
  });

  Deno.test(`--check ${flag} on a disk that is nearly full, or full`, async () => {
    using folder = new Folder();
    const line = `127.0.0.1 ${flag} ${folder.path}/x`;
    const scarce = { freeBytes: () => 1_000_000 };
    assertEquals(await faults("server", line, { disks: scarce }), [`warning ${about}`]);
    assertEquals(await faults("server", line, { disks: { freeBytes: () => 0 } }), [
      `error ${about}`,
    ]);
  });

  Deno.test(`--check ${flag} in a folder of somebody else is doubtful`, async () => {
    using folder = new Folder();
    const nobody = Promise.resolve({ uid: 65_534, groups: [65_534], overrides: false });
    const disks = { user: () => nobody };
    const line = `127.0.0.1 ${flag} ${folder.path}/x`;
    assertEquals(await faults("server", line, { disks }), [`warning ${about}`]);
  });
}

Deno.test({
  name: "--check of an output or a recording in use is doubtful",
  ignore: Deno.build.os === "windows",
  async fn() {
    using folder = new Folder();
    const path = `${folder.path}/x`;
    using file = Deno.openSync(path, { write: true, create: true });
    file.lockSync(true);
    assertEquals(await faults("server", `127.0.0.1 --output ${path}`), ["warning output"]);
    assertEquals(await faults("server", `127.0.0.1 --record ${path}`), ["warning record"]);
  },
});

Deno.test({
  name: "--check does not open a named pipe, which would end it for its reader",
  ignore: Deno.build.os === "windows",
  async fn() {
    using folder = new Folder();
    const path = `${folder.path}/pipe`;
    new Deno.Command("mkfifo", { args: [path] }).outputSync();
    assertEquals(await faults("server", `127.0.0.1 --output ${path}`), []);
    assertEquals(await faults("server", `127.0.0.1 --record ${path}`), ["error record"]);
  },
});
