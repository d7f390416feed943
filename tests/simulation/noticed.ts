/**
 * What one side of a session has noticed of its outages, from its own events.
 *
 * @module
 */
import type { Event } from "../../lib/session/events.ts";
import type { LedgerCheck } from "./ledger_check.ts";
import type { SimulatedProcess } from "./process.ts";
import type { Watch } from "./watch.ts";
import type { Wire } from "./wire.ts";

/** An outage, as one side has noticed it. */
export interface Outage {
  readonly noticed_ms: number;
  /** Since when it had received no data then, or no answer to a heartbeat. */
  readonly since_ms: number;
  readonly wire: Wire;
  in_doubt: number;
  confirmed: number;
  over_ms?: number;
  settled?: number;
  /** Whether an account has told of it. */
  isTold?: boolean;
  /** Whether a heartbeat was missed in it. */
  hasMissed?: boolean;
}

/** The outages of one side. */
export class Noticed {
  /** All that it has noticed, the last one first noticed at the end. */
  readonly outages: Outage[] = [];
  readonly #process: SimulatedProcess;
  /** How many heartbeats in a row the client has answered in a silence, while no confirmation was owed to it. */
  #answers = 0;
  #answered_ms = 0;
  /** Whether those show that the client of a silent server has nothing to send. */
  #isIdle = false;

  constructor(process: SimulatedProcess) {
    this.#process = process;
  }

  /** The outage that lasts. */
  get open(): Outage | undefined {
    const last = this.outages.at(-1);
    return last?.over_ms === undefined ? last : undefined;
  }

  /** Enters a phase; gives whether an outage is over. */
  phase({ from, idle, silent_ms, to }: Event & { event: "phase" }, watch: Watch): boolean {
    const now_ms = this.#process.now();
    this.#answers = 0;
    if (to === "heartbeat" && !idle) this.notice(watch, now_ms - silent_ms);
    if (to !== "data" || from === to) return false;
    this.#isIdle = false;
    const { open } = this;
    if (!open) return false;
    open.over_ms = now_ms;
    open.settled = Math.min(open.in_doubt, watch.ledger.known - open.confirmed);
    return true;
  }

  /** The connection is lost, noticed by this side or not: what was in its silence before is none of that. */
  disconnected(watch: Watch, hasNoticed: boolean): void {
    if (this.#isIdle && this.open) this.outages.pop();
    if (hasNoticed) this.notice(watch, watch.wires.at(-1)!.lastSignOfLife_ms);
  }

  /** Notices an outage, unless one lasts. */
  notice(watch: Watch, since_ms: number): void {
    const { known, sent } = watch.ledger;
    const books = { in_doubt: sent - known, confirmed: known };
    if (this.open) return void Object.assign(this.open, books);
    const noticed_ms = this.#process.now();
    this.outages.push({ noticed_ms, since_ms, wire: watch.wires.at(-1)!, ...books });
  }

  /**
   * A heartbeat of a server is answered: two in a row show that its client has nothing to send. What it had noticed
   * is over then, and nothing unless a heartbeat was missed, or the client has told of it.
   */
  answered(watch: Watch, client: Noticed | undefined, clients: LedgerCheck | undefined): void {
    this.#answered_ms = this.#process.now();
    const owes = watch.ledger.received > (clients?.known ?? 0);
    this.#answers = owes ? 0 : this.#answers + 1;
    const { open } = this;
    if (this.#answers < 2 || open && client?.wasOverAfter(open)) return;
    if (open?.hasMissed) open.over_ms = this.#process.now();
    else if (open) this.outages.pop();
    this.#isIdle = true;
  }

  /** A heartbeat of a server is missed. */
  missed(watch: Watch): void {
    this.#answers = 0;
    if (this.#isIdle) this.notice(watch, this.#answered_ms);
    if (this.open) this.open.hasMissed = true;
  }

  /** The client has told of an outage, which is counted again from then on. */
  told(): void {
    this.#answers = 0;
  }

  /** An account says of the outage that lasts that it is over for a client that answers. */
  endSilence(client: Noticed | undefined): void {
    const { open } = this;
    if (!open || this.#answers < 2 || !client?.wasOverAfter(open)) return;
    open.over_ms = this.#process.now();
    this.#isIdle = true;
  }

  /** Whether an outage of this side was over after another one was noticed. */
  wasOverAfter({ noticed_ms }: Outage): boolean {
    return this.outages.some(({ over_ms = 0 }) => over_ms > noticed_ms);
  }
}
