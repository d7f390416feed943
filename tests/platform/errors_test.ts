/**
 * Sentences for file system errors.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { fileErrorText, writeErrorText } from "../../lib/platform/errors.ts";

Deno.test("writeErrorText() goes by the error's code, else by its class, else by its message", () => {
  const coded = Object.assign(new Error("os error 28"), { code: "ENOSPC" });
  assertEquals(writeErrorText(coded), "no space is left on its disk; make room, and start again");
  assertEquals(fileErrorText(coded), "os error 28");
  for (const text of [writeErrorText, fileErrorText]) {
    assertEquals(text(new Deno.errors.NotFound()), "there is no such file");
    assertEquals(text("odd"), "odd");
  }
});
