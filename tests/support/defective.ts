/**
 * A command with a defect of the kind that its first argument names; the rest are its arguments.
 *
 * @module
 */
import { commandMain } from "../../lib/cli/command.ts";

const defects: Readonly<Record<string, () => Promise<never>>> = {
  "thrown by what it runs": () => Promise.reject(new Error("on purpose")),
  "thrown in a callback": () => {
    setTimeout(() => {
      throw new Error("on purpose");
    }, 0);
    return new Promise(() => {});
  },
  "thrown after a second": () => {
    setTimeout(() => {
      throw new Error("on purpose");
    }, 1_000);
    return new Promise(() => {});
  },
  "a rejection that nobody handles": () => {
    Promise.reject(new Error("on purpose"));
    return new Promise(() => {});
  },
};

if (import.meta.main) {
  const [defect, ...args] = Deno.args;
  const run = defects[defect!]!;
  const check = () => Promise.resolve({ lines: [], status: 0 as const });
  const openWeb = () => Promise.resolve({ [Symbol.dispose]() {} });
  await commandMain("server", args, { start: () => ({ run, stop() {} }), check, openWeb });
}
