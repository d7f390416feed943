/**
 * A shell on a real terminal, in tmux, whose screen a test reads.
 *
 * @module
 */
import { Folder } from "./folder.ts";
import { whyNot } from "./skip.ts";

/** How long, in milliseconds, the screen may take to show something. */
const WARN_AFTER_MS = 30_000;

/** How often, in milliseconds, it is looked at. */
const LOOK_MS = 25;

/** Why there is none to be had here; `undefined` if there is. */
export function whyNoTmux(): string | undefined {
  return whyNot("tmux", "-V") ?? whyNot("bash", "--version");
}

/** Options for {@linkcode Tmux.open}. */
export interface TmuxOptions {
  /** The width of the terminal. */
  columns?: number;
  /** The height of the terminal. */
  rows?: number;
  /** Variables of its shell, besides those of this process. */
  env?: Readonly<Record<string, string>>;
  /** What the word `run` stands for in the shell. */
  run: readonly string[];
}

/** A terminal with a shell whose prompt is `$`. Dispose of it with `await using`: that ends all that runs in it. */
export class Tmux implements AsyncDisposable {
  readonly #folder = new Folder();
  /**
   * Its own server, which knows no other terminals and reads no configuration. The path of its socket is unique: files
   * of tests that run side by side are threads of one process, and each has its own copy of this module.
   */
  readonly #server = ["-u", "-S", `${this.#folder.path}/socket`, "-f", "/dev/null"];
  readonly #env: Readonly<Record<string, string>>;

  private constructor(env: Readonly<Record<string, string>>) {
    this.#env = { LC_ALL: "C.UTF-8", ...env };
  }

  /** Opens a terminal; its shell waits for a command when this resolves. */
  static async open({ columns = 80, env = {}, rows = 24, run }: TmuxOptions): Promise<Tmux> {
    await using made = new AsyncDisposableStack();
    const tmux = made.use(new Tmux(env));
    const quoted = run.map((word) => `'\\''${word}'\\''`).join(" ");
    const rcFile = `${tmux.#folder.path}/rc`;
    Deno.writeTextFileSync(rcFile, `PS1='$ '\nalias run='${quoted}'\n`);
    const size = ["-x", String(columns), "-y", String(rows)];
    const shell = `exec bash --noprofile --rcfile ${rcFile}`;
    await tmux.#tmux("new-session", "-d", ...size, shell);
    await tmux.shows(/^\$$/m);
    made.move();
    return tmux;
  }

  /** Types a text, and Enter. */
  async enter(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", text);
    await this.press("Enter");
  }

  /** Presses a key, by tmux's name for it. */
  async press(key: string): Promise<void> {
    await this.#tmux("send-keys", key);
  }

  /** Gives the terminal another size. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** What the screen shows, without empty lines at its end; `scrolled`: and what has scrolled out of it. */
  async screen({ scrolled = false, styled = false } = {}): Promise<string> {
    const options = [...scrolled ? ["-S", "-1000"] : [], ...styled ? ["-e"] : []];
    return (await this.#tmux("capture-pane", "-p", ...options)).trimEnd();
  }

  /** Waits until the screen shows what matches, and gives what it shows then. */
  async shows(pattern: RegExp, options?: Parameters<Tmux["screen"]>[0]): Promise<string> {
    const latest = performance.now() + WARN_AFTER_MS;
    for (;;) {
      const screen = await this.screen(options);
      if (pattern.test(screen)) return screen;
      if (performance.now() > latest) throw new Error(`waited in vain for ${pattern}:\n${screen}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It may not have been started.
    await this.#tmux("kill-server").catch(() => {});
    this.#folder[Symbol.dispose]();
  }

  async #tmux(...args: string[]): Promise<string> {
    const { stdout, stderr, success } = await new Deno.Command("tmux", {
      args: [...this.#server, ...args],
      env: this.#env,
      stdin: "null",
    }).output();
    if (!success) throw new Error(`tmux ${args[0]}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }
}
