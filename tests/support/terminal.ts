/**
 * Commands at a terminal, with a person who types what the test types.
 *
 * @module
 */
import { killIfRunning } from "./kill.ts";
import { whyNot } from "./skip.ts";

/** How long, in milliseconds, the command may take to show something or to end. */
const WARN_AFTER_MS = 60_000;

/** Clears the line that is being typed, whatever is proposed in it. */
const CLEAR_LINE = "\x15";
const ENTER = "\r";
const END = "\x04";

/** Why there is no terminal to be had here; `undefined` if there is. */
export function whyNoTerminal(): string | undefined {
  const [program, ...args] = scriptWords("true");
  return whyNot(program!, ...args);
}

/** `script` of util-linux runs a command line at a terminal of its own. */
function scriptWords(commandLine: string): string[] {
  return ["script", "--quiet", "--return", "--command", commandLine, "/dev/null"];
}

/** One command at a terminal. Dispose of it with `await using`. */
export class AtTerminal implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #keyboard: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  readonly #impatience: ReturnType<typeof setTimeout>;
  #shown = "";
  #seen = 0;
  #over = false;
  #changed = Promise.withResolvers<void>();

  /** Starts a command; `then` goes behind it on the command line, such as `| cat`. */
  constructor(words: readonly string[], then = "") {
    const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    const [program, ...args] = scriptWords(`${quoted} ${then}`);
    const io = { stdin: "piped", stdout: "piped" } as const;
    this.#process = new Deno.Command(program!, { args, ...io }).spawn();
    this.#keyboard = this.#process.stdin.getWriter();
    this.#impatience = setTimeout(() => killIfRunning(this.#process), WARN_AFTER_MS);
    this.#reading = this.#read();
  }

  /** All that it has shown. */
  get shown(): string {
    return this.#shown;
  }

  /** Waits until it shows a text, after what was waited for before. */
  async shows(text: string): Promise<void> {
    for (;;) {
      const at = this.#shown.indexOf(text, this.#seen);
      if (at >= 0) {
        this.#seen = at + text.length;
        return;
      }
      if (this.#over) throw new Error(`ended without ${JSON.stringify(text)}:\n${this.#shown}`);
      await this.#changed.promise;
    }
  }

  /** Types an answer in place of what stands in the line. */
  async answer(text: string): Promise<void> {
    await this.#type(CLEAR_LINE + text + ENTER);
  }

  /** Types an answer as it is, or nothing, and presses Enter. */
  async enter(text = ""): Promise<void> {
    await this.#type(text + ENTER);
  }

  /** Presses Ctrl-D on an empty line. */
  async end(): Promise<void> {
    await this.#type(CLEAR_LINE + END);
  }

  /** Waits for its end: gives its exit status. */
  async ended(): Promise<number> {
    await this.#reading;
    return (await this.#process.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killIfRunning(this.#process);
    await this.ended();
    await this.#keyboard.abort();
    clearTimeout(this.#impatience);
  }

  async #type(keys: string): Promise<void> {
    await this.#keyboard.write(new TextEncoder().encode(keys));
  }

  async #read(): Promise<void> {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      this.#shown += text;
      this.#wake();
    }
    this.#over = true;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
