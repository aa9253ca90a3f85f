/** Programs that follow each other in one process end as each would in its own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createHost, type Ended } from "../helpers/host.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const folder = temporaryFolder();
const host = createHost([], 200);
let count = 0;
function run(code: string, ...args: string[]): Promise<Ended> {
  const program = join(folder, `program${count++}.mjs`);
  writeFileSync(program, code);
  return host(folder, program, args);
}
const pid = "process.stdout.write(String(process.pid));";

test("output, exit codes, arguments and the folder are a program's own; the process is one", async () => {
  const says = `
    process.stdout.write([process.cwd() === ${JSON.stringify(folder)}, ...process.argv.slice(2)].join(" "));
    console.error("wrong");
    process.exitCode = 2;`;
  const [{ out: first }, said, { out: last, code }] = await Promise.all([run(pid), run(says, "a", "b"), run(pid)]);
  expect(said).toEqual({ code: 2, signal: null, out: "true a b", err: "wrong\n" });
  expect({ last, code }).toEqual({ last: first, code: 0 });
});

test("what ends its process is told with what it said, and the next has another", async () => {
  const { out: before } = await run(pid);
  expect(await run(`process.stdout.write("a"); process.exit(3); process.stdout.write("b");`)).toEqual({
    ...{ code: 3, signal: null, out: "a", err: "" },
  });
  const { out: after } = await run(pid);
  expect(after).not.toBe(before);
  const broken = await run(`throw new Error("mine");`);
  expect(broken).toMatchObject({ code: 1, err: expect.stringContaining("Error: mine") });
  expect(await run(`process.kill(process.pid, "SIGKILL"); await new Promise(() => {});`)).toMatchObject({
    ...{ code: null, signal: "SIGKILL" },
  });
  expect(await run(pid)).toMatchObject({ code: 0, err: "" });
});

test("a program that waits for something ends once it is there; one that keeps its process is told of", async () => {
  const waits = `setTimeout(() => process.stdout.write("late"), 20);`;
  expect(await run(waits)).toMatchObject({ code: 0, out: "late" });
  expect(await run("setInterval(() => {}, 1000);")).toMatchObject({
    ...{ code: null, err: expect.stringContaining("the process does not end, there is Timeout") },
  });
  expect(await run(`setInterval(() => {}, 1000).unref(); ${pid}`)).toMatchObject({ code: 0, err: "" });
});
