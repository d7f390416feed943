/**
 * `--web` of real commands: the page is there, also in an executable; keys, TLS, a taken port, workers.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { EXIT } from "../../lib/session/close_reason.ts";
import { Certificates, NO_CERTIFICATES } from "../support/certificates.ts";
import { Folder } from "../support/folder.ts";
import { freePort } from "../support/ports.ts";
import { startCommand, startServer } from "../support/process.ts";
import { Schema } from "../support/schema.ts";
import { testUnless } from "../support/skip.ts";
import { eventually, sessionsAt, webUrl } from "../support/web.ts";

Deno.test("both commands serve the page, its files, the API, /metrics and /healthz", async () => {
  const port = freePort();
  await using server = await startServer(port, "--web", "0");
  const args = ["127.0.0.1", `${port}`, "--data-interval", "0.2", "--web", "[::1]:0"];
  await using client = startCommand("client", args);
  await client.event("data_confirmed");
  const schema = new Schema("web.schema.json");
  for (const url of [await webUrl(server), await webUrl(client)]) {
    const page = await (await fetch(url)).text();
    const files = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name]) => name);
    assertEquals(files.length, 3, page);
    for (const file of files) {
      const response = await fetch(url + file);
      assert(response.ok && (await response.text()).length > 200, `${url}${file}`);
    }
    const list = await sessionsAt(url, "history=true");
    schema.check("sessions", list);
    assertEquals(list.sessions.map(({ state }) => state), ["ok"]);
    const { session } = list.sessions[0]!;
    const history = await (await fetch(`${url}api/sessions/${session}`)).json();
    schema.check("history", history);
    schema.check("outages", await (await fetch(`${url}api/outages`)).json());
    assertStringIncludes(
      await (await fetch(`${url}metrics`)).text(),
      'pulsewire_sessions{phase="data"} 1\n',
    );
    assertEquals(await (await fetch(`${url}healthz`)).text(), "ok\n");
    const events = (await fetch(`${url}api/events`)).body!.pipeThrough(new TextDecoderStream());
    let text = "";
    for await (const part of events) {
      text += part;
      // A part may be less than an event, or more than one.
      const data = /^data: (.*)\n\n/.exec(text)?.[1];
      if (data === undefined) continue;
      schema.check("overview", JSON.parse(data));
      break;
    }
  }
  // An open page does not keep a process from its end.
  const open = await fetch(`${await webUrl(server)}api/events`);
  server.kill("SIGTERM");
  assertEquals(await server.ended(), EXIT.asked);
  await open.body!.cancel().catch(() => {});
});

Deno.test("a port for the page that is taken ends a command with status 3 and one sentence", async () => {
  const port = freePort();
  using _taken = Deno.listen({ hostname: "127.0.0.1", port });
  for (const [role, more] of [["server", freePort()], ["client", freePort()]] as const) {
    await using command = startCommand(role, ["127.0.0.1", `${more}`, "--web", `${port}`]);
    assertEquals(await command.ended(), EXIT.unconnected);
    assertStringIncludes(
      command.stderr,
      `--web: cannot listen on 127.0.0.1:${port}: the port is taken`,
    );
    assertEquals(command.stderr.trimEnd().split("\n").length, 1, command.stderr);
  }
});

testUnless(
  NO_CERTIFICATES,
  "off this host a page takes a key, and is HTTPS where a server has a certificate",
  async () => {
    using made = new Certificates();
    using folder = new Folder();
    const pair = made.make({ name: "localhost" });
    const secret = "k".repeat(43);
    const keyFile = `${folder.path}/web.key`;
    Deno.writeTextFileSync(keyFile, `${secret}\n`, { mode: 0o600 });
    const tls = ["--tls-cert", pair.certFile, "--tls-key", pair.keyFile, "--no-original"];
    const web = ["--web", "0.0.0.0:0", "--web-key-file", keyFile];
    await using server = await startServer(freePort(), ...tls, ...web);
    const url = (await webUrl(server)).replace("0.0.0.0", "localhost");
    assert(url.startsWith("https://"), url);
    using http = Deno.createHttpClient({ caCerts: [made.authority.cert] });
    const ask = async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(url + path, { client: http, headers });
      await response.body?.cancel();
      return response.status;
    };
    for (const path of ["", "api/sessions", "metrics", "healthz", "page.js"]) {
      assertEquals(await ask(path), 401, path);
    }
    assertEquals(await ask("", { authorization: `Bearer ${secret}` }), 200);
    assertEquals(await ask("healthz", { authorization: `Basic ${btoa(`me:${secret}`)}` }), 200);
    assertEquals(await ask("healthz", { authorization: `Bearer ${secret.toUpperCase()}` }), 401);
    assert(!JSON.stringify(server.events).includes(secret));
  },
);

Deno.test("with --workers one page shows the sessions of all threads", async () => {
  const port = freePort();
  await using server = await startServer(port, "--workers", "3", "--web", "0");
  await using _client = startCommand("client", ["127.0.0.1", `${port}`, "--sessions", "20"]);
  const url = await webUrl(server);
  await eventually(
    "all sessions are listed",
    async () => (await sessionsAt(url, "states=ok")).matched === 20,
  );
  const { sessions } = await sessionsAt(url);
  assertEquals(new Set(sessions.map(({ session }) => session)).size, 20);
});
