/**
 * The block on a screen: lines scroll above it, it changes in place, and is gone without a trace.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { LineOutput } from "../../../lib/output/line_output.ts";
import { Block } from "../../../lib/output/live/block.ts";
import { Screen } from "../../support/screen.ts";
import { settle } from "../../support/virtual_clock.ts";

function open(columns = 40, rows = 10) {
  const screen = new Screen(columns, rows);
  const output = new LineOutput(screen, () => {});
  const block = new Block();
  output.footer = block;
  block.resize(columns);
  const show = async (...lines: string[]) => {
    block.show(lines.map((text) => ({ text, width: text.length })));
    output.refresh();
    await settle();
  };
  return { screen, output, block, show };
}

Deno.test("Block stands below the lines, and is gone without a trace", async () => {
  const { output, screen, show } = open();
  output.write("one");
  await show("a: 1", "b: 1");
  assertEquals(screen.text, "one\na: 1\nb: 1");
  assertEquals(screen.cursor, [3, 0]);
  output.write("two");
  output.write("three");
  await settle();
  assertEquals(screen.text, "one\ntwo\nthree\na: 1\nb: 1");
  await show();
  assertEquals(screen.text, "one\ntwo\nthree");
  output.write("four");
  await settle();
  assertEquals(screen.text, "one\ntwo\nthree\nfour");
  assertEquals(screen.cursor, [4, 0]);
});

Deno.test("Block writes what has changed, in one write, and nothing if nothing has", async () => {
  const { screen, show } = open();
  await show("a: 1", "b: 1", "c: 1");
  screen.writes.length = 0;
  await show("a: 1", "b: 22", "c: 1");
  assertEquals(screen.writes, ["\r\x1b[3A\r\nb: 22\x1b[K\r\n\r\n\x1b[J"]);
  await show("a: 1", "b: 22", "c: 1");
  assertEquals(screen.writes.length, 1);
  await show("a: 1", "b", "c: 1");
  assertEquals(screen.text, "a: 1\nb\nc: 1");
});

Deno.test("Block erases itself and is drawn anew in the write of a line", async () => {
  const { output, screen, show } = open();
  await show("a: 1");
  screen.writes.length = 0;
  output.write("line");
  await settle();
  assertEquals(screen.writes, ["\r\x1b[1A\x1b[1M\x1b[Kline\na: 1\r\n"]);
});

Deno.test("Block grows and shrinks, also at the lower edge of the screen", async () => {
  const { output, screen, show } = open(40, 6);
  for (let n = 1; n <= 8; n++) output.write(`line ${n}`);
  await show("a", "b");
  assertEquals(screen.cursor, [5, 0]);
  await show("a", "b", "c", "d", "e");
  const lines = Array.from({ length: 8 }, (_, at) => `line ${at + 1}`).join("\n");
  assertEquals(screen.text, `${lines}\na\nb\nc\nd\ne`);
  assertEquals(screen.cursor, [5, 0]);
  await show("x");
  assertEquals(screen.text, `${lines}\nx`);
  assertEquals(screen.cursor, [1, 0]);
  output.write("a line that is longer than the terminal is wide, and takes two rows of it");
  await settle();
  assert(screen.text.endsWith("wide, and takes two rows of it\nx"), screen.text);
  await show();
  assert(screen.text.endsWith("wide, and takes two rows of it"), screen.text);
});

Deno.test("Block finds itself again when the terminal has become narrower or wider", async () => {
  const { block, output, screen, show } = open(40);
  output.write("line");
  await show("0123456789 0123456789 0123456789", "short");
  screen.resize(12);
  block.resize(12);
  await show("0123456789", "short");
  assertEquals(screen.text, "line\n0123456789\nshort");
  screen.resize(60);
  block.resize(60);
  await show("0123456789 0123456789", "short");
  assertEquals(screen.text, "line\n0123456789 0123456789\nshort");
});

Deno.test("Block erases what is typed below it", async () => {
  const { screen, show } = open();
  await show("a: 1");
  screen.show("typed^C");
  await show("a: 2");
  assertEquals(screen.text, "a: 2");
  screen.show("typed");
  await show();
  assertEquals(screen.text, "");
});

Deno.test("Block.leave() leaves what stands there, and begins anew below", async () => {
  const { block, output, screen, show } = open();
  await show("a: 1");
  screen.show("[1]+  Stopped\n$ fg\n");
  block.leave();
  output.write("line");
  await settle();
  assertEquals(screen.text, "a: 1\n[1]+  Stopped\n$ fg\nline");
  await show("a: 2");
  assertEquals(screen.text, "a: 1\n[1]+  Stopped\n$ fg\nline\na: 2");
});

Deno.test("LineOutput.refresh() does not wait for a terminal that is stopped, and then draws the last", async () => {
  const { output, screen, show } = open();
  await show("a: 1");
  screen.writes.length = 0;
  screen.stop();
  for (let n = 2; n < 100; n++) await show(`a: ${n}`);
  output.write("line");
  screen.go();
  await output.flush();
  assertEquals(screen.text, "line\na: 99");
  assertEquals(screen.writes.length, 2);
});
