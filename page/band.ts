/**
 * The states of a session over time, as a band: true to time, with what is not known left empty.
 *
 * @module
 */
import { html } from "htm/preact";
import type { StatesDocument } from "../lib/output/web/documents.ts";
import { clockText, durationText } from "./text.ts";

/** The time that a band shows. */
export interface Span {
  /** Its beginning, in milliseconds since 1970. */
  readonly from_ms: number;
  /** Its end. */
  readonly to_ms: number;
}

/** How wide a band is in its own units; a stretch is at least one of them wide, so that it is seen. */
const WIDTH = 1_000;

interface Props {
  states: StatesDocument | null;
  span: Span;
  /** In pixels. */
  height: number;
}

/** States in which all is well. */
const WELL = ["ok", "idle", "ended"];

/** A band. Its text says what a screen reader can of it: the stretches in which all was not well. */
export function Band({ height, span, states }: Props) {
  const shown = states ? stretchesIn(states, span) : [];
  const bad = shown.filter(({ state }) => !WELL.includes(state));
  const text = !states
    ? "states not known"
    : bad.length === 0
    ? "well all the time"
    : bad.slice(-5).map(stretchText).join("; ");
  return html`
    <svg class="band" viewBox=${`0 0 ${WIDTH} ${height}`} preserveAspectRatio="none"
      height=${height} role="img" aria-label=${text}>
      ${// The bad ones last, so that short ones are not covered.
      [...shown.filter((each) => !bad.includes(each)), ...bad].map((stretch) => {
        const { from, state, width } = stretch;
        return html`
          <rect class=${`fill-${state}`} x=${from} y="0" width=${width} height=${height}>
            <title>${stretchText(stretch)}</title>
          </rect>
        `;
      })}
    </svg>
  `;
}

interface ShownStretch extends Span {
  readonly state: string;
  readonly from: number;
  readonly width: number;
}

function stretchText({ from_ms, state, to_ms }: ShownStretch): string {
  return `${state} from ${clockText(from_ms)} for ${durationText(to_ms - from_ms)}`;
}

/** The stretches that a span has a part of, and where they are drawn. */
export function stretchesIn(
  { known_since_ms, stretches }: StatesDocument,
  { from_ms, to_ms }: Span,
): ShownStretch[] {
  const x = (ms: number) => (ms - from_ms) / (to_ms - from_ms) * WIDTH;
  return stretches.flatMap(([began_ms, state], at) => {
    const ended_ms = stretches[at + 1]?.[0] ?? to_ms;
    const first_ms = Math.max(began_ms, known_since_ms);
    if (ended_ms <= from_ms || first_ms >= to_ms) return [];
    const from = Math.max(0, x(first_ms));
    const width = Math.max(1, Math.min(WIDTH, x(ended_ms)) - from);
    return [{ from_ms: first_ms, to_ms: ended_ms, state, from, width }];
  });
}

/** The spans to choose from, in milliseconds. */
export const SPANS: readonly number[] = [5, 15, 60, 3 * 60, 6 * 60, 12 * 60, 24 * 60].map((min) =>
  min * 60_000
);

/** The longest span that is not longer than what is known, so that a band has no empty beginning. */
export function spanFor(known_ms: number): number {
  return SPANS.findLast((span_ms) => span_ms <= known_ms) ?? SPANS[0]!;
}
