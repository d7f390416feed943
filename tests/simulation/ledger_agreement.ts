/**
 * Checks that the two sides of a session told the same of it in their summaries.
 *
 * @module
 */
import type { Event } from "../../lib/session/events.ts";
import { expect, expectSame } from "./violation.ts";
import type { Watch } from "./watch.ts";

/** What is told of a resume. */
export type Resumed = Pick<Event & { event: "resumed" }, "already_there" | "resent">;

/** Fails unless client and server told the same of a resume. */
export function checkSameResume(session: string, told: Resumed, other?: Resumed): void {
  expectSame(told.resent, other?.resent, () => `resent of ${session}, client and server`);
  expectSame(told.already_there, other?.already_there, () => `already_there of ${session}`);
}

/** Fails unless the ledgers of both sides agree, for the session and each of its connections. */
export function checkAgreement(client: Watch, server: Watch): void {
  const ours = client.ledger.summary;
  const theirs = server.ledger.summary;
  if (!ours || !theirs) return;
  const received = server.ledger.received;
  expect(
    ours.confirmed_up_to <= theirs.confirmed_up_to,
    () =>
      `the client heard ${ours.confirmed_up_to} confirmed, the server said ${theirs.confirmed_up_to}`,
  );
  expect(
    received <= ours.data_sent,
    () => `the server received ${received}, the client sent ${ours.data_sent}`,
  );
  const { by, reason } = client.end!;
  if (by === "self" && reason === "done" && ours.in_doubt.length === 0) {
    expectSame(theirs.confirmed_up_to, ours.confirmed_up_to, () => "confirmed by the server");
  }
  const firstOurs = client.wires.length - ours.by_connection.length;
  const firstTheirs = server.wires.length - theirs.by_connection.length;
  for (const [index, each] of ours.by_connection.entries()) {
    const { route } = client.wires[firstOurs + index]!;
    const there = server.wires.findIndex((wire) => wire.route === route);
    const other = theirs.by_connection[there - firstTheirs];
    if (!other) continue;
    const where = `connection ${firstOurs + index + 1}`;
    expect(
      other.received <= each.sent,
      () => `on ${where} the server received ${other.received}, the client sent ${each.sent}`,
    );
    expect(
      other.resent <= each.resent,
      () => `on ${where} the server counts ${other.resent} resent, the client ${each.resent}`,
    );
    expect(
      each.confirmed <= other.confirmed,
      () =>
        `on ${where} the client heard ${each.confirmed} confirmed, the server said ${other.confirmed}`,
    );
  }
}
