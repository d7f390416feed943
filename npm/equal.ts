/**
 * Deep equality, for `assert.ts`.
 *
 * Node's `isDeepStrictEqual` is too strict, and too lax: it distinguishes 0 from -0, and objects without a
 * prototype from others, and ignores getters.
 *
 * @module
 */

type Seen = Map<object, object>;
type Properties = Record<string | symbol, unknown>;

const BASIC_PROTOTYPES: unknown[] = [Object.prototype, Array.prototype];
const COMPARED_AS_TEXT: unknown[] = [RegExp.prototype, URL.prototype, URLSearchParams.prototype];

/** Whether the values are deeply equal. */
export function equal(left: unknown, right: unknown): boolean {
  return compare(left, right, new Map());
}

/** `seen` has the pairs being compared, because objects may contain themselves. */
function compare(left: unknown, right: unknown, seen: Seen): boolean {
  if (left === right || Object.is(left, right)) return true;
  if (!isObject(left) || !isObject(right)) return false;
  if (left instanceof Date && right instanceof Date) {
    return Object.is(left.getTime(), right.getTime());
  }
  if (prototypeOf(left) !== prototypeOf(right)) return false;
  if (left instanceof WeakMap || left instanceof WeakSet) {
    throw new TypeError(`Cannot compare ${left.constructor.name} instances`);
  }
  if (left instanceof WeakRef && right instanceof WeakRef) {
    return compare(left.deref(), right.deref(), seen);
  }
  if (COMPARED_AS_TEXT.includes(prototypeOf(left))) return String(left) === String(right);
  if (seen.get(left) === right) return true;
  seen.set(left, right);
  return compareContent(left, right, seen);
}

function compareContent(left: object, right: object, seen: Seen): boolean {
  const [elements, others] = [elementsOf(left), elementsOf(right)];
  if (elements && others) {
    return elements.length === others.length &&
      elements.every((element, at) => element === others[at] || Object.is(element, others[at]));
  }
  if (left instanceof Set && right instanceof Set || left instanceof Map && right instanceof Map) {
    return compareEntries(left, right, seen);
  }
  return compareProperties(left as Properties, right as Properties, seen);
}

/** The elements of a typed array or a buffer. */
function elementsOf(object: object): Uint8Array | undefined {
  if (object instanceof ArrayBuffer || object instanceof SharedArrayBuffer) {
    return new Uint8Array(object);
  }
  return ArrayBuffer.isView(object) && !(object instanceof DataView)
    ? object as Uint8Array
    : undefined;
}

function compareEntries<Collection extends Set<unknown> | Map<unknown, unknown>>(
  left: Collection,
  right: Collection,
  seen: Seen,
): boolean {
  if (left.size !== right.size) return false;
  return [...left.entries()].every((entry) => {
    const [key, value] = entry;
    if (isObject(key)) {
      return [...right.entries()].some((other) => compare(entry, other, new Map(seen)));
    }
    return right.has(key) && (right instanceof Set || compare(value, right.get(key), seen));
  });
}

function compareProperties(left: Properties, right: Properties, seen: Seen): boolean {
  const keys = keysOf(left);
  if (keys.symmetricDifference(keysOf(right)).size > 0) return false;
  return [...keys].every((key) => compare(left[key], right[key], seen));
}

/** The names of an object's properties, with the getters of its class. */
function keysOf(object: object): Set<string | symbol> {
  if (BASIC_PROTOTYPES.includes(prototypeOf(object))) {
    return new Set(Reflect.ownKeys({ ...object }));
  }
  const keys = new Set<string | symbol>();
  for (let level = object; level !== null && level !== Object.prototype;) {
    Reflect.ownKeys(level).forEach((key) => keys.add(key));
    level = Object.getPrototypeOf(level);
  }
  return keys;
}

function prototypeOf(object: object): unknown {
  return Object.getPrototypeOf(object) ?? Object.prototype;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
