/**
 * Close reasons: of errors, for exit statuses, and whether dialling again may help.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { TransportError } from "../../lib/platform/net/transport.ts";
import {
  closeReasonOf,
  type EndedBy,
  type EndReason,
  exitStatus,
  isRetryable,
} from "../../lib/session/close_reason.ts";

/** By, reason, exit status of the client and of the server, then the same of a session never open. */
const ENDS: readonly [EndedBy, EndReason, number, number, number, number, retryable: boolean][] = [
  ["self", "done", 0, 0, 3, 0, false],
  ["self", "shutdown", 0, 0, 0, 0, false],
  ["self", "silent", 1, 1, 3, 3, true],
  ["self", "protocol", 1, 1, 3, 3, false],
  ["peer", "done", 1, 0, 3, 3, false],
  ["peer", "shutdown", 1, 0, 3, 3, true],
  ["peer", "refused", 4, 4, 4, 4, false],
  ["peer", "closed", 1, 1, 3, 3, true],
  ["peer", "superseded", 1, 1, 3, 3, true],
  ["network", "refused", 1, 1, 3, 3, true],
  ["network", "reset", 1, 1, 3, 3, true],
  ["network", "unreachable", 1, 1, 3, 3, true],
  ["network", "name_not_found", 1, 1, 3, 3, true],
  ["network", "failed", 1, 1, 3, 3, true],
];

for (const [by, reason, ...expected] of ENDS) {
  Deno.test(`exitStatus() and isRetryable() of ${reason} by ${by}`, () => {
    const closeReason = { by, reason, text: "" };
    const statuses = [true, false].flatMap((wasOpen) => [
      exitStatus(closeReason, "client", wasOpen),
      exitStatus(closeReason, "server", wasOpen),
    ]);
    assertEquals<unknown[]>([...statuses, isRetryable(closeReason)], expected);
  });
}

Deno.test("closeReasonOf() tells a failed connection from a defect of this program", () => {
  const reset = new TransportError("reset", "os error 104");
  assertEquals(closeReasonOf(reset), { by: "network", reason: "reset", text: "os error 104" });
  const many = new TransportError("too_many_open_files", "os error 24", { code: "EMFILE" });
  const failed = { by: "network", reason: "failed", text: "os error 24", code: "EMFILE" } as const;
  assertEquals(closeReasonOf(many), failed);
  assertEquals(closeReasonOf(new TypeError("x")), {
    by: "self",
    reason: "failed",
    text: "a defect of this program: TypeError: x",
  });
});
