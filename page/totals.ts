/**
 * All sessions together, in a few numbers.
 *
 * @module
 */
import { html } from "htm/preact";
import type { OverviewDocument } from "../lib/output/web/documents.ts";
import { countText, lostOf, roundTripText } from "./text.ts";

/** The totals; empty boxes before there are any. */
export function Totals({ overview }: { overview?: OverviewDocument }) {
  const totals = overview?.totals;
  const live = totals && totals.phases.connecting + totals.phases.data + totals.phases.heartbeat;
  const lost = overview && lostOf(overview);
  const boxes: [string, string | undefined, string][] = [
    ["sessions", text(live), ""],
    ["silent now", text(totals?.silent), totals?.silent ? "silent" : ""],
    ["held", text(totals?.held), totals?.held ? "held" : ""],
    ["lost", text(lost), lost ? "lost" : ""],
    ["silences", text(totals?.silences), ""],
    ["recovered", text(totals?.recoveries), ""],
    ["in doubt", text(totals?.in_doubt), ""],
    ["confirmed", text(totals?.data_confirmed), ""],
    ["round trip 50 %", totals && roundTripText(totals.round_trip.p50_ms), ""],
    ["round trip 99 %", totals && roundTripText(totals.round_trip.p99_ms), ""],
  ];
  return html`
    <section aria-label="All sessions together">
      <dl class="totals">
        ${boxes.map(([name, value, state]) =>
          html`
            <div class=${state && `of-${state}`}>
              <dt>${name}</dt>
              <dd>${value ?? "…"}</dd>
            </div>
          `
        )}
      </dl>
    </section>
  `;
}

function text(count: number | undefined): string | undefined {
  return count === undefined ? undefined : countText(count);
}
