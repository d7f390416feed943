/**
 * The prompt for host and port, at a scripted terminal.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { promptForAddress, type Terminal } from "../../lib/cli/prompt.ts";
import { defaultSettings } from "../../lib/cli/settings.ts";
import { UsageError } from "../../lib/platform/errors.ts";

const DEFAULTS = defaultSettings("client");

/** A terminal at which these answers are given; `null` stands for Ctrl-D, nothing for the proposal. */
class ScriptedTerminal implements Terminal {
  /** The questions, with their defaults, and the other lines shown. */
  readonly shown: string[] = [];
  readonly #answers: (string | null)[];

  constructor(...answers: (string | null)[]) {
    this.#answers = answers;
  }

  ask(question: string, proposal: string): string | null {
    this.shown.push(`${question}? ${proposal}`);
    const answer = this.#answers.shift();
    if (answer === undefined) throw new Error("asked too often");
    return answer?.trim() === "" ? proposal : answer;
  }

  show(line: string): void {
    this.shown.push(line);
  }
}

Deno.test("promptForAddress() asks for what nothing gives, proposing the defaults", () => {
  const terminal = new ScriptedTerminal("db.example", "4001");
  assertEquals(promptForAddress({}, DEFAULTS, terminal, "client"), {
    host: "db.example",
    port: 4001,
  });
  assertEquals(terminal.shown, ["Host? 127.0.0.1", "Port? 4000"]);
});

Deno.test("promptForAddress() proposes the defaults of its role", () => {
  const terminal = new ScriptedTerminal("::", "4001");
  promptForAddress({}, defaultSettings("server"), terminal, "server");
  assertEquals(terminal.shown, ["Host? 0.0.0.0", "Port? 4000"]);
});

Deno.test("promptForAddress() takes the default for an empty answer", () => {
  for (const empty of ["", "  "]) {
    const terminal = new ScriptedTerminal(empty, empty);
    assertEquals(promptForAddress({}, DEFAULTS, terminal, "client"), {
      host: "127.0.0.1",
      port: 4000,
    });
    assertEquals(terminal.shown, ["Host? 127.0.0.1", "Port? 4000"]);
  }
});

Deno.test("promptForAddress() ignores blanks around an answer", () => {
  const terminal = new ScriptedTerminal(" ::1 ", "\t80 ");
  assertEquals(promptForAddress({}, DEFAULTS, terminal, "client"), { host: "::1", port: 80 });
});

Deno.test("promptForAddress() asks only for what nothing gives", () => {
  const forPort = new ScriptedTerminal("80");
  assertEquals(promptForAddress({ host: "::1" }, DEFAULTS, forPort, "client"), {
    host: "::1",
    port: 80,
  });
  assertEquals(forPort.shown, ["Port? 4000"]);

  const forHost = new ScriptedTerminal("::1");
  assertEquals(promptForAddress({ port: 80 }, DEFAULTS, forHost, "client"), {
    host: "::1",
    port: 80,
  });
  assertEquals(forHost.shown, ["Host? 127.0.0.1"]);

  const given = { host: "::1", port: 80 };
  assertEquals(promptForAddress(given, DEFAULTS, new ScriptedTerminal(), "client"), given);
});

const PORT_0 = "the client needs the number of the server's port; a server with port 0 takes any " +
  "free one, and names it: listening on …";
const PORT = "expected a whole number from 1 to 65535";

Deno.test("promptForAddress() shows what is wrong with an answer and asks again", () => {
  const terminal = new ScriptedTerminal("a b", "::1", "0", "65536", "-1", "http", "4001");
  assertEquals(promptForAddress({}, DEFAULTS, terminal, "client"), { host: "::1", port: 4001 });
  assertEquals(terminal.shown, [
    "Host? 127.0.0.1",
    "host a b: expected an IPv4 address, an IPv6 address or a host name",
    "Host? 127.0.0.1",
    "Port? 4000",
    `port 0: ${PORT_0}`,
    "Port? 4000",
    `port 65536: ${PORT}`,
    "Port? 4000",
    `port -1: ${PORT}`,
    "Port? 4000",
    `port http: ${PORT}`,
    "Port? 4000",
  ]);
});

Deno.test("promptForAddress() throws when the input ends", () => {
  for (const [key, ...answers] of [["host", null], ["port", "::1", null]] as const) {
    const terminal = new ScriptedTerminal(...answers);
    const { message } = assertThrows(
      () => promptForAddress({}, DEFAULTS, terminal, "client"),
      UsageError,
    );
    assertEquals(message, `no ${key} was given; see --help`);
  }
});

Deno.test("promptForAddress() takes the defaults without a terminal", () => {
  assertEquals(promptForAddress({}, DEFAULTS, undefined, "client"), {
    host: "127.0.0.1",
    port: 4000,
  });
  const address = { host: "127.0.0.1", port: 80 };
  assertEquals(promptForAddress({ port: 80 }, DEFAULTS, undefined, "client"), address);
});

Deno.test("promptForAddress() takes the port with the host, unless it is given already", () => {
  for (const answer of ["[::1]:4001", "db.example:4001"]) {
    const terminal = new ScriptedTerminal(answer);
    const host = answer.startsWith("[") ? "::1" : "db.example";
    const address = promptForAddress({}, DEFAULTS, terminal, "client");
    assertEquals([address, terminal.shown], [{ host, port: 4001 }, ["Host? 127.0.0.1"]]);
  }
  const terminal = new ScriptedTerminal("a:70000", "a:5", "[::1]");
  const address = promptForAddress({ port: 1 }, DEFAULTS, terminal, "client");
  assertEquals(address, { host: "::1", port: 1 });
  const apart =
    "expected an IPv4 address, an IPv6 address or a host name; the port is given apart " +
    "from it: the host is a, the port";
  assertEquals(terminal.shown.filter((line) => !line.includes("?")), [
    `host a:70000: ${apart} 70000`,
    `host a:5: ${apart} 5`,
  ]);
});

Deno.test("promptForAddress() takes port 0 for a server, and asks a client again", () => {
  const server = new ScriptedTerminal("0");
  const given = { host: "::1" };
  assertEquals(promptForAddress(given, DEFAULTS, server, "server"), { host: "::1", port: 0 });
  const client = new ScriptedTerminal("0", "1");
  assertEquals(promptForAddress(given, DEFAULTS, client, "client"), { host: "::1", port: 1 });
  assertEquals(
    client.shown[1],
    "port 0: the client needs the number of the server's port; a server with port 0 takes any free " +
      "one, and names it: listening on …",
  );
});
