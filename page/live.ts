/// <reference lib="dom" />
/**
 * Receives events, and asks for more whenever one comes; says since when none has come.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import type { OverviewDocument } from "../lib/output/web/documents.ts";

/** What was received last. */
export interface Live {
  /** The last event. */
  readonly overview?: OverviewDocument;
  /** How many have come. */
  readonly received: number;
  /** When the last one came, by this browser's clock, if the next is overdue. */
  readonly staleSince_ms?: number;
}

/** How long, in milliseconds, no event may come: the server sends one every 10 s at least. */
const OVERDUE_MS = 12_000;

/** How long it takes until the next attempt to connect. */
const AGAIN_MS = 2_000;

/** Receives events until the result is called. */
export function startLive(changed: (live: Live) => void): () => void {
  let live: Live = { received: 0 };
  let last_ms = Date.now();
  let source: EventSource | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let overdue: ReturnType<typeof setTimeout> | undefined;
  const set = (next: Live) => changed(live = next);
  const connect = () => {
    source?.close();
    clearTimeout(again);
    clearTimeout(overdue);
    source = new EventSource("/api/events");
    overdue = setTimeout(fail, OVERDUE_MS);
    source.onmessage = ({ data }) => {
      last_ms = Date.now();
      clearTimeout(overdue);
      overdue = setTimeout(fail, OVERDUE_MS);
      set({ overview: JSON.parse(data), received: live.received + 1 });
    };
    source.onerror = fail;
  };
  const fail = () => {
    source?.close();
    clearTimeout(overdue);
    set({ ...live, staleSince_ms: last_ms });
    clearTimeout(again);
    again = setTimeout(connect, AGAIN_MS);
  };
  connect();
  return () => {
    source?.close();
    clearTimeout(again);
    clearTimeout(overdue);
  };
}

/** What a path answers: asked again after each event, and at once when the path changes. */
export function useAnswer<Document>(
  path: string,
  { received }: Live,
): { readonly document?: Document; readonly path?: string; readonly status?: number } {
  const [answer, setAnswer] = useState<{ document?: Document; path?: string; status?: number }>({});
  useEffect(() => {
    if (document.hidden) return;
    const aborting = new AbortController();
    ask(path, aborting.signal).then(setAnswer, () => {
      // The event stream fails as well, and that is said.
    });
    return () => aborting.abort();
  }, [path, received]);
  return answer;

  async function ask(path: string, signal: AbortSignal) {
    const response = await fetch(path, { signal });
    const { ok, status } = response;
    return { path, status, document: ok ? await response.json() as Document : undefined };
  }
}
