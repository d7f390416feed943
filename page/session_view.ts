/// <reference lib="dom" />
/**
 * One session: its states, its round trips, its ledger and its outages.
 *
 * @module
 */
import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import type { SessionDocument, SessionHistoryDocument } from "../lib/output/web/documents.ts";
import { Band, spanFor, SPANS } from "./band.ts";
import { type Live, useAnswer } from "./live.ts";
import { OutageTable } from "./outage_table.ts";
import { RoundTripPlot } from "./plot.ts";
import { clockText, countText, durationText, nextText, roundTripText } from "./text.ts";

/** A session, by its id. */
export function SessionView({ live, session }: { live: Live; session: string }) {
  const path = `/api/sessions/${encodeURIComponent(session)}`;
  const { document: history, status } = useAnswer<SessionHistoryDocument>(path, live);
  const [chosen_ms, setChosen] = useState(0);
  useEffect(() => {
    const leave = (event: KeyboardEvent) => {
      if (event.key === "Escape") location.hash = "";
    };
    addEventListener("keydown", leave);
    return () => removeEventListener("keydown", leave);
  }, []);
  const now_ms = history?.time_ms ?? 0;
  const known_ms = now_ms - (history?.session.states?.known_since_ms ?? now_ms);
  const span_ms = chosen_ms || spanFor(known_ms);
  const span = { from_ms: now_ms - span_ms, to_ms: now_ms };
  return html`
    <nav><a href="#">← All sessions</a></nav>
    <h2 class="id">${session}</h2>
    ${status === 404 && html`<p>No session of this id is known here any more.</p>`}
    ${history && html`
      <p class="now">
        <span class=${`state of-${history.session.state}`}>${history.session.state}</span>
        <span>for ${durationText(history.session.state_ms)}</span>
        <span class="quiet">${nextText(history.session)}</span>
      </p>
      <section aria-labelledby="states">
        <h3 id="states">States</h3>
        <div class="controls"><label>Show <select value=${span_ms}
          onChange=${(event: Event) =>
            setChosen(Number((event.target as HTMLSelectElement).value))}>
          ${SPANS.map((each) => html`<option value=${each}>${durationText(each)}</option>`)}
        </select></label></div>
        <${Band} states=${history.session.states} span=${span} height=${34} />
        <p class="axis quiet"><span>${clockText(span.from_ms)}</span><span>${clockText(
          span.to_ms,
        )}</span></p>
      </section>
      <section aria-labelledby="trips">
        <h3 id="trips">Round trips</h3>
        <${RoundTripPlot} history=${history} span=${span} />
      </section>
      <section aria-labelledby="ledger">
        <h3 id="ledger">Ledger</h3>
        <${Ledger} history=${history} />
      </section>
      <section aria-labelledby="outages">
        <h3 id="outages">Outages</h3>
        <${OutageTable} outages=${history.outages} />
      </section>
    `}
  `;
}

function Ledger({ history }: { history: SessionHistoryDocument }) {
  const { percentiles } = history.round_trips;
  const { session } = history;
  return html`
    <dl class="ledger">
      ${[...factsOf(session), [
        "round trip",
        `last ${roundTripText(session.rtt_ms)}, median ${roundTripText(percentiles.p50_ms)}, ` +
        `99 % ${roundTripText(percentiles.p99_ms)}, longest ${roundTripText(percentiles.max_ms)}`,
      ]].map(([name, text]) =>
        html`
          <div>
            <dt>${name}</dt>
            <dd>${text}</dd>
          </div>
        `
      )}
    </dl>
  `;
}

function factsOf(session: SessionDocument): [name: string, text: string][] {
  const { quiet_ms, who } = session;
  return [
    ["peer", session.peer],
    ...who === null ? [] : [["key", who] as [string, string]],
    ["age", durationText(session.age_ms)],
    ["last heard", quiet_ms === null ? "never" : `${durationText(quiet_ms)} ago`],
    ["sent", countText(session.sent)],
    ["received", countText(session.received)],
    ["confirmed", countText(session.confirmed)],
    ["in doubt", countText(session.in_doubt)],
    ["connections", countText(session.connections)],
    ["silences", countText(session.silences)],
  ];
}
