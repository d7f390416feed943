/**
 * A client that dials a port of its own host, from which its own socket may be given that port, in a
 * network of its own whose ephemeral ports are few.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { statesOf } from "../../lib/platform/net/time_wait.ts";
import { commandWords } from "../support/process.ts";
import { onlySentence, runWords } from "../support/run.ts";
import { testUnless, whyNot } from "../support/skip.ts";

const PORT = 40_000;

const FEW_PORTS = `ip link set lo up; sysctl -qw net.ipv4.ip_local_port_range="${PORT} 40003"; `;

const isolated = (script: string) => ["unshare", "--net", "sh", "-c", FEW_PORTS + script];

const why = whyNot("unshare", "--net", "sh", "-c", `${FEW_PORTS}true`);

const command = (role: "client" | "server", host: string, args: string) =>
  `'${commandWords(role).join("' '")}' ${host} ${PORT} ${args}`;

for (const host of ["127.0.0.1", "::1"]) {
  testUnless(
    why,
    `a client that would connect to itself, over ${host}, is refused, and a server can listen there`,
    async () => {
      const client = command("client", host, "--sessions 40 --json --quiet");
      const server = command("server", host, "--duration 0.1 --json --quiet");
      const { code, stdout, stderr } = await runWords(isolated(`${client}; exec ${server}`));
      const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
      const ends = events.filter(({ event }) => event === "terminated");
      assertEquals(ends.length, 40);
      assertEquals(
        new Set(ends.map(({ by, reason }) => `${by} ${reason}`)),
        new Set(["network refused"]),
      );
      assertEquals(ends.some(({ text }) => /connected to itself/.test(text)), true, "it never was");
      assertEquals([events.at(-1).event, code], ["listening", 0], stderr);
    },
  );
}

const LEAVE_TIME_WAIT = `for (;;) {
  try {
    const socket = await Deno.connect({ port: ${PORT}, hostname: "127.0.0.1" });
    socket.close();
    break;
  } catch {}
}`;

testUnless(why, "a server whose port is held by TIME_WAIT says so, and no other", async () => {
  const leave = `'${Deno.execPath()}' eval '${LEAVE_TIME_WAIT}'; `;
  const server = command("server", "127.0.0.1", "--duration 0.1");
  const held = onlySentence(await runWords(isolated(`${leave} exec ${server}`)), 3);
  assertMatch(held, /^cannot listen on 127\.0\.0\.1:40000: closed connections .* \(TIME_WAIT\)/);
  const longer = command("server", "127.0.0.1", "--duration 60 --quiet");
  // Its line in the table of sockets: the local address and port, no remote one, LISTEN.
  const listens =
    "until grep -q '0100007F:9C40 00000000:0000 0A' /proc/self/net/tcp; do sleep 0.05; done; ";
  const taken = await runWords(
    isolated(`${longer} & ${listens}${server}; echo $? >&2; kill $!`),
  );
  assertMatch(taken.stderr, /:40000: the port is taken \(EADDRINUSE\)\..*\n3\n/);
});

Deno.test("statesOf() gives the states of the sockets on a local port", () => {
  const line = (n: number, local: string, remote: string, state: string) =>
    `  ${n}: ${local} ${remote} ${state} 00000000:00000000 03:0000176F 00000000     0        0 0 3 0\n`;
  const table = "  sl  local_address rem_address   st tx_queue rx_queue\n" +
    line(0, "0100007F:9C40", "0100007F:9C40", "06") +
    line(1, "0100007F:9C41", "0100007F:9C40", "01") +
    line(12, `${"0".repeat(32)}:9C40`, `${"0".repeat(32)}:0000`, "0A");
  assertEquals(statesOf(PORT, table), ["06", "0A"]);
  assertEquals(statesOf(80, table), []);
});
