/**
 * A client whose certificate is not accepted is told so in answer to its `HELLO`, and takes nothing of a server.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { strangerOf } from "../../lib/server/first_bytes.ts";
import type { Connection } from "../../lib/platform/net/transport.ts";
import { BACK, data, refusalOf, welcomeOf } from "../support/callers.ts";
import { stagePool } from "../support/pool_stage.ts";
import { stageRawServer } from "../support/raw_server.ts";

const REFUSAL = { code: "TLS_NO_CERTIFICATE", text: "show one" };

Deno.test("a client without the certificate that is asked for neither opens nor takes over a session", async () => {
  const { connect, hello, recorder, server } = stageRawServer({});
  const first = await hello("s", BACK);
  await first.peer.say(data(1));
  const stranger = await connect();
  Object.assign(stranger.path.server, { refusal: REFUSAL });
  await stranger.peer.say('HELLO 1 s {"reconnect":true,"confirmed":0}\n');
  assertEquals(refusalOf(stranger), "show one");
  assertEquals(first.path.server.closed, false);
  await first.peer.say(data(2));
  assertEquals(server.registry.size, 1);
  const told = recorder.events.find((each) => each.event === "strangers");
  assertEquals([told?.count, told?.sent], [1, ["tls_no_certificate"]]);
  welcomeOf(first);
});

Deno.test("the main thread is not asked where such a client belongs", async () => {
  const { clock, connect, threads } = await stagePool(3);
  const asked = () =>
    threads.flatMap(({ told }) => told).filter(({ kind }) => kind === "place_result").length;
  const stranger = await connect();
  Object.assign(stranger.path.server, { refusal: REFUSAL });
  await stranger.peer.say("HELLO 1 s {}\n");
  await clock.advance(0);
  assertEquals([refusalOf(stranger), asked()], ["show one", 0]);
});

Deno.test("strangerOf() says what came instead of a handshake that is complete", () => {
  const of = (first: string, more: Partial<Connection> = {}, code?: string) => {
    const handshake = new TextEncoder().encode(first);
    const connection = { peer: "192.0.2.1:5000", handshake, ...more } as Connection;
    return strangerOf(connection, new Uint8Array(0), { code }).sent;
  };
  assertEquals(of(""), "nothing");
  assertEquals(of("HELLO 1 s {}\n"), "no_tls");
  assertEquals(of("GET / HTTP/1.1\r\n"), "http");
  assertEquals(of("\x16\x03\x01"), "tls_unfinished");
  assertEquals(of("\x16\x03\x01", {}, "TLS_DISTRUSTED"), "tls_distrust");
  assertEquals(of("", { handshake: undefined, refusal: REFUSAL }), "tls_no_certificate");
  assertEquals(of("", { handshake: undefined }), "nothing");
});
