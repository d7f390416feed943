/**
 * The limits of a server, on real processes: who is let in, and what a client makes of it if it is not.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { connect, type Socket } from "node:net";
import { withFolder } from "../support/folder.ts";
import { freePort } from "../support/ports.ts";
import { type Command, startCommand, startServer } from "../support/process.ts";
import { testUnless } from "../support/skip.ts";

/** Only on Linux every address of 127.0.0.0/8 is one of the host's own. */
const noAddresses = Deno.build.os === "linux" ? undefined : "needs 127.0.0.2 to be an own address";

/** What a stranger from an address is answered to what it says; empty if it is only closed. */
function answerTo(localAddress: string, port: number, says: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = "";
    const socket: Socket = connect({ host: "127.0.0.1", port, localAddress });
    socket.on("connect", () => socket.write(says));
    socket.on("data", (bytes) => {
      heard += bytes.toString();
      if (heard.includes("\n")) socket.destroy();
    });
    // A close with unread bytes is a reset.
    socket.on("error", () => {});
    socket.on("close", () => resolve(heard));
  });
}

/** Starts a client of 127.0.0.1. */
function client(port: number, ...args: string[]): Command {
  return startCommand("client", ["127.0.0.1", String(port), "--data-interval=0.1", ...args]);
}

for (const workers of [1, 2]) {
  testUnless(
    noAddresses,
    `a server of ${workers} workers lets in whom it is told to, and few of one address`,
    async () => {
      const port = freePort();
      await using server = await startServer(
        port,
        `--workers=${workers}`,
        "--allow=127.0.0.0/24",
        "--deny=127.0.0.9,10.0.0.0/8",
        "--max-sessions-per-address=1",
      );
      const hello = (id: string) => `HELLO 1 ${id} {"reconnect":true,"knows":["full","token"]}\n`;
      const firstWords = async (address: string, id: string) =>
        (await answerTo(address, port, hello(id))).split(" ", 2).join(" ");
      assertEquals(await firstWords("127.0.0.9", "denied"), "");
      assertEquals(await firstWords("127.0.1.1", "not-allowed"), "");
      assertEquals(await firstWords("127.0.0.2", "first"), "WELCOME 1");
      // It is away, and may come back.
      assertEquals(await firstWords("127.0.0.2", "second"), "TERMINATE full");
      assertEquals(await firstWords("127.0.0.3", "other"), "WELCOME 1");
      await using honest = client(port, "--count=1");
      assertEquals(await honest.ended(), 0, honest.stderr);
      server.kill("SIGTERM");
      assertEquals(await server.ended(), 0, server.stderr);
      const digests = server.events.flatMap((each) => each.event === "strangers" ? each : []);
      const limits = digests.flatMap((each) => Object.entries(each.limits ?? {}));
      const sum = (name: string) =>
        limits.reduce((sum, [limit, count]) => sum + (limit === name ? count! : 0), 0);
      assertEquals([sum("denied"), sum("max_sessions_per_address")], [2, 1]);
    },
  );
}

Deno.test("a client without --reconnect ends with 4 when there is no room, one with it waits for room", async () => {
  const port = freePort();
  await using server = await startServer(port, "--max-sessions=1");
  await using first = client(port);
  await first.event("connected");
  await using waiting = client(port, "--reconnect", "--count=1");
  const { cause, text } = await waiting.event("reconnecting");
  assertEquals(cause, "full");
  assertStringIncludes(text!, "the server has no room: no room for session ");
  await using second = client(port);
  assertEquals(await second.ended(), 4, second.stderr);
  assertStringIncludes(second.stderr, "the server has no room at present: no room for session ");
  assertStringIncludes(
    second.stderr,
    "(max_sessions 1). Look next: wait and try again, which --reconnect does",
  );
  first.kill("SIGTERM");
  assertEquals(await waiting.ended(), 0, waiting.stderr);
  await server.stderrText("refused for want of room (max_sessions)");
});

Deno.test("a client that is denied says what may be why, and comes in once the server's list lets it", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/deny`;
    Deno.writeTextFileSync(path, "# a while ago\n127.0.0.0/8\n");
    const port = freePort();
    await using server = await startServer(port, `--deny=@${path}`);
    await using denied = client(port);
    assertEquals(await denied.ended(), 3, denied.stderr);
    assertStringIncludes(denied.stderr, "before the session was open");
    assertStringIncludes(denied.stderr, "a server that does not let this address in (allow, deny)");
    Deno.writeTextFileSync(path, "192.0.2.1");
    await server.stderrText(`${path}: has changed; taken up`);
    await using admitted = client(port, "--count=1");
    assertEquals(await admitted.ended(), 0, admitted.stderr);
  });
});

Deno.test("a server refuses lists that it cannot read, with 2", async () => {
  const port = String(freePort());
  for (
    const [flag, why] of [
      ["--allow=192.0.2.1/24", "--allow 192.0.2.1/24: 192.0.2.1/24: the address has bits beyond"],
      ["--deny=@/nowhere", "cannot read /nowhere: there is no such file"],
    ] as const
  ) {
    await using server = startCommand("server", ["127.0.0.1", port, flag]);
    assertEquals(await server.ended(), 2, server.stderr);
    assertStringIncludes(server.stderr, why);
  }
});
