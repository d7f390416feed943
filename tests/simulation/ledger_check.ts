/**
 * Keeps its own books of what one side tells of one session, and holds its summary against them.
 *
 * @module
 */
import type { Event } from "../../lib/session/events.ts";
import type { ConnectionSummary, Summary } from "../../lib/session/ledger.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import { expect, expectSame } from "./violation.ts";

/** The counts of one connection. */
type Counts = Pick<ConnectionSummary, "sent" | "received" | "confirmed" | "resent">;

/** What {@linkcode LedgerCheck} is made of. */
export interface LedgerCheckOptions {
  role: Role;
  /** How many data messages may be unconfirmed. */
  window: number;
  /** How far the session had come, of one that an earlier process of the server has left in its store. */
  start?: number;
}

/** The books of one side of one session. */
export class LedgerCheck {
  /** The last sequence number sent. */
  sent = 0;
  /** The last sequence number confirmed. */
  confirmed = 0;
  /** The last sequence number received. */
  received = 0;
  /** The summary, once it has come. */
  summary?: Summary;
  readonly #options: LedgerCheckOptions;
  readonly #connections: Counts[] = [];
  #sentHere = 0;
  /** How many the last resume settled that no event has told of yet. */
  #settling = 0;
  #receivedBefore?: number;

  constructor(options: LedgerCheckOptions) {
    this.#options = options;
  }

  /** Looks at the next event. */
  event(event: Event): void {
    switch (event.event) {
      case "connected":
        this.#connections.push({ sent: 0, received: 0, confirmed: 0, resent: 0 });
        this.#sentHere = this.confirmed;
        return;
      case "resumed":
        return this.#resumed(event);
      case "data_sent":
        return this.#sentOne(event);
      case "data_confirmed":
        expectSame(event.seq, this.confirmed + 1, () => "the next data message confirmed");
        expect(event.seq <= this.sent, () => `${event.seq} confirmed, which was never sent`);
        this.confirmed++;
        this.#sentHere = Math.max(this.#sentHere, this.confirmed);
        // What a resume settles counts for no connection.
        if (event.rtt_ms === null) this.#settling--;
        else this.#here.confirmed++;
        expect(this.#settling >= 0, () => `${event.seq} settled by no resume`);
        return;
      case "data_received":
        this.#receivedBefore ??= event.seq - 1;
        if (this.received === 0) this.received = this.#receivedBefore;
        expectSame(event.seq, this.received + 1, () => "the next data message received");
        this.received++;
        this.#here.received++;
        return;
      case "summary":
        this.summary = event;
        if (this.#options.role === "client") this.#closeBooks(event);
        else this.#closeServerBooks(event);
    }
  }

  /** Up to which message this side knows that all is confirmed, be it by a resume. */
  get known(): number {
    return this.confirmed + this.#settling;
  }

  get #here(): Counts {
    return this.#connections.at(-1)!;
  }

  #resumed({ already_there, resent }: { already_there: number; resent: number }): void {
    if (this.#options.role === "server") return;
    const unconfirmed = this.sent - this.confirmed;
    expectSame(resent + already_there, unconfirmed, () => "resent and already_there of resumed");
    this.#settling = already_there;
    this.#sentHere = this.confirmed + already_there;
  }

  #sentOne({ resent = false, seq }: { resent?: boolean; seq: number }): void {
    expectSame(seq, ++this.#sentHere, () => "the next data message sent");
    expectSame(resent, seq <= this.sent, () => `whether data message ${seq} is sent again`);
    this.sent = Math.max(this.sent, seq);
    this.#here.sent++;
    if (resent) this.#here.resent++;
    const unconfirmed = this.sent - this.confirmed;
    expect(
      unconfirmed <= this.#options.window,
      () => `${unconfirmed} data messages unconfirmed with a window of ${this.#options.window}`,
    );
  }

  #closeBooks(summary: Summary): void {
    const sum = (key: keyof Counts) => this.#connections.reduce((all, each) => all + each[key], 0);
    expectSame(this.#settling, 0, () => "settled by the last resume without an event");
    expectSame(summary.data_sent, this.sent, () => "data_sent of the summary");
    expectSame(summary.data_resent, sum("resent"), () => "data_resent of the summary");
    expectSame(summary.data_confirmed, this.confirmed, () => "data_confirmed of the summary");
    expectSame(summary.confirmed_up_to, this.confirmed, () => "confirmed_up_to of the summary");
    const doubt = this.sent > this.confirmed ? `${this.confirmed + 1},${this.sent}` : "";
    expectSame(summary.in_doubt.join(), doubt, () => "in_doubt of the summary");
    this.#compareConnections(summary, ["sent", "received", "confirmed", "resent"]);
  }

  #closeServerBooks(summary: Summary): void {
    if (this.#receivedBefore !== undefined) {
      const expected = this.received - (this.#options.start ?? this.#receivedBefore);
      expectSame(summary.data_received, expected, () => "data_received of the summary");
      expect(
        summary.confirmed_up_to <= this.received,
        () => `confirmed up to ${summary.confirmed_up_to}, received up to ${this.received}`,
      );
    }
    expectSame(summary.connections, this.#connections.length, () => "connections of the summary");
  }

  #compareConnections(summary: Summary, keys: (keyof Counts)[]): void {
    expectSame(summary.connections, this.#connections.length, () => "connections of the summary");
    const record = this.#connections.slice(-summary.by_connection.length);
    for (const [index, each] of summary.by_connection.entries()) {
      const ours = record[index]!;
      for (const key of keys) {
        expectSame(each[key], ours[key], () => `${key} of connection ${index + 1} of the summary`);
      }
      expect(each.in_doubt >= 0, () => `in_doubt ${each.in_doubt} of connection ${index + 1}`);
      const doubt = ours.sent + ours.received - ours.confirmed;
      expectSame(each.in_doubt, doubt, () => `in_doubt of connection ${index + 1} of the summary`);
    }
  }
}
