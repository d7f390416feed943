/**
 * The original program's protocol, as the entry points register it with a client and a server.
 *
 * @module
 */
import { OriginalClientSession, type OriginalClientSessionOptions } from "./original_client.ts";
import { OriginalSessions, type OriginalSessionsOptions } from "./sessions.ts";
import { beginsOriginal, hasWhole, purposeOf } from "./wire.ts";

/** What a client and a server know of the original program. */
export class OriginalProtocol {
  /** Whether first bytes are enough to tell whether an original client sent them. */
  isDecided(first: Uint8Array): boolean {
    const message = beginsOriginal(first);
    return message === undefined || hasWhole(first, message);
  }

  /** Whether a connection that begins like this is one of an original client. */
  matches(first: Uint8Array): boolean {
    return purposeOf(first) !== undefined;
  }

  /** Makes the sessions of a server, none yet. */
  serve(options: OriginalSessionsOptions): OriginalSessions {
    return new OriginalSessions(options);
  }

  /** Makes a client's session on its first connection. */
  openSession(options: OriginalClientSessionOptions): OriginalClientSession {
    return new OriginalClientSession(options);
  }

  /** Recognizes an original server, which ends no line, by how it answers anything. */
  explainAnswer(first: Uint8Array): string | undefined {
    if (!hasWhole(first, "reply")) return undefined;
    return "it answers as the original program does; use --original";
  }
}
