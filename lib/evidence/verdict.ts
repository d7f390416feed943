/**
 * Says in one sentence what is proven of an outage.
 *
 * @module
 */
import type { Role } from "../wire/protocol.ts";
import type { Judgement } from "./outages.ts";

/** What the sentence is made of. */
export type Verdict = Pick<Judgement, "began" | "cause" | "at" | "first_noticed_by" | "by_ms">;

const OTHER = { client: "server", server: "client" } as const;

/** Why there was an outage, in which direction it began, and who noticed it first. */
export function verdictText(verdict: Verdict): string {
  return `${causeText(verdict)}; ${noticedText(verdict)}`;
}

function causeText({ at, began, cause }: Verdict): string {
  switch (cause) {
    case "local_stall":
      return `the process of the ${at} did not run for a time: the path is not to blame`;
    case "process_not_running":
      return at === undefined
        ? "a process did not run, while its host, or a proxy in front of it, answered for it"
        : `the process of the ${at} did not run, while its host, or a proxy in front of it, answered for it`;
    case "not_reading":
      return `the process of the ${at} did not read what had arrived`;
    case "held":
      return "confirmations waited at the server, not for the network";
    case "large_packets":
      return `small frames passed, large ones did not${directionText(began)}`;
    case "closed":
      return "the connection was closed (FIN) by the other side or by something on the path";
    case "reset":
      return "the connection was reset (RST) by the other side's host or by something on the path";
    case "path_cut":
      return `the path was cut: ${lostText(began)}`;
    default:
      return began === "unknown"
        ? "its cause is not proven"
        : `its cause is not proven: ${lostText(began)}`;
  }
}

function directionText(began: Verdict["began"]): string {
  if (began === "to_server" || began === "to_client") {
    return ` to the ${began === "to_server" ? "server" : "client"}`;
  }
  return "";
}

function lostText(began: Verdict["began"]): string {
  switch (began) {
    case "to_server":
    case "to_client": {
      const receiver: Role = began === "to_server" ? "server" : "client";
      return `first, what the ${OTHER[receiver]} sent did not arrive at the ${receiver}, ` +
        `while the other direction still worked`;
    }
    case "both":
      return "both directions at once";
    default:
      return "in which direction first is not known";
  }
}

function noticedText({ by_ms, first_noticed_by }: Verdict): string {
  if (first_noticed_by === null) return "which side noticed first is not known";
  if (first_noticed_by === "too_close") {
    const [low, high] = by_ms!;
    return `both noticed at the same time, to within ${seconds(Math.max(-low, high))}`;
  }
  if (!by_ms) return `only the ${first_noticed_by} noticed`;
  const [low, high] = by_ms.map(seconds);
  const by = low === high ? low : `${low} to ${high}`;
  return `the ${first_noticed_by} noticed first, ${by} before the ${OTHER[first_noticed_by]}`;
}

/** Milliseconds as seconds, to the millisecond below ten seconds. */
function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 3 : 1)} s`;
}
