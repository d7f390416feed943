import { assert, assertEquals } from "@std/assert";
import { ClockBounds, MAX_DRIFT_PPM, ServerTime } from "../../lib/evidence/clock_bounds.ts";
import { forEachSeed, type Random } from "../support/random.ts";

/** Two clocks with a true offset that is known, and a path between them. */
class Pair {
  readonly bounds = new ClockBounds();
  readonly #random: Random;
  readonly #offset_ms: number;
  readonly #drift_ppm: number;
  readonly #delays_ms: readonly [toServer: number, toClient: number];

  constructor(random: Random) {
    this.#random = random;
    this.#offset_ms = random.between(-1e9, 1e9) / 7;
    this.#drift_ppm = random.between(-MAX_DRIFT_PPM * 9, MAX_DRIFT_PPM * 9) / 10;
    // The path of one direction may be a thousand times as long as that of the other.
    const delay = () => random.pick([0, 0.05, 1, 20, 300]) + random.below(1000) / 1000;
    this.#delays_ms = [delay(), delay()];
  }

  /** The offset at a moment of the client's clock. */
  offset_ms(client_ms: number): number {
    return this.#offset_ms + this.#drift_ppm * 1e-6 * client_ms;
  }

  get drift_ppm(): number {
    return this.#drift_ppm;
  }

  /** Exchanges frames about a moment of the client's clock. */
  exchange(client_ms: number): void {
    const jitter = () => this.#random.pick([0, 0.1, 5, 200]) * this.#random.below(1000) / 1000;
    const server = (at_ms: number) => inMicroseconds(at_ms + this.offset_ms(at_ms));
    const [toServer_ms, toClient_ms] = this.#delays_ms;
    if (!this.#random.oneIn(4)) {
      const arrived_ms = client_ms + toServer_ms + jitter();
      this.bounds.addToServer(inMicroseconds(client_ms), server(arrived_ms));
    }
    if (!this.#random.oneIn(4)) {
      const arrived_ms = client_ms + toClient_ms + jitter();
      this.bounds.addToClient(server(client_ms), inMicroseconds(arrived_ms));
    }
  }
}

function inMicroseconds(ms: number): number {
  return Math.floor(ms * 1000) / 1000;
}

Deno.test("ClockBounds.at() contains the true offset and drift, 10,000 times of 10,000", async () => {
  let bounded = 0;
  await forEachSeed(10_000, (random) => {
    const pair = new Pair(random);
    const step_ms = random.pick([50, 1_000, 5_000, 60_000]);
    const count = random.between(1, 40);
    for (let at = 0; at < count; at++) pair.exchange(at * step_ms + random.below(step_ms));
    // Within the exchanges, before, and after them.
    const asked_ms = random.between(-count * step_ms, 2 * count * step_ms);
    const offset = pair.bounds.at(asked_ms);
    assert(offset !== undefined, "no contradiction");
    const [low_ms, high_ms] = offset.offset_ms;
    const true_ms = pair.offset_ms(asked_ms);
    assert(low_ms <= true_ms && true_ms <= high_ms, `${true_ms} in ${low_ms}, ${high_ms}`);
    const [low_ppm, high_ppm] = offset.drift_ppm;
    assert(low_ppm <= pair.drift_ppm && pair.drift_ppm <= high_ppm, `${low_ppm}, ${high_ppm}`);
    if (high_ms - low_ms < 1_000) bounded++;
  });
  assert(bounded > 5_000, `an interval that says something: ${bounded} times`);
});

Deno.test("ClockBounds.at() is as narrow as the shortest round trip, and narrower than each single one", () => {
  const bounds = new ClockBounds();
  for (let at_ms = 0; at_ms < 60_000; at_ms += 1_000) {
    const slow_ms = at_ms % 3_000 === 0 ? 0.4 : 50;
    bounds.addToServer(at_ms, at_ms + 7_000 + slow_ms);
    bounds.addToClient(at_ms + 7_000, at_ms + 0.6);
  }
  const [low_ms, high_ms] = bounds.at(30_000)!.offset_ms;
  assert(low_ms <= 7_000 && 7_000 <= high_ms);
  assert(high_ms - low_ms < 1.1, `${high_ms - low_ms}`);
});

Deno.test("ClockBounds.at() keeps the interval narrow through an outage, by the drift", () => {
  const bounds = new ClockBounds();
  const server = (at_ms: number) => at_ms * (1 + 80e-6) + 500;
  const exchange = (at_ms: number) => {
    bounds.addToServer(at_ms, server(at_ms + 1));
    bounds.addToClient(server(at_ms), at_ms + 1);
  };
  for (let at_ms = 0; at_ms < 600_000; at_ms += 5_000) exchange(at_ms);
  for (let at_ms = 720_000; at_ms < 1_200_000; at_ms += 5_000) exchange(at_ms);
  const { offset_ms: [low_ms, high_ms], drift_ppm } = bounds.at(660_000)!;
  assert(high_ms - low_ms < 4, `${high_ms - low_ms}`);
  assert(drift_ppm[0] > 50 && drift_ppm[1] < 110, `${drift_ppm}`);
});

Deno.test("ClockBounds.at() contains the true offset when the rate of a clock wanders", async () => {
  await forEachSeed(300, (random) => {
    const bounds = new ClockBounds();
    const period_ms = random.between(60_000, 3_000_000);
    // The rate is at most 9 ppm off 50 ppm.
    const swing_ms = 9e-6 * period_ms / (2 * Math.PI);
    const offset = (at_ms: number) =>
      50e-6 * at_ms + swing_ms * Math.sin(2 * Math.PI * at_ms / period_ms);
    const server = (at_ms: number) => at_ms + offset(at_ms);
    for (let at_ms = 0; at_ms < 1_800_000; at_ms += 5_000) {
      bounds.addToServer(at_ms, server(at_ms + 0.1));
      bounds.addToClient(server(at_ms), at_ms + 0.1);
    }
    const asked_ms = random.below(1_800_000);
    const [low_ms, high_ms] = bounds.at(asked_ms)!.offset_ms;
    assert(low_ms <= offset(asked_ms) && offset(asked_ms) <= high_ms);
  });
});

Deno.test("ClockBounds.at() of frames in one direction is bounded from one side", () => {
  const bounds = new ClockBounds();
  bounds.addToServer(1_000, 1_500);
  const { offset_ms: [low_ms, high_ms] } = bounds.at(1_000)!;
  assertEquals(low_ms, -Infinity);
  assert(Math.abs(high_ms - 500.001) < 1e-9, `${high_ms}`);
  assertEquals(new ClockBounds().at(0)!.offset_ms, [-Infinity, Infinity]);
});

Deno.test("ClockBounds.at() names a contradiction instead of an average", () => {
  const bounds = new ClockBounds();
  bounds.addToServer(1_000, 1_500);
  bounds.addToClient(2_500, 1_000);
  assertEquals(bounds.at(1_000), undefined, "received a second before it was sent");
  // Far from it the frames are others.
  bounds.addToServer(10_000_000, 10_000_100);
  bounds.addToClient(10_000_050, 10_000_000);
  assert(bounds.at(10_000_000) !== undefined);
});

Deno.test("ClockBounds finds a step of a clock as a contradiction, and leaves it out of the rest", async () => {
  await forEachSeed(200, (random) => {
    const bounds = new ClockBounds();
    const step_ms = random.pick([-1, 1]) * random.between(50, 30_000);
    for (let at_ms = 0; at_ms < 100_000; at_ms += 1_000) {
      const offset_ms = at_ms < 50_000 ? 100 : 100 + step_ms;
      bounds.addToServer(at_ms, at_ms + offset_ms + 2);
      bounds.addToClient(at_ms + offset_ms, at_ms + 2);
    }
    assertEquals(bounds.at(50_000), undefined, `${step_ms}`);
  });
});

Deno.test("ClockBounds is as tight by a million frames as by those that matter", () => {
  const bounds = new ClockBounds();
  for (let at = 0; at < 500_000; at++) {
    const at_ms = at * 5;
    bounds.addToServer(at_ms, at_ms + 1_000 + 1 + (at % 7));
    bounds.addToClient(at_ms + 1_000, at_ms + 1 + (at % 5));
  }
  for (let at = 0; at < 500; at++) {
    const [low_ms, high_ms] = bounds.at(at * 5_000)!.offset_ms;
    assert(low_ms <= 1_000 && 1_000 <= high_ms && high_ms - low_ms < 2.3);
  }
});

Deno.test("ServerTime.onClient() contains the true moment, and is about as narrow as the bounds", async () => {
  let narrow = 0;
  await forEachSeed(500, (random) => {
    const pair = new Pair(random);
    for (let at = 0; at < 30; at++) pair.exchange(at * 5_000 + random.below(5_000));
    const client_ms = random.between(-60_000, 210_000);
    const server_ms = client_ms + pair.offset_ms(client_ms);
    // The guess may be hours off.
    const guess_ms = pair.offset_ms(0) + random.pick([0, 500, -3_600_000]);
    const [low_ms, high_ms] = new ServerTime(pair.bounds, guess_ms).onClient(server_ms);
    assert(low_ms <= client_ms && client_ms <= high_ms, `${low_ms} ${client_ms} ${high_ms}`);
    const [low, high] = pair.bounds.at(client_ms)!.offset_ms;
    if (high_ms - low_ms < high - low + 1) narrow++;
  });
  assert(narrow > 400, `${narrow}`);
});
