/**
 * Mutates exchanges: their bytes, the frames and numbers and JSON in them, their steps, and their times.
 *
 * @module
 */
import { concat } from "../../lib/platform/bytes.ts";
import type { Random } from "../support/random.ts";
import { type Exchange, say, sizeOf, type Step, textOf } from "./exchange.ts";

/** The most that an exchange may send. */
const MAX_BYTES = 100_000;
/** The most steps that it may have, and the most connections. */
const MAX_STEPS = 200;
const MAX_CONNECTIONS = 6;

const WORDS = [
  ...["HELLO", "WELCOME", "DATA", "CONFIRM", "HEARTBEAT", "HEARTBEAT_REPLY", "HOLD", "ACCOUNT"],
  ...[
    "TERMINATE",
    "CHALLENGE",
    "PROOF",
    "IDLE_RESULTS",
    "CLIENT_DATA_MESSAGE",
    "SERVER_DATA_REPLY",
  ],
  ...[
    "MSG_HEARTBEAT",
    "done",
    "shutdown",
    "silent",
    "full",
    "refused",
    "protocol",
    "store",
    "output",
  ],
  ...["room", "s", "-", "\xff", "\x00", "x".repeat(64), "x".repeat(65), "y".repeat(1_000), ""],
];

const NUMBERS = [
  ...["0", "1", "2", "3", "-1", "+1", "01", "1.5", "1e3", "0x10", "", "16384", "16385", "100000"],
  ...["20001", "1048576", "1048577", "1073741824", "2147483648", "4294967296", "9007199254740991"],
  ...["9007199254740992", "99999999999999999999999", "NaN", "Infinity"],
];

const FRAMES = [
  ...["HELLO 1 s {}\n", "HELLO 2 s {}\n", 'HELLO 1 s {"reconnect":true}\n', "WELCOME 1 s {}\n"],
  ...['HELLO 1 s {"reconnect":true,"confirmed":1,"sent":2,"settled":true}\n', "DATA 1 1\nx\n"],
  ...["DATA 2 0\n\n", "DATA 3 20000\n", "CONFIRM 1\n", "HEARTBEAT 1\n", "HEARTBEAT_REPLY 1\n"],
  ...[
    "HOLD store\n",
    'ACCOUNT {"sent":{},"heard":{}}\n',
    "TERMINATE done\n",
    "TERMINATE silent a\n",
  ],
  ...[
    "\n",
    "\r\n",
    "\0\n",
    "CLIENT_DATA_MESSAGE",
    "MSG_HEARTBEAT",
    "SERVER_DATA_REPLY",
    "TERMINATE",
  ],
];

const KEYS = [
  ...["data_interval", "data_threshold", "heart_beat_interval", "heart_beat_threshold", "knows"],
  ...[
    "heart_beat_additional_tries",
    "max_message_bytes",
    "reconnect",
    "confirmed",
    "sent",
    "settled",
  ],
  ...["token", "received", "session_lifetime", "key", "nonce", "proof", "idle", "idle_results"],
  ...["heard", "stalls", "kernel", "silent_ms", "__proto__", "constructor", "toString", "length"],
];

const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 0.001, 1e-300, 1e300, 2 ** 53, "", "s", "x".repeat(900), [], {}],
  ...[["hold", "account", "full", "token", "idle"], [[[[[[[[]]]]]]]], {
    seconds: 1,
    first: "client",
  }],
  ...["A".repeat(43), { a: { b: { c: [] } } }, [1, null, "x", {}]],
];

const WAITS_MS = [0, 1, 10, 499, 999, 1_000, 1_001, 2_000, 2_001, 4_000, 5_000, 5_001, 9_000];

const ACTS = ["finish", "close", "reset", "deafen"] as const;

/** Makes new exchanges of those that it knows. */
export class Mutator {
  /** Those that it knows: more may be added. */
  readonly corpus: Exchange[];
  readonly #random: Random;
  /** Sessions of others, which it tries to get hold of. */
  names: readonly string[] = [];

  /** Makes a mutator. */
  constructor(corpus: readonly Exchange[], random: Random) {
    this.corpus = [...corpus];
    this.#random = random;
  }

  /** The next exchange. */
  next(): Exchange {
    const random = this.#random;
    let steps = [...this.#pick()];
    if (random.oneIn(6)) steps = this.#splice(steps, this.#pick());
    const times = random.pick([1, 1, 2, 3, 5, 12]);
    for (let n = 0; n < times; n++) {
      const mutated = this.#mutate(steps);
      if (mutated.length <= MAX_STEPS && sizeOf(mutated) <= MAX_BYTES) steps = mutated;
    }
    return steps;
  }

  /** One of those that it knows, rather a short one: what has grown long takes time, and shows little. */
  #pick(): Exchange {
    const [one, other] = [this.#random.pick(this.corpus), this.#random.pick(this.corpus)];
    return sizeOf(one) < sizeOf(other) ? one : other;
  }

  #mutate(steps: Step[]): Step[] {
    const random = this.#random;
    const at = random.below(steps.length + 1);
    const step = steps[at];
    const rest = () => steps.slice(at + 1);
    if (step && "bytes" in step && !random.oneIn(4)) {
      const said = this.#mutateBytes(step.bytes).map((bytes) => ({ on: step.on, bytes }));
      return [...steps.slice(0, at), ...said, ...rest()];
    }
    const on = random.below(random.pick([1, 1, 2, MAX_CONNECTIONS]));
    switch (random.below(7)) {
      case 0:
        return [...steps.slice(0, at), { wait_ms: random.pick(WAITS_MS) }, ...steps.slice(at)];
      case 1:
        return [...steps.slice(0, at), { on, act: random.pick(ACTS) }, ...steps.slice(at)];
      case 2:
        return [...steps.slice(0, at), ...rest()];
      case 3:
        return step ? [...steps.slice(0, at), step, step, ...rest()] : steps;
      case 4:
        return steps.map((each) => "on" in each && random.oneIn(3) ? { ...each, on } : each);
      case 5:
        return [
          ...steps,
          ...steps.map((each) => "on" in each ? { ...each, on: each.on + 1 } : each),
        ]
          .map((each) => "on" in each ? { ...each, on: each.on % MAX_CONNECTIONS } : each);
      default:
        return [...steps.slice(0, at), say(on, this.#frame()), ...steps.slice(at)];
    }
  }

  #splice(one: Exchange, other: Exchange): Step[] {
    const random = this.#random;
    return [
      ...one.slice(0, random.below(one.length + 1)),
      ...other.slice(random.below(other.length + 1)),
    ];
  }

  /** Mutates the bytes of one step, which may become several. */
  #mutateBytes(bytes: Uint8Array): Uint8Array[] {
    const random = this.#random;
    if (random.oneIn(4)) return [this.#damage(bytes)];
    if (random.oneIn(8)) return random.chunks(bytes.subarray(0, 64)).concat(bytes.subarray(64));
    const lines = textOf(bytes).split(/(?<=\n)/);
    const opening = lines.findIndex((line) => /^(HELLO|WELCOME|ACCOUNT) /.test(line));
    const at = opening >= 0 && random.oneIn(3) ? opening : random.below(lines.length);
    const line = lines[at]!;
    const copies = random.pick([2, 2, 2, 2, 3, 3, 3, 20, 300, 2_000]);
    const replaced = random.pick([
      () => "",
      () => line.length * copies < MAX_BYTES ? line.repeat(copies) : line,
      () => this.#frame() + line,
      () => line + this.#frame(),
      () => this.#word(line),
      () => this.#word(line),
      () => this.#number(line),
      () => this.#number(line),
      () => this.#number(line),
      () => this.#json(line),
      () => this.#json(line),
      () => this.#json(line),
      () => line.replace("\n", "\r\n"),
      () => line.padEnd(random.pick([1_022, 1_023, 1_024, 1_025, 70_000]), "z"),
    ])();
    lines[at] = replaced;
    return [concat(lines.map((each) => (say(0, each) as { bytes: Uint8Array }).bytes))];
  }

  #damage(bytes: Uint8Array): Uint8Array {
    const random = this.#random;
    const at = random.below(bytes.length + 1);
    const length = random.pick([1, 1, 2, 8, 64]);
    const wrong = random.bytes(random.pick([0, 1, 1, length, 5_000]));
    return concat([bytes.subarray(0, at), wrong, bytes.subarray(at + random.pick([0, length]))]);
  }

  #frame(): string {
    const random = this.#random;
    if (this.names.length > 0 && random.oneIn(6)) return this.#takeover();
    if (random.oneIn(3)) return random.pick(FRAMES);
    if (random.oneIn(8)) {
      const length = random.pick([10, 5_000, 19_999, 20_000, 20_001]);
      return `DATA ${random.between(1, 4)} ${length}\n${"d".repeat(length)}\n`;
    }
    const text = `${random.pick(WORDS)} ${random.pick(NUMBERS)} ${random.pick(WORDS)}`;
    return `${random.oneIn(3) ? text : random.pick(FRAMES).trimEnd()}\n`;
  }

  /** An opening of somebody else's session. */
  #takeover(): string {
    const random = this.#random;
    const greeting = {
      reconnect: !random.oneIn(4),
      confirmed: random.pick([undefined, 0, 0, 1, 2, 100]),
      sent: random.pick([undefined, 0, 1, 2, 100]),
      settled: random.oneIn(2),
      knows: random.pick([undefined, [], ["token"], ["hold", "account", "full", "token", "idle"]]),
      token: random.pick([undefined, undefined, "A".repeat(43), random.pick(VALUES)]),
    };
    return `HELLO 1 ${random.pick(this.names)} ${JSON.stringify(greeting)}\n`;
  }

  /** Replaces one word: also with the name of somebody else's session. */
  #word(line: string): string {
    const random = this.#random;
    const words = line.split(" ");
    const isHello = words[0] === "HELLO" || words[0] === "WELCOME";
    const at = isHello && random.oneIn(2) ? 2 : random.below(words.length);
    const names = [...WORDS, ...this.names, ...this.names, ...this.names];
    const ids = random.oneIn(2) ? ["s", "t"] : ["s", ...this.names];
    words[at] = random.pick(at === 2 && isHello ? ids : names);
    return words.join(" ");
  }

  #number(line: string): string {
    const numbers = [...line.matchAll(/\d+/g)];
    if (numbers.length === 0) return line + this.#random.pick(NUMBERS);
    const { 0: number, index } = this.#random.pick(numbers);
    const near = String(Number(number) + this.#random.pick([-1, 1]));
    const other = this.#random.oneIn(3) ? near : this.#random.pick(NUMBERS);
    return line.slice(0, index) + other + line.slice(index + number.length);
  }

  #json(line: string): string {
    const random = this.#random;
    const at = line.indexOf("{");
    if (at < 0) return `${line.trimEnd()} {}\n`;
    if (random.oneIn(6)) {
      const rest = random.pick([
        "{",
        "[]",
        "{}{}",
        '"x"',
        "{".repeat(500),
        '{"a":1',
        '{"a":"\xff"}',
      ]);
      return `${line.slice(0, at)}${rest}\n`;
    }
    try {
      const json = JSON.parse(line.slice(at));
      const key = random.pick(random.oneIn(2) ? Object.keys(json).concat("knows") : KEYS);
      if (random.oneIn(4)) delete json[key];
      else Object.defineProperty(json, key, { value: random.pick(VALUES), enumerable: true });
      return `${line.slice(0, at)}${JSON.stringify(json)}\n`;
    } catch {
      return line.replace("{", "{}");
    }
  }
}
