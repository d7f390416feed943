/**
 * What the commands say of a network that does not let them begin: one sentence each, with what to
 * look at next, and the exit status.
 *
 * @module
 */
import { assertMatch, assertStringIncludes } from "@std/assert";
import { bytes } from "../support/bytes.ts";
import {
  AS_UNPRIVILEGED_USER,
  PRIVILEGED_PORT,
  whyNoPrivilegedPort,
} from "../support/unprivileged_user.ts";
import { freePort } from "../support/ports.ts";
import { Random } from "../support/random.ts";
import { eachOf, onlySentence, runCommand } from "../support/run.ts";
import { testUnless } from "../support/skip.ts";
import {
  answers,
  closes,
  echoes,
  type Manner,
  says,
  saysNothing,
  Stranger,
} from "../support/strangers.ts";

/** Has the name server asked but once: a network without one shall not hold up the tests. */
const ASK_ONCE = { env: { RES_OPTIONS: "timeout:1 attempts:1" } };

Deno.test("a server whose port is taken says so, and exits with 3", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const sentence = onlySentence(await runCommand("server", ["127.0.0.1", String(port)]), 3);
  assertStringIncludes(
    sentence,
    `cannot listen on 127.0.0.1:${port}: the port is taken (EADDRINUSE).`,
  );
  assertStringIncludes(sentence, "Look next: ");
});

Deno.test("a server on an address of no interface says so, and exits with 3", async () => {
  // An address for documentation (RFC 5737): nobody has it, and nothing is sent to it.
  const args = ["203.0.113.1", String(freePort())];
  const sentence = onlySentence(await runCommand("server", args), 3);
  assertMatch(sentence, /^cannot listen on 203\.0\.113\.1:\d+: no interface of this host has that/);
});

testUnless(whyNoPrivilegedPort(), "a server on a port that only root may have: 3", async () => {
  const args = ["127.0.0.1", String(PRIVILEGED_PORT)];
  const sentence = onlySentence(
    await runCommand("server", args, { before: AS_UNPRIVILEGED_USER }),
    3,
  );
  assertStringIncludes(sentence, `cannot listen on ${args.join(":")}: not permitted (EACCES).`);
  assertMatch(sentence, /need root.*--port/);
});

Deno.test("a client that is refused says so, and exits with 3", async () => {
  for (const host of ["127.0.0.1", "localhost"]) {
    const args = [host, String(freePort())];
    const sentence = onlySentence(await runCommand("client", args), 3);
    assertStringIncludes(sentence, `cannot connect to ${args.join(":")}: refused; `);
  }
});

Deno.test("a name that nobody has is told apart, by both commands, with 3", async () => {
  for (const role of ["client", "server"] as const) {
    const outcome = await runCommand(role, ["pulsewire.invalid", "4000"], ASK_ONCE);
    const sentence = onlySentence(outcome, 3);
    assertMatch(sentence, /^cannot \w+ (to|on) pulsewire\.invalid:4000: no address is known/);
  }
});

const STRANGE = "does not speak PW/1: ";

/** What a stranger does, the client's exit status, and what it says of the stranger. */
const STRANGERS: readonly [what: string, manner: Manner, code: number, says: RegExp][] = [
  ["says nothing", saysNothing, 3, /sent nothing: no WELCOME within 5 s\. Look next: /],
  ["sends everything back", echoes, 3, /PW\/1: HELLO from the server.*Look next: /],
  [
    "speaks first, as SSH does",
    says(bytes("SSH-2.0-x\r\n")),
    3,
    /PW\/1: it sent an SSH banner, as an SSH server does\. Look next: /,
  ],
  ["sends random bytes, 1", says(new Random(1).bytes(4096)), 3, /PW\/1: .*Look next: /],
  ["sends random bytes, 2", says(new Random(2).bytes(4096)), 3, /PW\/1: .*Look next: /],
  ["sends random bytes, 3", says(new Random(3).bytes(4096)), 3, /PW\/1: .*Look next: /],
  [
    "wants TLS",
    says(bytes("\x15\x03\x03\0\x02\x02\x46")),
    3,
    /PW\/1: it sent a TLS alert: that port takes nothing but TLS/,
  ],
  ["sends a PROXY header", says(bytes("PROXY UNKNOWN\r\n")), 3, /send-proxy does\. Look next: /],
  // What has not been read when a connection is closed makes the close a reset.
  ["closes at once", closes({ read: false }), 3, /(?:closed|reset).*Look next: /],
  ["closes when it is spoken to", closes({ read: true }), 3, /closed.*Look next: /],
  ["welcomes another", answers("WELCOME 1 other {}\n"), 3, /PW\/1: WELCOME 1 other in answer to/],
  ["finds fault", answers("TERMINATE protocol no good\n"), 3, /broke the protocol: no good/],
  ["refuses", answers("TERMINATE refused no room\n"), 4, /the server refused the session: no room/],
  ["refuses without a word", answers("TERMINATE refused\n"), 4, /the server refused the session$/],
];

Deno.test("a client says what kind of stranger it has called, and what to look at next", async () => {
  const call = async ([what, manner, code, says]: typeof STRANGERS[number]) => {
    await using stranger = new Stranger(manner);
    const outcome = await runCommand("client", ["127.0.0.1", String(stranger.port)]);
    const sentence = onlySentence(outcome, code);
    assertMatch(sentence, says, `a stranger that ${what}`);
  };
  const [slow, ...quick] = STRANGERS;
  await Promise.all([call(slow!), eachOf(quick, call)]);
});

Deno.test("a client says of an HTTP server that it is none of its kind", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("hello"),
  );
  const outcome = await runCommand("client", ["127.0.0.1", String(server.addr.port)]);
  const sentence = onlySentence(outcome, 3);
  assertStringIncludes(sentence, `127.0.0.1:${server.addr.port} ${STRANGE}it sent an HTTP answer`);
  assertStringIncludes(sentence, "Look next: is this the right port?");
});
