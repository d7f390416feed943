/**
 * Checks that each account of an outage is true, by what the simulation itself knows: what was cut when, which
 * process did not run, what waited, and when either side fell silent. To know less than that is no fault.
 *
 * @module
 */
import type { Event } from "../../lib/session/events.ts";
import { ACCOUNT_LIMIT_MS } from "../../lib/session/timers.ts";
import type { Role } from "../../lib/wire/protocol.ts";
import type { Deliveries } from "./deliveries.ts";
import { TOLERANCE_MS } from "./due.ts";
import type { Cut, Link, Route } from "./link.ts";
import type { LedgerCheck } from "./ledger_check.ts";
import { Noticed, type Outage } from "./noticed.ts";
import type { SimulatedProcess } from "./process.ts";
import { expect, expectSame } from "./violation.ts";
import type { Watch } from "./watch.ts";

type Account = Event & { event: "account" };

/** One side of a session. */
interface Side {
  readonly process: SimulatedProcess;
  readonly noticed: Noticed;
  /** The data messages that it has told of. */
  ledger?: LedgerCheck;
  /** Its last account that the other side's has not been compared with, and when it came. */
  told?: { readonly account: Account; readonly at_ms: number };
}

/** The accounts of all sessions over one link. */
export class AccountChecks {
  readonly #link: Link;
  readonly #sessions = new Map<string, AccountCheck>();

  constructor(link: Link) {
    this.#link = link;
  }

  /** A session begins. */
  begin(session: string, deliveries: Deliveries): void {
    this.#sessions.clear();
    this.#sessions.set(session, new AccountCheck(this.#link, session, deliveries));
  }

  /** Looks at the next event of a side. */
  event(event: Event, watch: Watch, side: { role: Role; process: SimulatedProcess }): void {
    if (event.session !== null) this.#sessions.get(event.session)?.event(event, watch, side);
  }
}

/** The accounts of one session. */
class AccountCheck {
  readonly #link: Link;
  readonly #session: string;
  readonly #deliveries: Deliveries;
  readonly #sides: Partial<Record<Role, Side>> = {};

  constructor(link: Link, session: string, deliveries: Deliveries) {
    this.#link = link;
    this.#session = session;
    this.#deliveries = deliveries;
  }

  event(event: Event, watch: Watch, { process, role }: { role: Role; process: SimulatedProcess }) {
    // What a process knew of a session has died with it.
    if (this.#sides[role]?.process !== process) {
      this.#sides[role] = { process, noticed: new Noticed(process) };
    }
    const side = this.#sides[role]!;
    side.ledger = watch.ledger;
    switch (event.event) {
      case "phase":
        // What the server is told of it is told before the next heartbeat is answered.
        if (side.noticed.phase(event, watch) && role === "client") {
          this.#sides.server?.noticed.told();
        }
        break;
      case "heartbeat_answered": {
        const { ledger, noticed } = this.#sides.client ?? {};
        if (role === "server" && event.rtt_ms !== null) {
          side.noticed.answered(watch, noticed, ledger);
        }
        break;
      }
      case "heartbeat_missed":
        if (role === "server") side.noticed.missed(watch);
        break;
      case "disconnected":
        side.noticed.disconnected(watch, hasNoticed(event));
        break;
      case "account":
        this.#account(event, role, side);
    }
  }

  #account(account: Account, role: Role, side: Side): void {
    const now_ms = side.process.now();
    const tell = `account of the ${role}: ${JSON.stringify(account)}`;
    expect(account.peer !== "contradicts", () => `nobody lies, but ${tell}`);
    const other = this.#sides[role === "client" ? "server" : "client"];
    if (role === "server") side.noticed.endSilence(other?.noticed);
    const own = side.noticed.outages.findLast(({ over_ms }) => over_ms !== undefined);
    const isOwn = own && !own.isTold &&
      (now_ms <= own.over_ms! + ACCOUNT_LIMIT_MS || !side.process.ranSince(own.over_ms!));
    const untold = isOwn ? own : undefined;
    // What only the other side has noticed is told when its account arrives.
    const from_ms = untold ? untold.noticed_ms - this.#slow_ms : -Infinity;
    const others = other?.noticed.outages.filter(({ over_ms = now_ms }) => over_ms >= from_ms) ??
      [];
    if (untold) untold.isTold = true;
    const seen = [...untold ? [untold] : [], ...others];
    expect(seen.length > 0, () => `no side has noticed an outage, but ${tell}`);
    const window = {
      from_ms: Math.min(...seen.map(({ since_ms }) => since_ms)) - this.#slow_ms,
      to_ms: now_ms,
      routes: seen.map(({ wire }) => wire.route),
    };
    this.#checkBegan(account, window, tell);
    this.#checkCause(account, window, seen, tell);
    this.#checkNoticed(account, role, untold, others, tell);
    this.#checkBooks(account, role === "client" ? seen.slice(0, 1) : others, role, untold, tell);
    if (untold) this.#checkTime(untold.over_ms!, side, tell);
    if (account.peer === "agrees") this.#checkAgreement(account, side, other);
  }

  /** How long frames may be under way without anything being wrong. */
  get #slow_ms(): number {
    return 2 * this.#link.quality.latency_ms[1] + TOLERANCE_MS;
  }

  #cuts({ from_ms, routes, to_ms }: Window): readonly Cut[] {
    return this.#link.cuts.filter((cut) =>
      cut.from_ms <= to_ms && cut.until_ms >= from_ms && (!cut.route || routes.includes(cut.route))
    );
  }

  #checkBegan({ began, not_proven }: Account, window: Window, tell: string): void {
    if (began === "unknown") return;
    const cuts = this.#cuts(window);
    const meets = (a: Cut, b: Cut) => a.from_ms < b.until_ms && b.from_ms < a.until_ms;
    const holds = began === "both"
      ? cuts.some((a) => cuts.some((b) => a.direction !== b.direction && meets(a, b)))
      : cuts.some((cut) =>
        cut.direction === began &&
        !cuts.some(({ direction, from_ms, route, until_ms }) =>
          direction !== began && from_ms <= cut.from_ms && until_ms > cut.from_ms &&
          (!route || route === cut.route)
        )
      );
    // Both were cut in the short time between a frame and its answer: that is said to be possible.
    const isChance = not_proven.includes("only likely") &&
      cuts.some((a) => cuts.some((b) => a.direction !== b.direction && a.from_ms === b.from_ms));
    expect(
      holds || isChance,
      () => `that is not where the path was cut: ${cutsText(cuts)}; ${tell}`,
    );
  }

  #checkCause({ at, cause }: Account, window: Window, seen: Outage[], tell: string): void {
    const stalled = (role: Role) =>
      this.#sides[role]!.process.stalls.some(({ from_ms, until_ms }) =>
        from_ms <= window.to_ms && until_ms >= window.from_ms
      );
    // Whose own end something has finished is told of a reset when it writes.
    const ended = seen.some(({ wire: { route: { path } } }) => path.client.end ?? path.server.end);
    const holds = {
      unknown: () => true,
      path_cut: () => this.#cuts(window).length > 0,
      local_stall: () => at !== null && stalled(at),
      process_not_running: () => at !== null && stalled(at),
      held: () => this.#deliveries.hasWaited(this.#session, window.from_ms),
      reset: () => ended,
      closed: () => ended,
      not_reading: () => false,
      large_packets: () => false,
    }[cause]();
    expect(holds, () => `that is not the cause; cuts: ${cutsText(this.#cuts(window))}; ${tell}`);
  }

  #checkNoticed(
    { by_ms, first_noticed_by }: Account,
    role: Role,
    own: Outage | undefined,
    others: readonly Outage[],
    tell: string,
  ): void {
    if (first_noticed_by === null) return expectSame(by_ms, null, () => tell);
    const [clients, servers] = role === "client"
      ? [own ? [own] : [], others]
      : [others, own ? [own] : []];
    const what = () =>
      `that is not who noticed it first; client: ${momentsText(clients)}; ` +
      `server: ${momentsText(servers)}; ${tell}`;
    if (by_ms === null) {
      const [ours, theirs] = first_noticed_by === "client"
        ? [clients, servers]
        : [servers, clients];
      const isAlone = ours.some((each) =>
        !theirs.some(({ noticed_ms, over_ms = Infinity }) =>
          noticed_ms < (each.over_ms ?? Infinity) - this.#slow_ms &&
          over_ms > each.noticed_ms + this.#slow_ms
        )
      );
      return expect(isAlone, what);
    }
    const [low, high] = first_noticed_by === "server" ? [-by_ms[1], -by_ms[0]] : by_ms;
    const isClear = low! > 0 || high! < 0;
    expectSame(first_noticed_by === "too_close", !isClear, what);
    const holds = clients.some((client) =>
      servers.some((server) => {
        const by = server.noticed_ms - client.noticed_ms;
        return by >= low! - ROUNDING_MS && by <= high! + ROUNDING_MS;
      })
    );
    expect(holds, what);
  }

  #checkBooks(
    { in_doubt, settled }: Account,
    clients: readonly Outage[],
    role: Role,
    own: Outage | undefined,
    tell: string,
  ): void {
    if (role === "client" && !own) return expectSame(in_doubt, null, () => tell);
    if (in_doubt === null) return;
    const holds = clients.some((each) => each.in_doubt === in_doubt && each.settled === settled);
    const books = () => clients.map((each) => `${each.settled} of ${each.in_doubt}`).join();
    expect(holds, () => `not what the ledger says was settled, ${books()}: ${tell}`);
  }

  #checkTime(over_ms: number, { process }: Side, tell: string): void {
    const late_ms = process.now() - over_ms - ACCOUNT_LIMIT_MS;
    expect(late_ms <= 0 || !process.ranSince(over_ms), () => `${late_ms} ms too late: ${tell}`);
  }

  /** Both sides conclude the same, or one of them less. */
  #checkAgreement(account: Account, side: Side, other: Side | undefined): void {
    const at_ms = side.process.now();
    const { told } = other ?? {};
    if (!told || at_ms - told.at_ms > ACCOUNT_LIMIT_MS) {
      return void (side.told = { account, at_ms });
    }
    other!.told = undefined;
    for (
      const key of ["began", "cause", "at", "first_noticed_by", "in_doubt", "settled"] as const
    ) {
      const [ours, theirs] = [account[key], told.account[key]];
      const isLess = [ours, theirs].some((each) =>
        [null, "unknown", "too_close"].includes(each as string)
      );
      expect(
        ours === theirs || isLess,
        () => `${key} differs: ${JSON.stringify(account)} ${JSON.stringify(told.account)}`,
      );
    }
  }
}

/** What rounding may make of a time. */
const ROUNDING_MS = 0.01;

interface Window {
  readonly from_ms: number;
  readonly to_ms: number;
  /** The connections that were lost or silent then. */
  readonly routes: readonly Route[];
}

/** Whether this side has noticed by itself that the connection was lost. */
function hasNoticed({ by, reason }: Event & { event: "disconnected" }): boolean {
  return reason === "reset" || reason === "closed" || by === "network" ||
    by === "self" && reason === "silent";
}

function cutsText(cuts: readonly Cut[]): string {
  return cuts.map(({ direction, from_ms, until_ms }) => `${direction} ${from_ms} to ${until_ms}`)
    .join(", ") || "none";
}

function momentsText(outages: readonly Outage[]): string {
  return outages.map(({ noticed_ms, over_ms }) => `${noticed_ms} to ${over_ms}`).join() || "no";
}
