/**
 * The style sheet of the report's page: light and dark, narrow and wide, and on paper.
 *
 * @module
 */

/** The style sheet. */
export const STYLE = `
:root { --ink: #1b1f24; --soft: #57606a; --paper: #fff; --line: #d0d7de; --link: #0757c0;
  --data: #2f8f4e; --heartbeat: #d08700; --none: #b9c0c8; --outage: #c9252d; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa5b1; --paper: #12161b; --line: #333b44; --link: #75b3ff;
    --data: #46b368; --heartbeat: #e0a030; --none: #4a525b; --outage: #ff6b6b; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.6rem; margin: 0.5rem 0 1rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 0.6rem; }
p { margin: 0.5rem 0; overflow-wrap: anywhere; }
a { color: var(--link); }
code, pre { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 0.86em; }
code { overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: 0.6rem 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.9rem 0.3rem 0;
  border-bottom: 1px solid var(--line); white-space: nowrap; font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-weight: 600; }
.note { border-left: 4px solid var(--heartbeat); padding-left: 0.7rem; }
.verdict { border-left: 4px solid var(--outage); padding-left: 0.7rem; font-weight: 600; }
section { border-top: 1px solid var(--line); margin-top: 2rem; scroll-margin-top: 0.5rem; }
section h2 { margin-top: 1rem; }
section:target { outline: 2px solid var(--link); outline-offset: 0.4rem; }
dl { margin: 0.8rem 0; }
dl > div { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: 0.15rem 0; }
dt { color: var(--soft); width: 9rem; flex: none; }
dd { margin: 0; flex: 1 1 18rem; overflow-wrap: anywhere; }
summary { cursor: pointer; padding: 0.2rem 0; color: var(--link); }
pre { overflow-x: auto; border: 1px solid var(--line); padding: 0.6rem; margin: 0.3rem 0 0.8rem; }
svg { display: block; width: 100%; min-width: 40rem; height: auto; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .data { fill: var(--data); } svg .heartbeat { fill: var(--heartbeat); }
svg .none { fill: var(--none); } svg .grid { stroke: var(--line); }
svg .outage { fill: var(--outage); fill-opacity: 0.16; stroke: var(--outage); }
svg .number { fill: var(--outage); font-weight: 700; }
svg a:hover .outage, svg a:focus .outage { fill-opacity: 0.4; }
svg .range { fill: var(--link); fill-opacity: 0.3; }
svg .mean { stroke: var(--link); fill: none; stroke-width: 1.5; }
.legend span { margin-right: 1rem; white-space: nowrap; }
.legend i { display: inline-block; width: 0.9em; height: 0.9em; margin-right: 0.4em;
  vertical-align: -0.1em; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
@page { size: A4; margin: 14mm; }
@media print {
  :root { --ink: #000; --soft: #444; --paper: #fff; --line: #bbb; --link: #000; --data: #2f8f4e;
    --heartbeat: #d08700; --none: #b9c0c8; --outage: #c9252d; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  svg { min-width: 0; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  th, td { white-space: normal; padding-right: 0.5rem; font-size: 8.5pt; }
  section, tr, svg { break-inside: avoid; }
  section:has(details) { break-inside: auto; }
  h2 { break-after: avoid; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 7pt; }
  details::details-content { content-visibility: visible; display: block; height: auto; }
}
`;
