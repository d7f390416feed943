/**
 * Replacement for `@std/assert` where jsr.io cannot be reached: the assertions of the tests.
 *
 * @module
 */
import { AssertionError as Comparison } from "node:assert";
import { stripVTControlCharacters } from "node:util";
import { equal } from "./equal.ts";

/** A class, abstract or not, whose instances are of this type. */
export type ClassOf<Instance> = abstract new (...args: never[]) => Instance;

/** Error of a failed assertion. */
export class AssertionError extends Error {
  /** Creates an error whose message says what was expected. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** Fails. */
export function fail(msg?: string): never {
  throw failure("Failed assertion", msg);
}

/** Checks that the expression is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Checks that the value is neither `null` nor `undefined`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) throw failure(`There is no value: ${actual}`, msg);
}

/** Checks that the values are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) throw difference("Values are not equal", actual, expected, msg);
}

/** Checks that the values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) throw failure(`Both values are ${show(actual)}`, msg);
}

/** Checks that the values are the same by `Object.is`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  throw difference("Values are not strictly equal", actual, expected, msg);
}

/** Checks that `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) throw disorder(actual, ">", expected, msg);
}

/** Checks that `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) throw disorder(actual, ">=", expected, msg);
}

/** Checks that `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) throw disorder(actual, "<", expected, msg);
}

/** Checks that `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) throw disorder(actual, "<=", expected, msg);
}

/** Checks that the numbers differ by the tolerance at most: without one, by 1e-7 of `expected`. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ?? 1e-7 * (Number.isFinite(expected) ? Math.abs(expected) : 1);
  const delta = Math.abs(expected - actual);
  if (delta <= allowed) return;
  throw failure(`${actual} is not close to ${expected}: off by ${delta}, not ${allowed}`, msg);
}

/** Checks that the text contains the expected one. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) throw failure(`${show(actual)} lacks ${show(expected)}`, msg);
}

/** Checks that the text matches. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) throw failure(`${show(actual)} does not match ${expected}`, msg);
}

/** Checks that the value is an instance of the class. */
export function assertInstanceOf<Instance>(
  actual: unknown,
  expectedType: ClassOf<Instance>,
  msg?: string,
): asserts actual is Instance {
  if (actual instanceof expectedType) return;
  throw failure(`${show(actual)} is not an instance of ${expectedType.name}`, msg);
}

/** Checks that the function throws, and returns what it throws. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Checks that the function throws such an error, and returns the error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ClassOf<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: ClassOf<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const note = typeof classOrMsg === "string" ? classOrMsg : msg;
  try {
    fn();
  } catch (error) {
    if (typeof classOrMsg === "function") checkError(error, classOrMsg, msgIncludes, note);
    return error;
  }
  throw failure("The function did not throw", note);
}

/** Checks that the function's promise is rejected, and returns the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Checks that the function's promise is rejected with such an error, and returns the error. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ClassOf<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ClassOf<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const note = typeof classOrMsg === "string" ? classOrMsg : msg;
  const promise = promiseOf(fn, note);
  try {
    await promise;
  } catch (error) {
    if (typeof classOrMsg === "function") checkError(error, classOrMsg, msgIncludes, note);
    return error;
  }
  throw failure("The promise was not rejected", note);
}

/** Calls a function that must return a promise, and not throw. */
function promiseOf(fn: () => PromiseLike<unknown>, msg?: string): PromiseLike<unknown> {
  let promise;
  try {
    promise = fn();
  } catch (cause) {
    throw failure("The function threw, instead of giving a promise that rejects", msg, { cause });
  }
  if (typeof promise?.then === "function") return promise;
  throw failure("The function gave no promise", msg);
}

function checkError(error: unknown, expected: ClassOf<Error>, text = "", msg?: string): void {
  if (!(error instanceof expected)) {
    throw failure(`${String(error)} is not an instance of ${expected.name}`, msg, { cause: error });
  }
  if (stripVTControlCharacters(error.message).includes(stripVTControlCharacters(text))) return;
  throw failure(`The error's message is ${show(error.message)}, without ${show(text)}`, msg, {
    cause: error,
  });
}

function failure(what: string, msg?: string, options?: ErrorOptions): AssertionError {
  return new AssertionError(msg ? `${what}: ${msg}` : what, options);
}

function disorder(
  actual: unknown,
  relation: string,
  expected: unknown,
  msg?: string,
): AssertionError {
  return new AssertionError(msg ?? `Not so: ${show(actual)} ${relation} ${show(expected)}`);
}

function difference(
  what: string,
  actual: unknown,
  expected: unknown,
  msg?: string,
): AssertionError {
  const { message } = new Comparison({ actual, expected, operator: "deepStrictEqual" });
  return new AssertionError(`${failure(what, msg).message}\n${message}`);
}

function show(value: unknown): string {
  return Deno.inspect(value, { depth: 10, strAbbreviateSize: 10_000 });
}
