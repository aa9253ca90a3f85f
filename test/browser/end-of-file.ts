/** Browser tests' files follow each other in one process and share its Chromium: after each, what no other can use ends. */
import { afterAll } from "vitest";
import { closeUnshared } from "./harness.ts";
import { stopUnshared } from "./studio.ts";

afterAll(async () => {
  stopUnshared();
  await closeUnshared();
});
