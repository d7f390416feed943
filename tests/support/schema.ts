/**
 * Checks documents against the JSON schemas in docs/.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";

/** The keywords that the schemas use. */
interface Rule {
  $ref?: string;
  $defs?: Record<string, Rule>;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  oneOf?: Rule[];
  properties?: Record<string, Rule>;
  required?: string[];
  items?: Rule | false;
  prefixItems?: Rule[];
}

/** A schema in docs/. */
export class Schema {
  readonly #root: Rule;

  /** Reads it. */
  constructor(name: string) {
    const path = new URL(`../../docs/${name}`, import.meta.url);
    this.#root = JSON.parse(Deno.readTextFileSync(path));
  }

  /** Checks that a document, by its name under `$defs` or else the whole schema, has every key and no other. */
  check(name: string | undefined, document: unknown): void {
    const rule = name === undefined ? this.#root : { $ref: `#/$defs/${name}` };
    this.#fits(JSON.parse(JSON.stringify(document)), rule, name ?? "document");
  }

  #fits(value: unknown, { $ref, ...own }: Rule, path: string): void {
    const rule: Rule = $ref ? { ...this.#root.$defs![$ref.replace("#/$defs/", "")], ...own } : own;
    if (rule.oneOf) {
      const isNull = value === null && rule.oneOf.some(({ type }) => type === "null");
      return isNull ? undefined : this.#fits(value, rule.oneOf[0]!, path);
    }
    if (rule.const !== undefined) return assertEquals(value, rule.const, path);
    if (rule.enum) return assert(rule.enum.includes(value), `${path}: ${value}`);
    const type = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
    const types = [rule.type!].flat().map((each) =>
      each === "integer" && Number.isInteger(value) ? "number" : each
    );
    assert(types.includes(type), `${path}: ${type}, not ${types}`);
    if (type === "object") {
      assertEquals(Object.keys(value as object).sort(), Object.keys(rule.properties!).sort(), path);
      assertEquals([...rule.required!].sort(), Object.keys(rule.properties!).sort(), path);
      for (const [key, each] of Object.entries(value as object)) {
        this.#fits(each, rule.properties![key]!, `${path}.${key}`);
      }
    }
    if (type !== "array") return;
    for (const [at, each] of (value as unknown[]).entries()) {
      this.#fits(each, (rule.prefixItems?.[at] ?? rule.items) as Rule, `${path}[${at}]`);
    }
  }
}
