/// <reference lib="dom" />
/**
 * The list of all sessions: of thousands, only those in view are asked for and shown.
 *
 * @module
 */
import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ListOrder } from "../lib/monitor/monitor.ts";
import type { SessionDocument, SessionsDocument } from "../lib/output/web/documents.ts";
import { Band, type Span, spanFor, SPANS } from "./band.ts";
import { type Live, useAnswer } from "./live.ts";
import { countText, durationText, nextText, roundTripText } from "./text.ts";

/** How many sessions are asked for at a time, from a multiple of `STEP` on: alike for all who look on. */
const COUNT = 60;
const STEP = 20;

/** How long, in milliseconds, nothing is typed before it is searched for. */
const TYPING_MS = 250;

const STATES = ["silent", "away", "lost", "held", "connecting", "ok", "idle", "ended"];

const COLUMNS: readonly [order: ListOrder, name: string][] = [
  ["worst", "state"],
  ["session", "session"],
  ["peer", "peer"],
  ["age", "age"],
  ["round_trip", "round trip"],
  ["in_doubt", "in doubt"],
];

/** The order, the search and the states that are asked for. */
interface Wanted {
  readonly order: ListOrder;
  readonly descending: boolean;
  readonly search: string;
  readonly state: string;
}

function pathOf({ descending, order, search, state }: Wanted, from: number): string {
  const query = new URLSearchParams({ order, descending: `${descending}`, from: `${from}` });
  if (search) query.set("search", search);
  if (state) query.set("states", state);
  return `/api/sessions?${query}&count=${COUNT}&history=true`;
}

/** What was asked for last: whoever comes back from a session finds it as it was. */
let lastWanted: Wanted = { order: "worst", descending: false, search: "", state: "" };

/** The list, with what controls it. */
export function SessionList({ live }: { live: Live }) {
  const [wanted, setWanted] = useState(lastWanted);
  const [span_ms, setSpan] = useState(0);
  const [first, setFirst] = useState(0);
  const [active, setActive] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const from = Math.max(0, Math.floor((first - STEP) / STEP) * STEP);
  const { document: answer } = useAnswer<SessionsDocument>(pathOf(wanted, from), live);
  const rowHeight = useRowHeight();
  const change = (next: Partial<Wanted>) => {
    lastWanted = { ...wanted, ...next };
    setWanted(lastWanted);
    setActive(0);
    box.current?.scrollTo(0, 0);
  };
  const matched = answer?.matched ?? 0;
  const now_ms = answer?.time_ms ?? 0;
  const shownSpan_ms = span_ms || spanFor(now_ms - (live.overview?.started_ms ?? now_ms));
  const span = { from_ms: now_ms - shownSpan_ms, to_ms: now_ms };
  const onKeyDown = (event: KeyboardEvent) => {
    // The buttons of the heading have keys of their own.
    if (event.target !== event.currentTarget) return;
    const page = Math.max(1, Math.floor(box.current!.clientHeight / rowHeight) - 1);
    const next = nextActive(event.key, active, matched, page);
    if (event.key === "Enter") {
      const row = answer?.sessions[active - answer.from];
      if (row) location.hash = `session=${encodeURIComponent(row.session)}`;
    }
    if (next === undefined) return;
    event.preventDefault();
    setActive(next);
    scrollIntoView(box.current!, next, rowHeight);
  };
  return html`
    <section aria-labelledby="sessions">
      <h2 id="sessions">Sessions <span class="quiet">${answer
        ? countText(matched)
        : "…"}</span></h2>
      <${Controls} wanted=${wanted} change=${change} span_ms=${shownSpan_ms} setSpan=${setSpan} />
      <div class="list" role="grid" aria-rowcount=${matched + 1} tabindex="0" onKeyDown=${onKeyDown}
        aria-activedescendant=${`row-${active}`} aria-label="Sessions; arrow keys and Enter open one">
        <div class="row head" role="row" aria-rowindex="1">
          ${COLUMNS.map(([order, name]) =>
            html`<${Column} ...${{ order, name, wanted, change }} />`
          )}
          <span role="columnheader" class="at-band">last ${durationText(shownSpan_ms)}</span>
          <span role="columnheader" class="at-next">next</span>
        </div>
        <div class="rows" ref=${box} tabindex="-1" role="rowgroup"
          onScroll=${() => setFirst(Math.floor(box.current!.scrollTop / rowHeight))}>
          <div class="all" style=${{ height: `${matched * rowHeight}px` }}>
            ${answer?.sessions.map((row, at) => {
              const index = answer.from + at;
              return html`
                <${Row} key=${row.session} ...${{
                  row,
                  index,
                  rowHeight,
                  span,
                }} isActive=${index === active} />
              `;
            })}
            ${answer && matched === 0 && html`<p class="quiet none">No session matches.</p>`}
          </div>
        </div>
      </div>
    </section>
  `;
}

/** The row that a key leads to; `undefined` of any other key. */
function nextActive(key: string, active: number, count: number, page: number): number | undefined {
  const to: Record<string, number> = {
    ArrowDown: active + 1,
    ArrowUp: active - 1,
    PageDown: active + page,
    PageUp: active - page,
    Home: 0,
    End: count - 1,
  };
  const next = to[key];
  return next === undefined ? undefined : Math.max(0, Math.min(count - 1, next));
}

function scrollIntoView(box: HTMLElement, index: number, rowHeight: number): void {
  const top = index * rowHeight;
  if (top < box.scrollTop) box.scrollTop = top;
  const bottom = top + rowHeight - box.clientHeight;
  if (bottom > box.scrollTop) box.scrollTop = bottom;
}

/** How high a row is in this window: `style.css` has the same. */
function useRowHeight(): number {
  const narrow = matchMedia("(max-width: 800px)");
  const [isNarrow, setNarrow] = useState(narrow.matches);
  useEffect(() => {
    const changed = () => setNarrow(narrow.matches);
    narrow.addEventListener("change", changed);
    return () => narrow.removeEventListener("change", changed);
  }, []);
  return isNarrow ? 66 : 38;
}

interface ControlsProps {
  wanted: Wanted;
  change: (next: Partial<Wanted>) => void;
  span_ms: number;
  setSpan: (span_ms: number) => void;
}

function Controls({ change, setSpan, span_ms, wanted }: ControlsProps) {
  const typing = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      field.current?.focus();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);
  const search = (event: Event) => {
    clearTimeout(typing.current);
    const { value } = event.target as HTMLInputElement;
    typing.current = setTimeout(() => change({ search: value.trim() }), TYPING_MS);
  };
  const valueOf = (event: Event) => (event.target as HTMLSelectElement).value;
  // The columns are its options.
  const orderOf = (event: Event) => valueOf(event) as ListOrder;
  return html`
    <form class="controls" role="search" onSubmit=${(event: Event) => event.preventDefault()}>
      <label>Search <input ref=${field} type="search" maxlength="200" placeholder="id, peer or key  ( / )"
        defaultValue=${wanted.search} onInput=${search} /></label>
      <label>State <select value=${wanted.state}
        onChange=${(event: Event) => change({ state: valueOf(event) })}>
        <option value="">all</option>
        ${STATES.map((state) => html`<option value=${state}>${state}</option>`)}
      </select></label>
      <label>Order <select value=${wanted.order}
        onChange=${(event: Event) => change({ order: orderOf(event), descending: false })}>
        <option value="worst">worst first</option>
        ${COLUMNS.slice(1).map(([order, name]) => html`<option value=${order}>${name}</option>`)}
      </select></label>
      <label>Band <select value=${span_ms}
        onChange=${(event: Event) => setSpan(Number(valueOf(event)))}>
        ${SPANS.map((each) => html`<option value=${each}>${durationText(each)}</option>`)}
      </select></label>
    </form>
  `;
}

interface ColumnProps {
  order: ListOrder;
  name: string;
  wanted: Wanted;
  change: (next: Partial<Wanted>) => void;
}

function Column({ change, name, order, wanted }: ColumnProps) {
  const isOrder = wanted.order === order;
  const isDescending = isOrder && wanted.descending;
  const sort = isOrder ? (isDescending ? "descending" : "ascending") : "none";
  const turn = () => change({ order, descending: isOrder && !wanted.descending });
  return html`
    <span role="columnheader" class=${`at-${order}`} aria-sort=${sort}>
      <button type="button" onClick=${turn}>
        ${name}<span aria-hidden="true">${isOrder ? (isDescending ? " ↑" : " ↓") : ""}</span>
      </button>
    </span>
  `;
}

interface RowProps {
  row: SessionDocument;
  index: number;
  rowHeight: number;
  span: Span;
  isActive: boolean;
}

function Row({ index, isActive, row, rowHeight, span }: RowProps) {
  const { age_ms, in_doubt, peer, rtt_ms, session, state, state_ms, states, who } = row;
  const place = { top: `${index * rowHeight}px`, height: `${rowHeight}px` };
  const open = () => location.hash = `session=${encodeURIComponent(session)}`;
  return html`
    <div class=${`row${isActive ? " active" : ""}`} role="row" id=${`row-${index}`} style=${place}
      aria-rowindex=${index + 2} onClick=${open}>
      <span role="gridcell" class="at-worst">
        <span class=${`state of-${state}`}>${state}</span> ${durationText(state_ms)}
      </span>
      <span role="gridcell" class="at-session" title=${session}>
        <a href=${`#session=${encodeURIComponent(session)}`} tabindex="-1">${session}</a>
        ${who && html`
          <small>${who}</small>
        `}
      </span>
      <span role="gridcell" class="at-peer" title=${peer}>${peer}</span>
      <span role="gridcell" class="at-age">${durationText(age_ms)}</span>
      <span role="gridcell" class="at-round_trip">${roundTripText(rtt_ms)}</span>
      <span role="gridcell" class="at-in_doubt">${countText(in_doubt)}</span>
      <span role="gridcell"
        class="at-band"><${Band} states=${states} span=${span} height=${18} /></span>
      <span role="gridcell" class="at-next">${nextText(row)}</span>
    </div>
  `;
}
