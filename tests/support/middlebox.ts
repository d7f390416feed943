/**
 * Real proxies and tunnels on loopback, between a client and a server: haproxy, nginx, socat, stunnel, ssh.
 *
 * @module
 */
import { Folder } from "./folder.ts";
import { killIfRunning } from "./kill.ts";
import { freePort } from "./ports.ts";
import { whyNot } from "./skip.ts";

/** How long, in milliseconds, a proxy may take until it listens. */
const START_LIMIT_MS = 30_000;

/** Options of a proxy. */
export interface MiddleboxOptions {
  /** The port of the server behind it. */
  backend: number;
  /** After how many seconds without traffic it closes a connection; none if not given. */
  idle_s?: number;
}

/** A proxy, as a process of its own. Dispose of it with `await using`. */
export class Middlebox implements AsyncDisposable {
  /** The port that clients connect to. */
  readonly port: number;
  readonly #process: Deno.ChildProcess;
  readonly #folder: Folder;
  readonly #stderr: Promise<string>;

  private constructor(folder: Folder, port: number, words: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    const [program, ...args] = words;
    this.#process = new Deno.Command(program!, {
      args,
      cwd: folder.path,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#stderr = new Response(this.#process.stderr).text();
  }

  /** Starts a program with a folder for its files; it listens on the port when this resolves. */
  static async start(
    words: (port: number, folder: string) => readonly string[] | Promise<readonly string[]>,
    port = freePort(),
  ): Promise<Middlebox> {
    const folder = new Folder();
    await using made = new AsyncDisposableStack();
    made.defer(() => folder[Symbol.dispose]());
    const box = new Middlebox(folder, port, await words(port, folder.path));
    made.move();
    await using started = new AsyncDisposableStack();
    started.use(box);
    await box.#listening();
    started.move();
    return box;
  }

  /** The folder of its files. */
  get folder(): string {
    return this.#folder.path;
  }

  /** Sends a signal to the process and its children; nothing once it has ended, when others may have their ids. */
  async kill(signal: "STOP" | "CONT" | "KILL"): Promise<void> {
    // Stopped at once, the process itself neither replaces nor reaps a child meanwhile.
    if (signal !== "CONT" && !killIfRunning(this.#process, "SIGSTOP")) return;
    await send(signal, ...await childrenOf(this.#process.pid));
    killIfRunning(this.#process, `SIG${signal}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("KILL");
    await this.#process.status;
    await this.#stderr;
    this.#folder[Symbol.dispose]();
  }

  /** Looks at the table of sockets: to connect would be a connection to the server behind it. */
  async #listening(): Promise<void> {
    const deadline_ms = performance.now() + START_LIMIT_MS;
    let over = false;
    this.#process.status.then(() => over = true);
    for (;;) {
      const { stdout } = await new Deno.Command("ss", {
        args: ["-Hltn", `sport = :${this.port}`],
      }).output();
      if (stdout.length > 0) return;
      if (over || performance.now() > deadline_ms) {
        killIfRunning(this.#process);
        throw new Error(`Cannot start a proxy: ${await this.#stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function send(signal: string, ...pids: number[]): Promise<void> {
  const args = [`-${signal}`, ...pids.map(String)];
  await new Deno.Command("kill", { args, stderr: "null" }).output();
}

async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-o", "pid=", "--ppid", `${pid}`],
  }).output();
  const children = new TextDecoder().decode(stdout).split("\n").filter((line) =>
    line.trim() !== ""
  );
  return children.map(Number);
}

/** Why a program, and `ss` to see it listen, cannot be used here; `undefined` if both can. */
export function whyNoMiddlebox(...command: [string, ...string[]]): string | undefined {
  return whyNot(...command) ?? whyNot("ss", "-V") ?? whyNot("ps", "--version");
}

/** Options of haproxy. */
export interface HaproxyOptions extends MiddleboxOptions {
  /** Which side's idle time-out it has; both if not given. */
  side?: "client" | "server";
  /** The idle time-out of each side, in seconds, in place of `idle_s`. */
  timeouts_s?: { readonly client: number; readonly server: number };
  /** Which PROXY header it sends to the server. */
  sends?: "send-proxy" | "send-proxy-v2";
  /** How many connections it passes on at a time; the rest waits in its queue. */
  maxconn?: number;
}

/** haproxy in TCP mode. */
export function startHaproxy(
  { backend, idle_s = 3600, maxconn, sends = "" as never, side, timeouts_s }: HaproxyOptions,
  at?: number,
): Promise<Middlebox> {
  const timeout = (of: "client" | "server") =>
    1000 * (timeouts_s?.[of] ?? (side === undefined || side === of ? idle_s : 3_600));
  return Middlebox.start(async (port, folder) => {
    await Deno.writeTextFile(
      `${folder}/haproxy.cfg`,
      `defaults
  mode tcp
  timeout connect 5s
  timeout queue 60s
  timeout client ${timeout("client")}ms
  timeout server ${timeout("server")}ms
listen tcp
  bind 127.0.0.1:${port}
  server behind 127.0.0.1:${backend} ${sends} ${maxconn ? `maxconn ${maxconn}` : ""}
`,
    );
    return ["haproxy", "-db", "-q", "-f", `${folder}/haproxy.cfg`];
  }, at);
}

/** nginx with its stream module. */
export function startNginx({ backend, idle_s = 3600 }: MiddleboxOptions): Promise<Middlebox> {
  return Middlebox.start(async (port, folder) => {
    const module = NGINX_STREAM_MODULE;
    await Deno.writeTextFile(
      `${folder}/nginx.conf`,
      `load_module ${module};
pid ${folder}/nginx.pid;
error_log stderr;
events {}
stream {
  server {
    listen 127.0.0.1:${port};
    proxy_pass 127.0.0.1:${backend};
    proxy_timeout ${idle_s}s;
  }
}
`,
    );
    const files = ["-e", "stderr", "-p", folder, "-c", `${folder}/nginx.conf`];
    return ["nginx", ...files, "-g", "daemon off; master_process off;"];
  });
}

const NGINX_STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** Why nginx with its stream module cannot be used here; `undefined` if it can. */
export function whyNoNginx(): string | undefined {
  const missing = whyNot("ls", NGINX_STREAM_MODULE);
  return missing
    ? `${missing} (on Debian: apt-get install libnginx-mod-stream)`
    : whyNoMiddlebox("nginx", "-v");
}

/** socat, a process for each connection. */
export function startSocat({ backend, idle_s }: MiddleboxOptions): Promise<Middlebox> {
  return Middlebox.start((port) => [
    "socat",
    ...idle_s === undefined ? [] : ["-T", `${idle_s}`],
    `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr`,
    `TCP:127.0.0.1:${backend}`,
  ]);
}

/** stunnel as a TLS server, with a certificate of its own. */
export function startTlsServer({ backend, idle_s = 3600 }: MiddleboxOptions): Promise<Middlebox> {
  return Middlebox.start(async (port, folder) => {
    const pem = `${folder}/stunnel.pem`;
    const words = "req -x509 -newkey rsa:2048 -nodes -subj /CN=test -keyout".split(" ");
    await run("openssl", ...words, pem, "-out", `${pem}.crt`);
    await Deno.writeTextFile(pem, await Deno.readTextFile(`${pem}.crt`), { append: true });
    await Deno.chmod(pem, 0o600);
    return await stunnel(
      folder,
      `cert = ${pem}
[tls]
accept = 127.0.0.1:${port}
connect = 127.0.0.1:${backend}
TIMEOUTidle = ${idle_s}
`,
    );
  });
}

/** stunnel as a TLS client: takes plain connections, and passes them on to a TLS port. */
export function startTlsClient({ backend, idle_s = 3600 }: MiddleboxOptions): Promise<Middlebox> {
  return Middlebox.start((port, folder) =>
    stunnel(
      folder,
      `client = yes
[plain]
accept = 127.0.0.1:${port}
connect = 127.0.0.1:${backend}
TIMEOUTidle = ${idle_s}
`,
    )
  );
}

/** Both, one behind the other: takes plain connections, and passes them on as such through TLS. */
export async function startTlsPair({ backend, idle_s }: MiddleboxOptions): Promise<Middlebox> {
  await using made = new AsyncDisposableStack();
  const server = made.use(await startTlsServer({ backend, idle_s }));
  return endsWith(await startTlsClient({ backend: server.port }), made.move());
}

/** Has the end of a proxy end what is behind it, too. */
function endsWith(box: Middlebox, behind: AsyncDisposableStack): Middlebox {
  const end = box[Symbol.asyncDispose].bind(box);
  box[Symbol.asyncDispose] = async () => {
    await end();
    await behind.disposeAsync();
  };
  return box;
}

async function stunnel(folder: string, settings: string): Promise<string[]> {
  const common = `foreground = yes\nsyslog = no\ndebug = err\npid =\n`;
  await Deno.writeTextFile(`${folder}/stunnel.conf`, common + settings);
  return ["stunnel", `${folder}/stunnel.conf`];
}

/** An ssh server of the test's own, and a client that forwards a port through it. */
export async function startSshTunnel(
  { backend }: MiddleboxOptions,
  at?: number,
): Promise<Middlebox> {
  await using made = new AsyncDisposableStack();
  const sshd = made.use(
    await Middlebox.start(async (port, folder) => {
      for (const name of ["host", "user"]) {
        await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder}/${name}`);
      }
      await Deno.copyFile(`${folder}/user.pub`, `${folder}/authorized`);
      await Deno.writeTextFile(
        `${folder}/sshd.conf`,
        `Port ${port}
ListenAddress 127.0.0.1
HostKey ${folder}/host
AuthorizedKeysFile ${folder}/authorized
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile none
`,
      );
      // sshd wants /run/sshd, which only a service manager makes: here in a /run of its own.
      const script = 'mount -t tmpfs none /run && mkdir /run/sshd && exec /usr/sbin/sshd "$@"';
      const flags = ["-D", "-e", "-f", `${folder}/sshd.conf`];
      return ["unshare", "--mount", "sh", "-c", script, "sh", ...flags];
    }),
  );
  const tunnel = await Middlebox.start((port) => [
    "ssh",
    ...["-N", "-F", "none", "-p", `${sshd.port}`, "-i", `${sshd.folder}/user`],
    ..."-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes".split(" "),
    ...["-L", `127.0.0.1:${port}:127.0.0.1:${backend}`, "127.0.0.1"],
  ], at);
  return endsWith(tunnel, made.move());
}

async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
}
