/**
 * Tests that not every machine can run: they report what they lack, and how to get it.
 *
 * @module
 */

/** The Debian package of a program, where its name is another one. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: "iproute2",
  ip6tables: "iptables",
  nft: "nftables",
  nginx: "nginx-light",
  nsenter: "util-linux",
  promtool: "prometheus",
  ps: "procps",
  script: "bsdutils",
  setpriv: "util-linux",
  ss: "iproute2",
  ssh: "openssh-client",
  stunnel: "stunnel4",
  sysctl: "procps",
  unshare: "util-linux",
};

/** A file to which the reasons go too, a line each: `deno task test` repeats them at its end. */
const SKIPPED_FILE = Deno.env.get("PULSEWIRE_SKIPPED");

/** Registers a test; with a reason not to run it, that is printed, and the test is ignored. */
export function testUnless(
  reason: string | undefined,
  name: string,
  test: (t: Deno.TestContext) => void | Promise<void>,
): void {
  if (reason !== undefined) {
    const line = `not run: ${name}: ${reason}`.replaceAll("\n", " ");
    console.log(line);
    if (SKIPPED_FILE) Deno.writeTextFileSync(SKIPPED_FILE, `${line}\n`, { append: true });
  }
  Deno.test({ name, fn: test, ignore: reason !== undefined });
}

/** Why a program cannot be used here, found out by running it; `undefined` if it can. */
export function whyNot(program: string, ...args: string[]): string | undefined {
  try {
    const { success, stderr } = new Deno.Command(program, { args, stdin: "null" }).outputSync();
    if (success) return undefined;
    const text = new TextDecoder().decode(stderr).trim();
    // What `unshare` and `setpriv` write when there is no such program for them to start.
    const missing = /failed to execute (\S+): No such file/.exec(text)?.[1];
    return missing === undefined ? `${program}: ${text}` : notInstalled(missing);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return notInstalled(program);
  }
}

function notInstalled(program: string): string {
  const name = PACKAGES[program] ?? program;
  return `${program} is not installed (on Debian: apt-get install ${name})`;
}
