/**
 * What became of a connection, by what this side saw and by what the server did.
 *
 * @module
 */
import type { KernelAnswer } from "../../platform/net/transport.ts";
import type { IdleConnection, IdleOutcome } from "../../session/idle/idle_connection.ts";
import type { IdleSeen } from "../../wire/idle.ts";
import type { Fate, FirstSpeaker } from "./probe.ts";

/** A fate, and what is to be said of it besides. */
export interface Told {
  /** What became of it; `void` if nothing follows. */
  readonly fate: Fate | "void";
  /** What else is known, for people. */
  readonly text?: string;
}

/** What this side saw. */
export interface OwnFate extends Told {
  /** The same, with what the server saw, if it knows of the connection. */
  with(first: FirstSpeaker, seen: IdleSeen | undefined): Told;
}

/** What became of a connection as this side saw it. */
export function fateOf(outcome: IdleOutcome, idle: IdleConnection): OwnFate {
  const own = ownFate(outcome, idle);
  return { ...own, with: (first, seen) => withServer(own, first, seen) };
}

function ownFate(
  { fate }: IdleOutcome,
  { closeReason, wasStalled }: IdleConnection,
): Told {
  if (wasStalled) return { fate: "void", text: "this host or this process was stalled meanwhile" };
  if (fate === "alive") return { fate: "alive" };
  if (fate === "silent") return { fate: "silent" };
  const { by, reason, text } = closeReason!;
  if (by === "network" && reason === "reset") return { fate: "reset_client" };
  if (by === "network") return { fate: "silent", text };
  if (by === "peer" && reason === "closed") return { fate: "closed" };
  if (by === "self") return { fate: "void", text: text || "the search was stopped" };
  return { fate: "void", text: `the server ended it: ${text || reason}` };
}

const UNKNOWN =
  "the server that was asked does not know the session: it was started since, or there are several";

function withServer(own: Told, first: FirstSpeaker, seen: IdleSeen | undefined): Told {
  if (!seen) return { ...own, text: UNKNOWN };
  const { fate } = own;
  switch (seen.state) {
    case "reset":
      return { fate: fate === "reset_client" ? "reset_both" : "reset_server" };
    case "void":
      return { fate: "void", text: "the server was stalled meanwhile" };
    case "closed":
      return fate === "silent" ? { fate: "closed", text: "closed (FIN) at the server alone" } : own;
    case "idle":
      if (fate !== "silent" || first === "client") return own;
      return { fate: "void", text: "the server had not spoken by then" };
    case "alive":
      return fate === "silent"
        ? { fate, text: "the server heard this side: what it sends is dropped" }
        : own;
    default:
      return own;
  }
}

/** What the kernel said of a connection without an answer, for people; `undefined` if it knows nothing. */
export function kernelText(answer: KernelAnswer): string | undefined {
  if (!answer || "unreadable" in answer) return undefined;
  const { retransmissions, unacked_bytes } = answer;
  if (unacked_bytes === 0) {
    return "all that was sent is acknowledged: whoever ends the TCP connection still answers for it";
  }
  const bytes = unacked_bytes === 1 ? "1 byte" : `${unacked_bytes} bytes`;
  const times = retransmissions === 1 ? "once" : `${retransmissions} times`;
  return `${bytes} sent and not acknowledged, repeated ${times} in vain`;
}
