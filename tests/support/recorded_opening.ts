/**
 * What a client sends to open a session, as anybody on its path can record it.
 *
 * @module
 */

/** Where `DATA` begins: all before it is the opening. */
const DATA = "\nDATA ";

/**
 * Forwards one connection to a port of 127.0.0.1: resolves to what its client sent until its first data message.
 * `call` is given the port to connect to; the connection is cut when it resolves.
 */
export async function recordOpening(
  target: number,
  call: (port: number) => Promise<void>,
): Promise<string> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const calling = call(listener.addr.port);
  using near = await listener.accept();
  using far = await Deno.connect({ hostname: "127.0.0.1", port: target });
  let sent = "";
  const forwarding = Promise.all([
    forward(near, far, (text) => sent += text),
    forward(far, near, () => {}),
  ]);
  await calling;
  await forwarding;
  return sent.slice(0, sent.indexOf(DATA) + 1);
}

async function forward(
  from: Deno.TcpConn,
  to: Deno.TcpConn,
  tap: (text: string) => void,
): Promise<void> {
  const buffer = new Uint8Array(16_384);
  for (let n = await from.read(buffer); n !== null; n = await from.read(buffer)) {
    tap(new TextDecoder().decode(buffer.subarray(0, n)));
    for (let at = 0; at < n;) at += await to.write(buffer.subarray(at, n));
  }
  await to.closeWrite();
}
