/**
 * Looks into the kernel's tables: shared by all who ask at about the same time, in pieces.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { KernelTables } from "../../../lib/platform/net/kernel_view.ts";
import type { KernelAnswer } from "../../../lib/platform/net/transport.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n";

function lineOf(n: number): string {
  const port = n.toString(16).toUpperCase().padStart(4, "0");
  return `${n}: 0100007F:${port} 0100007F:0FA0 01 0000002A:00000000 01:00000052 00000003 0 0 9 3 0 20\n`;
}

const addressesOf = (n: number) => ({ local: `127.0.0.1:${n}`, peer: "127.0.0.1:4000" });

/** Tables of so many connections, of which each read is counted. */
function stage(clock: VirtualClock, text: string | undefined) {
  const reads: number[] = [];
  const tables = new KernelTables(clock, () => {
    reads.push(clock.now());
    return text === undefined ? undefined : new Blob([text]).stream();
  });
  return { reads, tables };
}

Deno.test("one look into the tables serves all who ask within 100 ms, each with its own", async () => {
  const clock = new VirtualClock();
  const { reads, tables } = stage(clock, HEADER + lineOf(1) + lineOf(2) + "15\n");
  const answers: [at_ms: number, answer: KernelAnswer][] = [];
  const ask = (n: number) =>
    tables.look(addressesOf(n), {
      onKernelView: (answer) => void answers.push([clock.now(), answer]),
    });
  ask(1);
  await clock.advance(99);
  ask(2);
  ask(3);
  await clock.advance(1);
  // The look is under way; who asks now is served by the next one.
  ask(1);
  await settled(clock, () => answers.length === 3);
  const figures = {
    unacked_bytes: 42,
    unread_bytes: 0,
    retransmissions: 3,
    timer: "retransmit",
    timer_ms: 820,
    probes: 0,
    rto_ms: 200,
    retries: 15,
    read_ms: 100,
  } as const;
  assertEquals(answers, [[100, figures], [100, figures], [100, undefined]]);
  assertEquals(reads, [100]);
  await clock.advance(100);
  await settled(clock, () => answers.length === 4);
  assertEquals([answers.at(-1), reads], [[200, { ...figures, read_ms: 200 }], [100, 200]]);
});

Deno.test("who asks during a look is served by another one, after a rest as long as the first", async () => {
  const clock = new VirtualClock();
  const looks: ReadableStreamDefaultController<Uint8Array>[] = [];
  const tables = new KernelTables(
    clock,
    () => new ReadableStream({ start: (controller) => void looks.push(controller) }),
  );
  const answered: number[] = [];
  const ask = (n: number) =>
    tables.look(addressesOf(n), { onKernelView: () => void answered.push(n) });
  const finish = (look: number) => {
    looks[look]!.enqueue(new TextEncoder().encode(HEADER));
    looks[look]!.close();
  };
  ask(1);
  await clock.advance(100);
  ask(2);
  await clock.advance(1_000);
  assertEquals([looks.length, answered], [1, []]);
  finish(0);
  await settled(clock, () => answered.length === 1);
  await clock.advance(999);
  assertEquals([looks.length, answered], [1, [1]]);
  await clock.advance(1);
  assertEquals(looks.length, 2);
  finish(1);
  await settled(clock, () => answered.length === 2);
  assertEquals(answered, [1, 2]);
});

/** Blobs are read in real time. */
async function settled(clock: VirtualClock, isDone: () => boolean): Promise<void> {
  while (!isDone()) await clock.advance(0);
}

Deno.test("where nothing can be read, the first to ask is told why, and nobody asks again", async () => {
  for (const text of [undefined, "", "15\n"]) {
    const clock = new VirtualClock();
    const { reads, tables } = stage(clock, text);
    const answers: KernelAnswer[] = [];
    const receiver = { onKernelView: (answer: KernelAnswer) => void answers.push(answer) };
    for (const n of [1, 2]) tables.look(addressesOf(n), receiver);
    await clock.advance(100);
    await settled(clock, () => answers.length === 2);
    assert(typeof Object(answers[0]).unreadable === "string");
    tables.look(addressesOf(1), receiver);
    assertEquals([answers.slice(1), reads], [[undefined, undefined], [100]]);
  }
});

/** Notes how much is done in each turn of the event loop. */
class TurnCountingClock extends VirtualClock {
  turns = 0;
  most = 0;
  inThisTurn = 0;

  override afterInput(callback: () => void): void {
    super.afterInput(() => {
      this.turns++;
      this.inThisTurn = 0;
      callback();
    });
  }

  count(): void {
    this.most = Math.max(this.most, ++this.inThisTurn);
  }
}

Deno.test("10,000 asks of 10,000 lines take many turns, each with a few of them", async () => {
  const clock = new TurnCountingClock();
  const count = 10_000;
  let text = HEADER;
  for (let n = 1; n <= count; n++) text += lineOf(n);
  const { reads, tables } = stage(clock, `${text}15\n`);
  let answered = 0;
  for (let n = 1; n <= count; n++) {
    const onKernelView = (answer: KernelAnswer) => {
      if (answer && "timer" in answer) answered++;
      clock.count();
    };
    tables.look(addressesOf(n), { onKernelView });
  }
  await clock.advance(100);
  await settled(clock, () => answered === count);
  assertEquals([reads, clock.most], [[100], 64]);
  // To prepare the asks, to take the tables, and to answer.
  assert(clock.turns >= 2 * (count / 64 - 1) + text.length / 16_384, `${clock.turns} turns`);
});
