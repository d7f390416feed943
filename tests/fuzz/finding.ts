/**
 * What a fuzzer finds.
 *
 * @module
 */

/** Something that no peer may bring about. */
export class Finding extends Error {
  override readonly name = "Finding";
}

/** Fails if a condition does not hold. */
export function expect(condition: boolean, text: () => string): asserts condition {
  if (!condition) throw new Finding(text());
}

/** The first error that nobody has caught, of this whole thread. */
class Uncaught {
  #first?: { error: unknown };

  constructor() {
    const onError = (event: PromiseRejectionEvent | ErrorEvent) => {
      event.preventDefault();
      this.#first ??= { error: "reason" in event ? event.reason : event.error };
    };
    globalThis.addEventListener("unhandledrejection", onError);
    globalThis.addEventListener("error", onError);
  }

  /** Fails if there was an error since the last call. */
  check(): void {
    const first = this.#first;
    this.#first = undefined;
    expect(!first, () => `an error is not caught: ${textOfError(first!.error)}`);
  }
}

/** The errors that nobody has caught. */
export const uncaught = new Uncaught();

function textOfError(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
