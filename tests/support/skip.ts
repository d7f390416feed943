/**
 * Tests that not every machine can run: they say why they do not.
 *
 * @module
 */

/** Registers a test; with a reason not to run it, that is printed, and the test is ignored. */
export function testUnless(
  reason: string | undefined,
  name: string,
  test: () => void | Promise<void>,
): void {
  if (reason !== undefined) console.log(`not run: ${name}: ${reason}`);
  Deno.test({ name, fn: test, ignore: reason !== undefined });
}

/** Why a program cannot be used here, found out by running it; `undefined` if it can. */
export function whyNot(program: string, ...args: string[]): string | undefined {
  try {
    const { success, stderr } = new Deno.Command(program, { args, stdin: "null" }).outputSync();
    return success ? undefined : `${program}: ${new TextDecoder().decode(stderr).trim()}`;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return `${program} is not installed`;
  }
}
