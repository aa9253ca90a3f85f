/** Sweeps whose trials are trained by processes of this machine. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const built = join(import.meta.dirname, "../../dist/sweep");
const { sweep } = (await import(join(built, "index.js"))) as typeof import("../../src/sweep/index.ts");
const root = temporaryFolder();
const text = "the cat sat here. a dog ran there. my hen hid here.\n".repeat(40);
const space = { units: [4, 6], rate: { from: 0.01, to: 0.2, scale: "log" } } as const;
const options = (name: string) => ({
  ...{ space, folder: join(root, name), trials: 3, engine: "wasm" as const, workers: 2, checkpointMs: 0 },
  training: { batch: 4, steps: 12, embedding: 4, updates: 600 },
});

/** The program of a process that is killed soon after it has begun with a trial: once, or each time. */
function deadly(trial: number, often: "once" | "always"): URL {
  const file = join(root, `${often}.mjs`);
  writeFileSync(
    file,
    `import { existsSync, writeFileSync } from "node:fs";
    import ${JSON.stringify(join(built, "child.js"))};
    process.on("message", ({ kind, job }) => {
      if (kind !== "train" || job.trial !== ${trial}) return;
      if (${often === "always"}) process.kill(process.pid, "SIGKILL");
      if (existsSync(${JSON.stringify(`${file}.killed`)})) return;
      const timer = setInterval(() => {
        clearInterval(timer);
        writeFileSync(${JSON.stringify(`${file}.killed`)}, "");
        process.kill(process.pid, "SIGKILL");
      }, 30);
    });`,
  );
  return pathToFileURL(file);
}

test("any number of processes gives what this one gives, and one that is killed goes on from its checkpoint", async () => {
  const here = await sweep(text, { ...options("here"), workers: 0 });
  expect(here.trials.map(({ status }) => status)).toEqual(["finished", "finished", "finished"]);
  const killed = await sweep(text, { ...options("killed"), program: deadly(2, "once") });
  expect(killed.trials).toEqual(here.trials);
});

test("a process that is ended does not begin anew with its trial, as where the disk of the sweep is full", async () => {
  const { createTrialProcess } = (await import(
    join(built, "trial-process.js")
  )) as typeof import("../../src/sweep/trial-process.ts");
  const program = join(root, "waiting.mjs");
  writeFileSync(
    program,
    `process.on("message", ({ kind }) => kind === "train" && process.send({ kind: "progress" }));`,
  );
  const one = createTrialProcess({ host: {}, checkpointMs: 0, program: pathToFileURL(program) });
  let begun = 0;
  const trained = one.train({} as Parameters<typeof one.train>[0], undefined, {
    onProgress() {
      begun++;
      one.end();
    },
  });
  expect(await trained).toEqual({ outcome: { kind: "interrupted", updates: 0 } });
  expect(begun).toBe(1);
});

test("a trial that ends each process which trains it fails, and the others go on", async () => {
  const { trials, best } = await sweep(text, { ...options("deadly"), program: deadly(1, "always") });
  expect(trials.map(({ status }) => status)).toEqual(["failed", "finished", "finished"]);
  expect(trials[0]?.message).toBe(
    "its process was killed 5 times before it came further. Is there enough memory for it?",
  );
  expect(best?.trial).toBeGreaterThan(1);
});
