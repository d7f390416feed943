/// <reference lib="dom" />
/**
 * The web page: an overview of all sessions, or one session, as the part of the address behind `#` says.
 *
 * The folder: `live.ts` receives what is shown, `totals.ts`, `session_list.ts`, `outage_table.ts` and
 * `session_view.ts` show it, `band.ts` draws states over time and `plot.ts` round trips, `text.ts` writes times.
 * `deno task page` makes `dist/page/` of it, which `lib/output/web/page_files.ts` serves. All text stands in the
 * page as text: nothing that a peer sends is ever parsed as markup.
 *
 * @module
 */
import { html } from "htm/preact";
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { type Live, startLive } from "./live.ts";
import { OutageTable } from "./outage_table.ts";
import { SessionList } from "./session_list.ts";
import { SessionView } from "./session_view.ts";
import { clockText } from "./text.ts";
import { Totals } from "./totals.ts";

/** The session that the address names, if it does. */
function sessionOfAddress(): string | undefined {
  const [, id] = /^#session=(.+)$/.exec(location.hash) ?? [];
  try {
    return id === undefined ? undefined : decodeURIComponent(id);
  } catch {
    return undefined;
  }
}

/** Says so when what is shown is no more up to date. */
function Connection({ live }: { live: Live }) {
  const { overview, staleSince_ms } = live;
  const text = staleSince_ms !== undefined
    ? `No answer from the server since ${
      clockText(staleSince_ms)
    }: what is shown is from then. Trying again…`
    : "";
  const problems = overview?.health.problems ?? [];
  return html`
    <div role="status" class=${text ? "notice stale" : ""}>${text}</div>
    ${problems.length > 0 && html`
      <div role="alert" class="notice problem">${problems.join(" ")}</div>
    `}
  `;
}

function Page() {
  const [live, setLive] = useState<Live>({ received: 0 });
  const [session, setSession] = useState(sessionOfAddress());
  useEffect(() => startLive(setLive), []);
  useEffect(() => {
    const follow = () => setSession(sessionOfAddress());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const isFirst = useRef(true);
  useEffect(() => {
    // Whoever works without a mouse goes on in what is shown now.
    if (!isFirst.current) document.querySelector<HTMLElement>("#main")?.focus();
    isFirst.current = false;
  }, [session]);
  const { overview } = live;
  const silent = overview?.totals.silent ?? 0;
  document.title = `${silent > 0 ? `(${silent} silent) ` : ""}${session ?? "Pulsewire"}`;
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the sessions</a>
    <header>
      <h1><a href="#">Pulsewire <span>${overview?.role ?? ""}</span></a></h1>
      ${overview && html`<p>running since ${clockText(overview.started_ms)}</p>`}
    </header>
    <${Connection} live=${live} />
    <main id="main" tabindex="-1">
      ${session !== undefined
        ? html`
          <${SessionView} session=${session} live=${live} />
        `
        : html`
          <${Totals} overview=${overview} />
          <${SessionList} live=${live} />
          <section aria-labelledby="outages">
            <h2 id="outages">Outages</h2>
            <${OutageTable} outages=${overview?.outages} hasSession />
          </section>
        `}
    </main>
  `;
}

/** The address is for sessions: going to the main part must not change it. */
function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#main")?.focus();
}

render(html`<${Page} />`, document.body);
