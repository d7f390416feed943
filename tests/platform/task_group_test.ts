/**
 * Tasks that their owner waits for.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { TaskGroup } from "../../lib/platform/task_group.ts";
import { settle } from "../support/virtual_clock.ts";

Deno.test("TaskGroup.finished() waits for all tasks, with those added meanwhile", async () => {
  const tasks = new TaskGroup();
  await tasks.finished();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  tasks.add(first.promise.then(() => tasks.add(second.promise)));
  let isFinished = false;
  const finished = tasks.finished().then(() => isFinished = true);
  first.resolve();
  await settle();
  assertEquals(isFinished, false);
  second.resolve();
  await finished;
  tasks.add(Promise.reject(new Error("a defect")));
  await assertRejects(() => tasks.finished(), Error, "a defect");
});
