/**
 * Pages in a real Chromium, over its DevTools protocol, on 127.0.0.1.
 *
 * @module
 */
import { Folder } from "./folder.ts";
import { killIfRunning } from "./kill.ts";
import { whyNot } from "./skip.ts";

/** Why no page can be opened here; `undefined` if one can. */
export const noChromium = whyNot("chromium", "--version");

/** How long, in milliseconds, Chromium may take for anything. */
const LIMIT_MS = 30_000;

/** An answer, or an event, of the DevTools protocol. */
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** A Chromium with one page. Dispose of it with `await using`. */
export class Chromium implements AsyncDisposable {
  /** What the page wrote to the console, what failed in it, and what it asked other places for. */
  readonly complaints: string[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #folder: Folder;
  #socket!: WebSocket;
  #next = 1;
  readonly #answers = new Map<number, PromiseWithResolvers<Message>>();
  #loaded = Promise.withResolvers<void>();
  #origin = "file:///";

  /** Starts it. */
  static async start(): Promise<Chromium> {
    const chromium = new Chromium();
    await chromium.#connect();
    return chromium;
  }

  private constructor() {
    this.#folder = new Folder();
    const args = [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--hide-scrollbars",
      "--no-first-run",
      "--disable-background-networking",
      "--remote-debugging-port=0",
      `--user-data-dir=${this.#folder.path}`,
      "about:blank",
    ];
    const io = { stdin: "null", stdout: "null", stderr: "piped" } as const;
    this.#process = new Deno.Command("chromium", { args, ...io }).spawn();
  }

  /** Opens a file in a window of this width, in light or dark colours. */
  async open(path: string, width: number, scheme: "light" | "dark"): Promise<void> {
    await this.openUrl(`file://${path}`, width, scheme);
  }

  /** Opens an address in such a window; only its own origin may be asked for anything. */
  async openUrl(url: string, width: number, scheme: "light" | "dark"): Promise<void> {
    const size = { width, height: 900, deviceScaleFactor: 1, mobile: false };
    await this.call("Emulation.setDeviceMetricsOverride", size);
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await this.call("Emulation.setEmulatedMedia", { features });
    this.#loaded = Promise.withResolvers();
    this.#origin = /^\w+:\/\/[^/]*\//.exec(url)![0];
    // Also where only what stands behind # differs.
    await this.call("Page.navigate", { url: "about:blank" });
    await this.#loaded.promise;
    this.#loaded = Promise.withResolvers();
    await this.call("Page.navigate", { url });
    await this.#loaded.promise;
  }

  /** The value of an expression in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const options = { expression, returnByValue: true, awaitPromise: true };
    const { result } = await this.call("Runtime.evaluate", options) as {
      result: { value?: unknown; subtype?: string; description?: string };
    };
    if (result.subtype === "error") throw new Error(result.description);
    return result.value;
  }

  /** Waits until an expression in the page is true, and gives its value. */
  async until(expression: string): Promise<unknown> {
    const deadline = performance.now() + LIMIT_MS;
    for (;;) {
      const value = await this.evaluate(expression);
      if (value) return value;
      if (performance.now() > deadline) {
        throw new Error(
          `waited in vain for ${expression}:\n${await this.evaluate("document.body.innerText")}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Presses a key, by its name such as `Enter`, or `/`. */
  async press(key: string): Promise<void> {
    const text = key.length === 1 ? key : key === "Enter" ? "\r" : undefined;
    const codes: Record<string, number> = { Enter: 13, Escape: 27, End: 35, ArrowDown: 40 };
    const options = { key, windowsVirtualKeyCode: codes[key] };
    await this.call("Input.dispatchKeyEvent", { type: "keyDown", text, ...options });
    await this.call("Input.dispatchKeyEvent", { type: "keyUp", ...options });
  }

  /** Types a text where the focus is. */
  async type(text: string): Promise<void> {
    await this.call("Input.insertText", { text });
  }

  /** Clicks where the first element that a selector finds is. */
  async click(selector: string): Promise<void> {
    const [x, y] = await this.evaluate(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      element.scrollIntoView({ block: "center" });
      const { x, y, width, height } = element.getBoundingClientRect();
      return [x + width / 2, y + height / 2];
    })()`) as [number, number];
    const at = { x, y, button: "left", clickCount: 1 };
    await this.call("Input.dispatchMouseEvent", { type: "mousePressed", ...at });
    await this.call("Input.dispatchMouseEvent", { type: "mouseReleased", ...at });
  }

  /** A picture of the whole page, or of so much of it from its top, as PNG. */
  async screenshot(part?: { width: number; height: number }): Promise<Uint8Array<ArrayBuffer>> {
    const clip = part && { clip: { ...part, x: 0, y: 0, scale: 1 } };
    const options = { captureBeyondViewport: true, ...clip };
    const { data } = await this.call("Page.captureScreenshot", options);
    return Uint8Array.from(atob(data as string), (each) => each.charCodeAt(0));
  }

  /** Calls a method of the protocol. */
  async call(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = this.#next++;
    const answer = Promise.withResolvers<Message>();
    this.#answers.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params }));
    const limit = setTimeout(() => answer.reject(new Error(`${method}: no answer`)), LIMIT_MS);
    try {
      const { error, result = {} } = await answer.promise;
      if (error) throw new Error(`${method}: ${error.message}`);
      return result;
    } finally {
      clearTimeout(limit);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.close();
    killIfRunning(this.#process);
    await this.#process.stderr.cancel().catch(() => {});
    await this.#process.status;
    // Its helpers may write a moment longer.
    for (let tries = 1; tries <= 50; tries++) {
      try {
        return this.#folder[Symbol.dispose]();
      } catch (error) {
        if (tries === 50) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  /** Finds the page by what Chromium writes at its start. */
  async #connect(): Promise<void> {
    const reader = this.#process.stderr.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    let port: string | undefined;
    while (port === undefined) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`chromium ended: ${said}`);
      said += value;
      port = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1];
    }
    reader.releaseLock();
    const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
    const page = targets.find(({ type }: { type: string }) => type === "page");
    this.#socket = new WebSocket(page.webSocketDebuggerUrl);
    const opened = Promise.withResolvers<void>();
    this.#socket.onopen = () => opened.resolve();
    this.#socket.onerror = () => opened.reject(new Error("chromium does not answer"));
    this.#socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    await opened.promise;
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await this.call(`${domain}.enable`);
  }

  #receive({ method, params, ...message }: Message): void {
    if (message.id !== undefined) {
      this.#answers.get(message.id)?.resolve(message);
      this.#answers.delete(message.id);
    }
    switch (method) {
      case "Page.loadEventFired":
        return this.#loaded.resolve();
      case "Runtime.consoleAPICalled":
      case "Runtime.exceptionThrown":
      case "Log.entryAdded":
        this.complaints.push(JSON.stringify(params));
        return;
      case "Network.requestWillBeSent": {
        const { url } = params!.request as { url: string };
        const isExpected = url.startsWith(this.#origin) || url === "about:blank";
        if (!isExpected) this.complaints.push(`asks for ${url}`);
      }
    }
  }
}
