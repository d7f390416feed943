/**
 * A bare echo server on Node's sockets, for comparison. Its argument is the port.
 *
 * @module
 */
import { createServer } from "node:net";
import { argv } from "node:process";

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("data", (bytes) => socket.write(bytes));
  socket.on("error", () => {}); // The client is gone.
});
server.listen({ host: "127.0.0.1", port: Number(argv[2]), backlog: 4096 });
