/**
 * Files of keys: what is read from them, and what is refused without showing what is in them.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { keysOf, useKeys } from "../../../lib/cli/files/key_file.ts";
import { UsageError } from "../../../lib/platform/errors.ts";
import type { Key } from "../../../lib/wire/proof.ts";
import { Folder } from "../../support/folder.ts";
import { MILL, PUMP } from "../../support/keys.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const LINE = `${MILL.name} ${MILL.secret}`;

const OTHER = `${PUMP.name} ${PUMP.secret}`;

function file(text: string, mode: number | null = 0o600) {
  return { path: "keys", bytes: new TextEncoder().encode(text), mode };
}

Deno.test("keysOf() of the web page reads a secret with a name, or alone", () => {
  assertEquals(keysOf(file(LINE), "web"), [MILL]);
  assertEquals(keysOf(file(`# the page's\n${MILL.secret}\n`), "web"), [{ ...MILL, name: "web" }]);
});

Deno.test("keysOf() reads names and secrets, among comments, empty lines and spaces", () => {
  assertEquals(keysOf(file(`${LINE}\n`), "client"), [MILL]);
  const text = `# the mill's\r\n\r\n  ${LINE}\t\r\n\n#\n${PUMP.name} \t ${PUMP.secret}`;
  assertEquals(keysOf(file(text, 0o400), "server"), [MILL, PUMP]);
  assertEquals(keysOf(file(LINE, null), "server"), [MILL]);
});

const SECRET =
  "expected 43 letters, digits, - or _, which are 256 random bits; pulsewire-server --new-key NAME prints one";

const NAME =
  "expected a name of 1 to 64 letters, digits, -, _ and ., and a secret; pulsewire-server --new-key NAME prints one";

const WRONG: [text: string, role: "client" | "server" | "web", error: string][] = [
  [
    `${LINE}\n${OTHER}`,
    "web",
    "web_key_file keys: 2 keys; the web page has one: leave the others out",
  ],
  [
    MILL.secret.slice(1),
    "web",
    `web_key_file keys: line 1: the secret has 0 characters; ${SECRET}`,
  ],
  ["", "server", "key_file keys: no key; pulsewire-server --new-key NAME prints one"],
  ["# nothing\n\n", "client", "key_file keys: no key; pulsewire-server --new-key NAME prints one"],
  [`${LINE}\n${OTHER}`, "client", "key_file keys: 2 keys; a client has one: leave the others out"],
  [
    `${LINE}\n\n${MILL.name} ${PUMP.secret}`,
    "server",
    "key_file keys: line 3: a second key mill; keep one",
  ],
  [
    `${MILL.name} password`,
    "server",
    `key_file keys: line 1: the secret has 8 characters; ${SECRET}`,
  ],
  [
    `${MILL.name} ${MILL.secret.slice(1)}`,
    "server",
    `key_file keys: line 1: the secret has 42 characters; ${SECRET}`,
  ],
  [`${LINE}=`, "server", `key_file keys: line 1: the secret has 44 characters; ${SECRET}`],
  [
    `${MILL.name} +${MILL.secret.slice(1)}`,
    "server",
    `key_file keys: line 1: the secret has another character; ${SECRET}`,
  ],
  [MILL.name, "server", `key_file keys: line 1: the secret has 0 characters; ${SECRET}`],
  [
    `${LINE} # the mill's`,
    "server",
    "key_file keys: line 1: more than a name and a secret; a comment has a line of its own",
  ],
  [`ä ${MILL.secret}`, "server", `key_file keys: line 1: ${NAME}`],
  [`${"x".repeat(65)} ${MILL.secret}`, "server", `key_file keys: line 1: ${NAME}`],
];

for (const [text, role, error] of WRONG) {
  Deno.test(`keysOf() refuses for the ${role}: ${error.slice(15)}`, () => {
    const thrown = assertThrows(() => keysOf(file(text), role), UsageError);
    assertEquals(thrown.message, error);
    for (const { secret } of [MILL, PUMP]) assert(!thrown.message.includes(secret.slice(0, 8)));
  });
}

for (
  const [mode, shown] of [[0o640, "0640"], [0o604, "0604"], [0o620, "0620"], [
    0o777,
    "0777",
  ]] as const
) {
  Deno.test(`keysOf() refuses a file of mode ${shown}, and says what to type`, () => {
    const thrown = assertThrows(() => keysOf(file(LINE, mode), "server"), UsageError);
    assertEquals(
      thrown.message,
      `key_file keys: others than its owner can read or write it (mode ${shown}), and it has secrets: chmod 600 keys`,
    );
  });
}

Deno.test("useKeys() takes a changed file up, and keeps the keys of before if it is wrong", async () => {
  using folder = new Folder();
  const path = `${folder.path}/keys`;
  const clock = new VirtualClock();
  const used: string[][] = [];
  const reported: string[] = [];
  const write = (text: string, mode = 0o600) => {
    Deno.writeTextFileSync(path, text);
    Deno.chmodSync(path, mode);
  };
  write(LINE);
  using keys = useKeys(path, {
    role: "server",
    clock,
    use: (keys: readonly Key[]) => used.push(keys.map(({ name }) => name)),
    report: (level, text) => reported.push(`${level} ${text.replaceAll(path, "keys")}`),
  });
  write(`${LINE}\n${OTHER}`);
  await keys.look();
  write(`${LINE}\n${OTHER}`, 0o644);
  await keys.look();
  write("mill x");
  await keys.look();
  write(OTHER);
  await keys.look();
  assertEquals(used, [["mill"], ["mill", "pump"], ["pump"]]);
  const stays = "; what was read before stays in use";
  assertEquals(reported, [
    "info keys: has changed; taken up",
    `warning key_file keys: others than its owner can read or write it (mode 0644), and it has secrets: chmod 600 keys${stays}`,
    `warning key_file keys: line 1: the secret has 1 character; ${SECRET}${stays}`,
    "info keys: has changed; taken up",
  ]);
});
