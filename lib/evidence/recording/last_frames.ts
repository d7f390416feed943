/**
 * The last frames of a session, in constant memory.
 *
 * @module
 */

/** How many frames of each direction are kept. */
export const KEPT_FRAMES = 16;

/** A frame that was handed to the network, or received. */
export interface TracedFrame {
  /** Whether this side sent it. */
  readonly isSent: boolean;
  /** Its type. */
  readonly type: string;
  /** Its sequence number or number; -1 if it has none. */
  readonly n: number;
  /** Which connection of its session it was on. */
  readonly connection: number;
  /** When, by the wall clock, in milliseconds. */
  readonly wall_ms: number;
  /** When, by the monotonic clock, in microseconds. */
  readonly mono_us: number;
}

/** A frame in memory is four numbers: monotonic time, wall time, number, and the rest. */
const FIELDS = 4;

const MONO = 0, WALL = 1, NUMBER = 2, CODE = 3;

/** The sent frames, the received ones, and the first one that was sent in vain. */
const SLOTS = 2 * KEPT_FRAMES + 1;

const FIRST_IN_VAIN = SLOTS - 1;

/** In the rest: the type's index, and from here on whether it was taken, the direction, the connection. */
const TAKEN = 32, SENT = 64, CONNECTION = 128;

const TYPES: string[] = ["DATA", "CONFIRM", "HEARTBEAT", "HEARTBEAT_REPLY"];

const DATA = 0, CONFIRM = 1, HEARTBEAT = 2, HEARTBEAT_REPLY = 3;

/** The index of a type; the rare ones get theirs when they first come. */
function typeIndex(type: string): number {
  if (type === "DATA") return DATA;
  if (type === "CONFIRM") return CONFIRM;
  const at = TYPES.indexOf(type);
  return at === -1 ? TYPES.push(type) - 1 : at;
}

/** The last frames of each direction, and of those sent the first that nothing has answered. */
export class LastFrames {
  readonly #frames = new Float64Array(SLOTS * FIELDS);
  #sent = 0;
  #received = 0;
  #confirmedUpTo = 0;
  #repliedUpTo = 0;
  /** The connection of the last reply to a heartbeat: their numbers begin anew with each. */
  #repliedOn = 0;

  /** Adds a frame; `isTaken` if `take` is not to return it. Plain values: this is done with every frame. */
  add(
    isSent: boolean,
    type: string,
    n: number,
    connection: number,
    wall_ms: number,
    mono_us: number,
    isTaken: boolean,
  ): void {
    const frames = this.#frames;
    const index = typeIndex(type);
    const from = FIELDS * (isSent ? this.#slotToSend() : this.#slotToReceive());
    frames[from + MONO] = mono_us;
    frames[from + WALL] = wall_ms;
    frames[from + NUMBER] = n;
    frames[from + CODE] = index + (isTaken ? TAKEN : 0) + (isSent ? SENT : 0) +
      connection * CONNECTION;
    if (isSent) return;
    if (index === CONFIRM) this.#confirmedUpTo = n;
    if (index !== HEARTBEAT_REPLY) return;
    this.#repliedUpTo = n;
    this.#repliedOn = connection;
  }

  /**
   * Takes the last frames of each direction, at most so many, and the first one sent in vain, in order of
   * time; each is taken once.
   */
  take(depth: number): TracedFrame[] {
    const slots = this.#isInVain(FIRST_IN_VAIN) ? [FIRST_IN_VAIN] : [];
    for (let at = Math.max(0, this.#sent - depth); at < this.#sent; at++) {
      slots.push(at % KEPT_FRAMES);
    }
    for (let at = Math.max(0, this.#received - depth); at < this.#received; at++) {
      slots.push(KEPT_FRAMES + at % KEPT_FRAMES);
    }
    return slots.filter((slot) => (this.#code(slot) & TAKEN) === 0)
      .map((slot) => this.#take(slot))
      .sort((a, b) => a.mono_us - b.mono_us);
  }

  #take(slot: number): TracedFrame {
    const frames = this.#frames;
    const from = slot * FIELDS;
    const code = this.#code(slot);
    frames[from + CODE] = code + TAKEN;
    return {
      isSent: (code & SENT) !== 0,
      type: TYPES[code % TAKEN]!,
      n: frames[from + NUMBER]!,
      connection: Math.floor(code / CONNECTION),
      wall_ms: frames[from + WALL]!,
      mono_us: frames[from + MONO]!,
    };
  }

  #code(slot: number): number {
    return this.#frames[slot * FIELDS + CODE]!;
  }

  #slotToReceive(): number {
    return KEPT_FRAMES + this.#received++ % KEPT_FRAMES;
  }

  /** The first frame in vain is moved before its slot is used again. */
  #slotToSend(): number {
    const slot = this.#sent++ % KEPT_FRAMES;
    if (this.#sent > KEPT_FRAMES && this.#isInVain(slot) && !this.#isInVain(FIRST_IN_VAIN)) {
      const from = slot * FIELDS;
      this.#frames.copyWithin(FIRST_IN_VAIN * FIELDS, from, from + FIELDS);
    }
    return slot;
  }

  /** Whether it was sent and nothing has come by which the peer has had it. */
  #isInVain(slot: number): boolean {
    const code = this.#code(slot);
    const n = this.#frames[slot * FIELDS + NUMBER]!;
    if ((code & SENT) === 0) return false;
    if (code % TAKEN === DATA) return n > this.#confirmedUpTo;
    if (code % TAKEN !== HEARTBEAT) return false;
    const connection = Math.floor(code / CONNECTION);
    return connection > this.#repliedOn ||
      (connection === this.#repliedOn && n > this.#repliedUpTo);
  }
}
