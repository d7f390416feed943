/**
 * What the queries of the API mean, and what is wrong with one.
 *
 * @module
 */
import { LIST_ORDERS, type ListQuery } from "../../monitor/monitor.ts";
import { SESSION_STATES, type SessionStateName } from "../../monitor/reading.ts";

/** How many sessions are listed if the query does not say. */
const DEFAULT_COUNT = 100;

/** How many sessions, or outages, a query may ask for. */
export const MAX_COUNT = 500;

const MAX_FROM = 100_000_000;

/** How long the text may be that is searched for. */
const MAX_SEARCH = 200;

/** A query for sessions. */
export interface SessionsQuery extends ListQuery {
  /** Whether the states over time are asked for, too. */
  readonly history: boolean;
  /** How many to leave out from the first. */
  readonly from: number;
  /** How many at most. */
  readonly count: number;
}

/** A query that means nothing. Its message says what would be right. */
export class QueryError extends Error {
  /** The name of this kind of error. */
  override readonly name = "QueryError";
}

/**
 * The query of `/api/sessions`.
 *
 * @throws {QueryError} If it is none.
 */
export function sessionsQuery(query: URLSearchParams): SessionsQuery {
  const known = ["order", "descending", "search", "states", "from", "count", "history"];
  refuseUnknown(query, known);
  const order = query.get("order") ?? "worst";
  if (!isOneOf(order, LIST_ORDERS)) throw wrong("order", LIST_ORDERS.join(", "));
  const states = query.get("states")?.split(",").filter((each) => each !== "");
  if (!states?.every((each) => isOneOf(each, SESSION_STATES)) && states) {
    throw wrong("states", `some of ${SESSION_STATES.join(", ")}, with commas`);
  }
  const search = query.get("search") ?? "";
  if (search.length > MAX_SEARCH) throw wrong("search", `at most ${MAX_SEARCH} characters`);
  return {
    order,
    descending: switchOf(query, "descending"),
    ...search !== "" && { search },
    ...states && states.length > 0 && { states: states as SessionStateName[] },
    from: numberOf(query, "from", 0, MAX_FROM),
    count: numberOf(query, "count", DEFAULT_COUNT, MAX_COUNT),
    history: switchOf(query, "history"),
  };
}

/**
 * How many outages a query of `/api/outages` asks for, and of which session.
 *
 * @throws {QueryError} If it is no such query.
 */
export function outagesQuery(query: URLSearchParams): { count: number; session?: string } {
  refuseUnknown(query, ["count", "session"]);
  const session = query.get("session");
  return {
    count: numberOf(query, "count", DEFAULT_COUNT, MAX_COUNT),
    ...session !== null && { session },
  };
}

/**
 * Refuses a query where there is none.
 *
 * @throws {QueryError} If there is one.
 */
export function refuseUnknown(query: URLSearchParams, known: readonly string[]): void {
  for (const name of query.keys()) {
    if (!known.includes(name)) {
      const which = known.length === 0 ? "there are none here" : `known are ${known.join(", ")}`;
      throw new QueryError(`unknown parameter in the query; ${which}`);
    }
    if (query.getAll(name).length > 1) throw new QueryError(`${name}: given twice; keep one`);
  }
}

function isOneOf<T extends string>(text: string, all: readonly T[]): text is T {
  return (all as readonly string[]).includes(text);
}

function switchOf(query: URLSearchParams, name: string): boolean {
  const text = query.get(name) ?? "false";
  if (text !== "true" && text !== "false") throw wrong(name, "true or false");
  return text === "true";
}

function numberOf(query: URLSearchParams, name: string, otherwise: number, most: number): number {
  const text = query.get(name) ?? String(otherwise);
  if (!/^\d{1,9}$/.test(text) || Number(text) > most) {
    throw wrong(name, `a whole number from 0 to ${most}`);
  }
  return Number(text);
}

function wrong(name: string, expected: string): QueryError {
  return new QueryError(`${name}: expected ${expected}`);
}
