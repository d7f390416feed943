/**
 * Outages as a table.
 *
 * @module
 */
import { html } from "htm/preact";
import type { OutageDocument } from "../lib/output/web/documents.ts";
import { clockText, durationText, words } from "./text.ts";

interface Props {
  outages?: readonly OutageDocument[];
  /** Whether they are of more than one session. */
  hasSession?: boolean;
}

/** The outages, the latest first. */
export function OutageTable({ hasSession, outages }: Props) {
  if (!outages) return html`<p class="quiet">…</p>`;
  if (outages.length === 0) return html`<p class="quiet">There was none.</p>`;
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label="Outages">
      <table>
        <thead>
          <tr>
          ${hasSession && html`<th scope="col">session</th>`}
          <th scope="col">from</th><th scope="col">lasted</th><th scope="col">outcome</th>
          <th scope="col">cause</th><th scope="col">began</th><th scope="col">noticed first</th>
          <th scope="col">silent for</th><th scope="col">in doubt</th>
        </tr>
        </thead>
        <tbody>${outages.map((outage) => row(outage, hasSession))}</tbody>
      </table>
    </div>
  `;
}

function row(outage: OutageDocument, hasSession?: boolean) {
  const { at, began_ms, cause, ended_ms, in_doubt, outcome, session, silent_ms } = outage;
  return html`
    <tr key=${`${session} ${began_ms}`}>
      ${hasSession && html`
        <th scope="row"><a href=${`#session=${encodeURIComponent(session)}`}>${session}</a></th>
      `}
      <td>${clockText(began_ms)}</td>
      <td>${ended_ms === null ? "" : durationText(ended_ms - began_ms)}</td>
      <td><span class=${`outcome of-${outcome}`}>${outcome}</span></td>
      <td>${words(cause)}${at && ` at the ${at}`}</td>
      <td>${words(outage.began)}</td>
      <td>${words(outage.first_noticed_by)}</td>
      <td>${silent_ms === null ? "" : durationText(silent_ms)}</td>
      <td>${in_doubt ?? ""}</td>
    </tr>
  `;
}
