/**
 * What a peer does on its connections, step by step: recorded, mutated, printed, and read again.
 *
 * @module
 */

/** A step of an {@linkcode Exchange}. */
export type Step =
  /** Bytes are sent on a connection; the first step of a connection opens it. */
  | { readonly on: number; readonly bytes: Uint8Array }
  /** A connection is closed for writing, or wholly, or reset; or it is not read any more. */
  | { readonly on: number; readonly act: "finish" | "close" | "reset" | "deafen" }
  /** Time passes. */
  | { readonly wait_ms: number };

/** What a peer does. */
export type Exchange = readonly Step[];

/** How many bytes an exchange sends. */
export function sizeOf(exchange: Exchange): number {
  return exchange.reduce((sum, step) => sum + ("bytes" in step ? step.bytes.length : 0), 0);
}

/** Makes a step of a text, each character a byte. */
export function say(on: number, text: string): Step {
  return { on, bytes: Uint8Array.from(text, (character) => character.charCodeAt(0)) };
}

/** The bytes as a text, each byte a character. */
export function textOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** An exchange as a line of JSON. */
export function printExchange(exchange: Exchange): string {
  return JSON.stringify(
    exchange.map((step) => "bytes" in step ? { on: step.on, say: textOf(step.bytes) } : step),
  );
}

/** Reads what {@linkcode printExchange} has printed. */
export function parseExchange(line: string): Exchange {
  const steps: (Step | { on: number; say: string })[] = JSON.parse(line);
  return steps.map((step) => "say" in step ? say(step.on, step.say) : step);
}

/** Whether a session is asked for that is to be idle. */
export function asksForIdle(exchange: Exchange): boolean {
  const said = new Map<number, string>();
  for (const step of exchange) {
    if (!("bytes" in step)) continue;
    const text = new TextDecoder("latin1").decode(step.bytes);
    said.set(step.on, (said.get(step.on) ?? "") + text);
  }
  return [...said.values()].some((text) => text.includes('"idle"'));
}
