/** Processes that end while threads of machine code start or run, and such as may not make code of text: by what is built. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isas } from "../../helpers/native.ts";
import { type Ended, root, runNode } from "../../helpers/processes.ts";

const library = JSON.stringify(join(root, "dist/index.js"));
/** Trains on so many threads, and does something after so many milliseconds; says the loss of its first epoch. */
const training = (threads: number, ms: number, then: string): string => `
  import { sequential, embedding, lstm, dense, fit } from ${library};
  const x = Array.from({ length: 512 }, (_, i) => Array.from({ length: 50 }, (_, t) => (i * t) % 10));
  const y = x.map((row) => row[3]);
  setTimeout(() => { ${then} }, ${ms});
  const model = sequential([embedding(10, 16), lstm(128), dense(10)], { seed: 1 });
  const { history } = await fit(model, x, y, { epochs: ${ms < 5000 ? 50 : 1}, engine: "native", threads: ${threads}, seed: 1 });
  console.log(history.loss);
  process.exit(0);`;
const runProgram = (program: string, ...flags: string[]): Promise<Ended> =>
  runNode([...flags, "--input-type=module", "-e", program]);

describe.skipIf(isas.length === 0)("a process that ends while threads", () => {
  // Workers load koffi after 0.2 to 0.7 s, and run then.
  test.each([
    [8, 250],
    [8, 350],
    [8, 450],
    [4, 500],
    [2, 500],
    [2, 700],
    [2, 900],
  ])("%i start or run, after %i ms, has the exit code that it gives", async (threads, ms) => {
    expect(await runProgram(training(threads, ms, "process.exit(7)"))).toEqual({ code: 7, out: "", err: "" });
  });
  test("start is told its own error", async () => {
    const { code, err } = await runProgram(training(8, 350, 'throw new Error("mine")'));
    expect({ code, isItsOwn: err.includes("Error: mine") }).toEqual({ code: 1, isItsOwn: true });
  });
});

test.skipIf(isas.length === 0)("threads need no code made of strings", async () => {
  const [one, two] = await Promise.all([
    runProgram(training(1, 1e6, "")),
    runProgram(training(2, 1e6, ""), "--disallow-code-generation-from-strings"),
  ]);
  expect(one.code).toBe(0);
  expect(two).toEqual(one);
});

test.skipIf(isas.length === 0 || process.platform !== "linux")(
  "a thread does not wait for one that is no more, as where a worker is ended that has workers of its own",
  async () => {
    const { code, out, err } = await runProgram(`
      import { once } from "node:events";
      import { Worker } from "node:worker_threads";
      import { runnerImport } from "vite";
      // Who waits for ever is ended.
      new Worker("setTimeout(() => process.kill(process.pid, 'SIGKILL'), 20000)", { eval: true, execArgv: [] });
      const gone = new Worker(
        "require('node:worker_threads').parentPort.postMessage(require('node:fs').readlinkSync('/proc/thread-self'))",
        { eval: true, execArgv: [] },
      );
      const [link] = await once(gone, "message");
      await once(gone, "exit");
      process.env.GONE = link.split("/")[2];
      await runnerImport(${JSON.stringify(join(import.meta.dirname, "waiting.ts"))});
      process.exit(0);`);
    expect({ code, out, err }).toEqual({ code: 0, out: "0\n", err: "" });
  },
);
