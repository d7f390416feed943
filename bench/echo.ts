/**
 * A bare echo server on Deno's sockets: the platform's limit, for comparison. Its argument is the port.
 *
 * @module
 */
async function echo(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(512);
  try {
    for (;;) {
      const length = await connection.read(buffer);
      if (length === null) return;
      let rest = buffer.subarray(0, length);
      while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
    }
  } catch {
    // The client is gone.
  } finally {
    connection.close();
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0]) });
for await (const connection of listener) {
  connection.setNoDelay(true);
  echo(connection);
}
